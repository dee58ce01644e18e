/** Second chances: tried out (dry run), begun, looked after, cancelled. */
import { pageOf } from '../checks.ts';
import type { Bounded, ReplayRefused, ReplaysAccess } from '../deps.ts';
import { ProblemError } from '../problems.ts';
import type { Routes } from '../router.ts';
import { replayAnswer, selectionOf } from '../schemas/replays.ts';

type Ids = 'replay' | 'replays' | 'replayOne' | 'cancelReplay';

/** Counting a million takes longer than a look at a page. */
const COUNT_WITHIN_MS = 30_000;

const gone = () => new ProblemError('not_found', 'There is no such replay; the last 200 are kept.');

export function replayRoutes(replays: ReplaysAccess, bounded: Bounded): Pick<Routes, Ids> {
  return {
    replay: async ({ body: { mode, selection, dry_run, event }, caller }) => {
      const request = { mode, selection: selectionOf(selection), ...(event === undefined ? {} : { edit: { event } }) };
      if (dry_run) {
        const looked = await bounded((over) => replays.dryRun(request, over), COUNT_WITHIN_MS);
        return { json: notRefused(looked) };
      }
      let stored: string | null = null;
      const start = (over: AbortSignal) =>
        replays.start(request, caller.by, {
          over,
          storing: (id) => {
            stored = id;
          },
        });
      const started = await bounded(start, COUNT_WITHIN_MS).catch((error: unknown) => {
        if (error instanceof ProblemError && error.code === 'unavailable') throw late(stored);
        throw error;
      });
      return { json: notRefused(started), status: 202 };
    },
    replays: async ({ query }) => {
      const { items, next } = await bounded(replays.records(pageOf(query)));
      return { json: { items: items.map(replayAnswer), next } };
    },
    replayOne: async ({ params }) => {
      const record = await bounded(replays.record(params.id));
      if (record === null) throw gone();
      return { json: replayAnswer(record) };
    },
    cancelReplay: async ({ params }) => {
      const outcome = await bounded(replays.cancel(params.id));
      const record = outcome === 'unknown' ? null : await bounded(replays.record(params.id));
      if (record === null) throw gone();
      // Cancelled before is cancelled still.
      if (record.state === 'done') throw new ProblemError('replay_ended', 'It came to its end before.');
      return { json: replayAnswer(record) };
    },
  };
}

/** Who was not answered in time must know whether it begins behind their back. */
function late(stored: string | null): ProblemError {
  if (stored === null)
    return new ProblemError('unavailable', 'The relay could not count the selection in time: nothing was begun.');
  const words = `The relay could not say in time whether ${stored} began: GET /api/replays/${stored} knows. A second one sends nothing twice.`;
  return new ProblemError('unavailable', words, { replay: stored });
}

function notRefused<T extends object>(answer: T | ReplayRefused): T {
  if (!('refused' in answer)) return answer;
  const { code, message } = answer.refused;
  if (code === 'too_many') throw new ProblemError('too_many_replays', message);
  const field = { bad_mode: 'mode', bad_selection: 'selection', bad_edit: 'event' }[code];
  throw new ProblemError('bad_body', message, { field });
}
