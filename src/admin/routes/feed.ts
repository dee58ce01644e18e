/**
 * `GET /api/feed`: the feed as server-sent events. Each line of the log is one message; `dropped` says how many were lost
 * because this listener was slow. A comment every 15 s keeps proxies from thinking that the connection is dead.
 */
import type { Response } from 'express';
import type { Clock } from '../../clock.ts';
import { type Feed, type FeedBatch, feedListenersMax } from '../../observe/feed.ts';
import { ProblemError } from '../problems.ts';
import type { Routes } from '../router.ts';

const HEARTBEAT_MS = 15_000;
/** Lines are gathered so long: at 500 lines waiting, 5,000 a second at most, however fast the reader. */
const GATHER_MS = 100;
/** A reader that takes nothing for so long has gone, whatever its socket says. */
const STALLED_MS = 30_000;

export function feedRoutes(deps: { readonly clock: Clock; readonly feed: Feed }): Pick<Routes, 'feed'> {
  const { clock, feed } = deps;
  return {
    feed: async ({ query: { source, kind } }, { req, res }) => {
      if (req.method === 'HEAD') {
        res.type('text/event-stream').end();
        return { written: true };
      }
      const filter = { ...(source === undefined ? {} : { source }), ...(kind === undefined ? {} : { kinds: kind }) };
      using listener = feed.listen(filter);
      if (listener === null)
        throw new ProblemError('unavailable', `${feedListenersMax} listen already, or the relay stops.`);
      const gone = new AbortController();
      res.on('close', () => gone.abort());
      // nginx would gather what is meant to be seen at once.
      res.status(200).set({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
      res.write('retry: 2000\n\n');
      while (!gone.signal.aborted) {
        const batch = await listener.next(HEARTBEAT_MS, gone.signal);
        if (batch === null) break;
        if (gone.signal.aborted) break;
        if (!res.write(textOf(batch)) && !(await drained(res, clock, gone.signal))) {
          res.destroy();
          break;
        }
        await clock.wait(GATHER_MS, gone.signal);
      }
      res.end();
      return { written: true };
    },
  };
}

function textOf({ lines, dropped }: FeedBatch): string {
  if (lines.length === 0 && dropped === 0) return ': still here\n\n';
  const lost = dropped === 0 ? '' : `event: dropped\ndata: {"lines":${dropped}}\n\n`;
  return `${lines.map((line) => `data: ${line}\n\n`).join('')}${lost}`;
}

/** False: it took nothing for too long. */
async function drained(res: Response, clock: Clock, gone: AbortSignal): Promise<boolean> {
  const taken = new AbortController();
  const done = () => taken.abort();
  res.once('drain', done);
  await clock.wait(STALLED_MS, AbortSignal.any([taken.signal, gone]));
  res.off('drain', done);
  return taken.signal.aborted;
}
