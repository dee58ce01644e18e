/** The limits at the door as relays of one Redis keep them together, and what the log says of it; one with a store of its own is alone. */
import { openRedisCounters } from '../buffer/redis/counters.ts';
import type { Clock } from '../clock.ts';
import type { Settings } from '../config/settings.ts';
import { SharedCounting } from '../intake/shared-counting.ts';
import type { Log } from '../observe/log.ts';

export type SharedLimits = AsyncDisposable & {
  /** Undefined: nobody to count with. */
  readonly counting: SharedCounting | undefined;
};

export function openSharedLimits({ redis }: Pick<Settings, 'redis'>, clock: Clock, log: Log): SharedLimits {
  if (redis === null) return { counting: undefined, [Symbol.asyncDispose]: async () => undefined };
  const counters = openRedisCounters({ url: redis.url, clock });
  let closing = false;
  const counting = new SharedCounting({
    ...{ counters, clock },
    turned: ({ shared, why }) => {
      if (closing) return;
      if (shared) log.info('limits.shared');
      else log.warn('limits.apart', { reason: why });
    },
  });
  const close = () => {
    closing = true;
    return counters[Symbol.asyncDispose]();
  };
  return { counting, [Symbol.asyncDispose]: close };
}
