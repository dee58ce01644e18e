/**
 * The buffer's tally for health, metrics and probes: asked at most so often, however many ask, and never waited for
 * longer than a probe would. Null: the buffer did not answer.
 */
import type { BufferKeeper, BufferTally } from '../buffer/contract.ts';
import type { Clock } from '../clock.ts';

/** A monitor that asks ten times a second must not become the buffer's main work. */
const FRESH_MS = 250;
/** Kubernetes gives a probe one second. */
const WAIT_MS = 800;

export type TallyCache = {
  /** As of `freshMs` ago at the most. */
  get(freshMs?: number): Promise<BufferTally | null>;
  /** What was last seen, at once. */
  readonly last: BufferTally | null;
};

export function createTallyCache(buffer: Pick<BufferKeeper, 'tally'>, clock: Clock): TallyCache {
  let last: BufferTally | null = null;
  let asked = Number.NEGATIVE_INFINITY;
  let asking: Promise<BufferTally | null> | null = null;

  const ask = async (): Promise<BufferTally | null> => {
    const enough = new AbortController();
    try {
      const startedAt = clock.monotonic();
      const answer = await Promise.race([buffer.tally(), clock.wait(WAIT_MS, enough.signal).then(() => null)]);
      if (answer) [last, asked] = [answer, startedAt];
      return answer;
    } catch {
      return null;
    } finally {
      enough.abort();
      asking = null;
    }
  };

  return {
    get: async (freshMs = FRESH_MS) => {
      if (last && clock.monotonic() - asked < freshMs) return last;
      asking ??= ask();
      return asking;
    },
    get last() {
      return last;
    },
  };
}
