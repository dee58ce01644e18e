/**
 * Bloomreach counts requests by the address they come from, whichever project they are for: 100 a second. One pacer is shared by
 * all that leave from this address; each request asks for its turn and waits for it, no longer than it says.
 *
 * Turns are places in time: a bucket that holds `BURST` and fills so slowly that no second holds more than the limit. Turns
 * asked for and not used are lost, which only makes it slower.
 */
import type { Clock } from '../../clock.ts';

export const REQUESTS_PER_SECOND_MAX = 100;
/** For timers that come late. What it adds to a second the filling leaves out, so more of it costs throughput. */
const BURST = 5;

export type Turn = { readonly granted: true } | { readonly granted: false; readonly waitMs: number };

export type Pacer = {
  /** Not granted: it would be longer than `waitMaxMs`. A signal ends the wait; whoever aborted it will not send. */
  turn(waitMaxMs: number, signal: AbortSignal): Promise<Turn>;
  /** It was too much all the same (429): nobody's turn for so long. */
  hold(ms: number): void;
};

export function createPacer(clock: Clock, requestsPerSecondMax: number = REQUESTS_PER_SECOND_MAX): Pacer {
  const burst = Math.min(BURST, Math.max(1, Math.floor(requestsPerSecondMax / 2)));
  const apartMs = 1000 / Math.max(1, requestsPerSecondMax - burst);
  const slackMs = (burst - 1) * apartMs;
  /** When the next turn is, if there had been no slack; all on the monotonic clock. */
  let next = Number.NEGATIVE_INFINITY;
  let holds = 0;

  return {
    async turn(waitMaxMs, signal) {
      const latest = clock.monotonic() + waitMaxMs;
      for (;;) {
        const now = clock.monotonic();
        const waitMs = Math.max(0, next - slackMs - now);
        if (now + waitMs > latest) return { granted: false, waitMs: Math.ceil(waitMs) };
        next = Math.max(next, now) + apartMs;
        const before = holds;
        if (waitMs > 0) await clock.wait(waitMs, signal);
        // Places from before a hold are worth nothing: everybody asks again, in the old order.
        if (signal.aborted || before === holds) return { granted: true };
      }
    },
    hold(ms) {
      holds++;
      next = Math.max(next, clock.monotonic() + ms + slackMs);
    },
  };
}
