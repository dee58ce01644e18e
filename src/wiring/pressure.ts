/**
 * Whether accepting needs the machine right now: webhooks came in, and the event loop had hardly a pause. Mapping then
 * goes slower (mapping/stage.ts); it never stops.
 */
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import type { Clock } from '../clock.ts';

/** Above this share of the time the loop is at work; measured: a relay that keeps up stays below 0.8. */
const BUSY_UTILIZATION = 0.9;
/** A judgement holds so long; shorter ones measure a single batch. */
const WINDOW_MS = 100;
/** Fewer webhooks in a window than this are not what keeps the loop at work. */
const WEBHOOKS_MIN = 200;

export type Pressure = { readonly busy: () => boolean; readonly webhook: () => void };

export function createPressure(clock: Clock): Pressure {
  let since = clock.monotonic();
  let before: EventLoopUtilization = performance.eventLoopUtilization();
  let webhooks = 0;
  let verdict = false;
  return {
    webhook: () => {
      webhooks += 1;
    },
    busy: () => {
      const now = clock.monotonic();
      if (now - since < WINDOW_MS) return verdict;
      const after = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(after, before);
      verdict = webhooks >= WEBHOOKS_MIN && utilization > BUSY_UTILIZATION;
      [since, before, webhooks] = [now, after, 0];
      return verdict;
    },
  };
}
