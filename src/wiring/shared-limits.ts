/**
 * The limits at the door as relays of one Redis keep them together, and what log and health say of it; one with a store of its own is
 * alone.
 */
import { openRedisCounters } from '../buffer/redis/counters.ts';
import type { Clock } from '../clock.ts';
import type { Settings } from '../config/settings.ts';
import { SharedCounting } from '../intake/shared-counting.ts';
import type { LimitsApart } from '../observe/health.ts';
import type { Log } from '../observe/log.ts';

export type SharedLimits = AsyncDisposable & {
  /** Undefined: nobody to count with. */
  readonly counting: SharedCounting | undefined;
  /** Since when this relay counts alone, and why; null: all count together. Undefined: nobody to count with. */
  readonly apart: () => LimitsApart | null | undefined;
};

/** Without it a relay to which nothing comes would never know that Redis is well again. */
const TRY_MS = 1_000;

export function openSharedLimits({ redis }: Pick<Settings, 'redis'>, clock: Clock, log: Log): SharedLimits {
  if (redis === null)
    return { counting: undefined, apart: () => undefined, [Symbol.asyncDispose]: async () => undefined };
  const counters = openRedisCounters({ url: redis.url, clock });
  const closing = new AbortController();
  let apart: LimitsApart | null = null;
  const counting = new SharedCounting({
    ...{ counters, clock },
    turned: ({ shared, why }) => {
      apart = shared ? null : { since: clock.now(), reason: why };
      if (closing.signal.aborted) return;
      if (shared) log.info('limits.shared');
      else log.warn('limits.apart', { reason: why });
      if (!shared) void tryAgain();
    },
  });
  // Written as the limiters write, so that what fails for them fails here, too.
  const trial = async () => ({
    answer: await counters.command(['SET', `${counters.prefix}trial`, '1', 'PX', String(TRY_MS)]),
  });
  let trying = false;
  async function tryAgain(): Promise<void> {
    if (trying) return;
    trying = true;
    while (apart !== null && !closing.signal.aborted) {
      await clock.wait(TRY_MS, closing.signal);
      if (apart !== null && !closing.signal.aborted) await counting.ask(trial);
    }
    trying = false;
  }
  const close = () => {
    closing.abort();
    return counters[Symbol.asyncDispose]();
  };
  return { counting, apart: () => apart, [Symbol.asyncDispose]: close };
}
