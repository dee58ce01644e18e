/** Replays as the API asks for them: refusals are answers there, not errors. */
import type { ReplayRefused, ReplaysAccess } from '../admin/deps.ts';
import type { BufferKeeper } from '../buffer/contract.ts';
import type { Replays } from '../replay/engine.ts';
import { ReplayRefusedError } from '../replay/selection.ts';

export function replayAccess(core: {
  readonly replays: Pick<Replays, 'dryRun' | 'start' | 'cancel'>;
  readonly buffer: Pick<BufferKeeper, 'replay' | 'replays'>;
}): ReplaysAccess {
  const { replays, buffer } = core;
  return {
    dryRun: (asked, over) => refusalsAnswered(replays.dryRun(asked, over)),
    start: (asked, by, patience) => refusalsAnswered(replays.start(asked, by, patience)),
    cancel: (id) => replays.cancel(id),
    record: (id) => buffer.replay(id),
    records: (page) => buffer.replays(page),
  };
}

async function refusalsAnswered<T>(answer: Promise<T>): Promise<T | ReplayRefused> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof ReplayRefusedError)) throw error;
    return { refused: { code: error.code, message: error.message } };
  }
}
