/**
 * Bloomreach counts requests by the address they come from, whichever project they are for: 100 a second. One pacer is shared by
 * all that leave from this address; each request asks for its turn and waits for it, no longer than it says.
 *
 * Turns are places in time: a bucket that holds `BURST` and fills so slowly that no second reaches the limit. Who comes late to
 * his place looks first how many have left in the second before, so that a machine that stood still does not send what it
 * missed in one go. Places that are not used are lost, which only makes it slower.
 */
import type { Clock } from '../../clock.ts';

export const REQUESTS_PER_SECOND_MAX = 100;
/** Both are kept out of the filling, so that more of them costs throughput; 91 a second are left. */
const BURST = 2;
/** Requests do not arrive as they left: the way there, and a receiver that stood still, bunch them; by 75 ms at this margin. */
const MARGIN = 7;
const WINDOW_MS = 1000;

export type Turn = { readonly granted: true } | { readonly granted: false; readonly waitMs: number };

export type Pacer = {
  /** Not granted: it would be longer than `waitMaxMs`. A signal ends the wait; whoever aborted it will not send. */
  turn(waitMaxMs: number, signal: AbortSignal): Promise<Turn>;
  /** It was too much all the same (429): nobody's turn for so long. */
  hold(ms: number): void;
};

export function createPacer(clock: Clock, requestsPerSecondMax: number = REQUESTS_PER_SECOND_MAX): Pacer {
  const inWindowMax = Math.max(1, requestsPerSecondMax - MARGIN);
  const apartMs = WINDOW_MS / Math.max(1, inWindowMax - BURST);
  const slackMs = (BURST - 1) * apartMs;
  /** When the next place is, if there were no slack; all on the monotonic clock. */
  let next = Number.NEGATIVE_INFINITY;
  let holds = 0;
  /** When the last ones left, at most `inWindowMax` of them. */
  const departures: number[] = [];

  async function depart(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const now = clock.monotonic();
      const crowdedMs = departures.length < inWindowMax ? 0 : (departures[0] as number) + WINDOW_MS - now;
      if (crowdedMs < 1) {
        if (departures.push(now) > inWindowMax) departures.shift();
        return;
      }
      await clock.wait(crowdedMs, signal);
    }
  }

  return {
    async turn(waitMaxMs, signal) {
      const latest = clock.monotonic() + waitMaxMs;
      for (;;) {
        const now = clock.monotonic();
        const waitMs = Math.max(0, next - slackMs - now);
        if (now + waitMs > latest) return { granted: false, waitMs: Math.ceil(waitMs) };
        next = Math.max(next, now) + apartMs;
        const before = holds;
        // Timers know no parts of a millisecond.
        if (waitMs >= 1) await clock.wait(waitMs, signal);
        // Places from before a hold are worth nothing: everybody asks again, in the old order.
        if (before !== holds && !signal.aborted) continue;
        await depart(signal);
        return { granted: true };
      }
    },
    hold(ms) {
      holds++;
      next = Math.max(next, clock.monotonic() + ms + slackMs);
    },
  };
}
