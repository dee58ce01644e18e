/**
 * Whether accepting has priority over mapping right now (house decision 1). A burst is borne first and mapped after: while
 * webhooks come faster than `RATE_MIN`, mapping nearly rests, for at most `BURST_MS`. What lasts longer is no burst but
 * the load of the day, and mapping gets its share again. Rate and time, not processor figures: those look the same for a
 * relay that keeps up easily and for one that waits for its disk.
 */
import type { Clock } from '../clock.ts';

/** A second; slower than this, both fit on one core several times over. */
const RATE_MIN = 3_000;
const WINDOW_MS = 100;
/** The longest that events come later because of others' webhooks. */
const BURST_MS = 4_000;
/** A burst is over when it was quiet for so long; a gap between two waves is not the end. */
const QUIET_MS = 1_000;

export type Pressure = { readonly busy: () => boolean; readonly webhook: () => void };

export function createPressure(clock: Clock): Pressure {
  let windowAt = clock.monotonic();
  let webhooks = 0;
  let burstAt: number | null = null;
  let fastAt = Number.NEGATIVE_INFINITY;

  /** Closes the window when it is over. Asked for every webhook, so that a burst is seen when it begins. */
  const look = (now: number) => {
    if (now - windowAt < WINDOW_MS) return;
    const rate = (webhooks * 1000) / (now - windowAt);
    [windowAt, webhooks] = [now, 0];
    if (rate >= RATE_MIN) {
      burstAt ??= now;
      fastAt = now;
    } else if (now - fastAt > QUIET_MS) burstAt = null;
  };

  return {
    webhook: () => {
      webhooks += 1;
      // The clock is read for one in sixteen: it costs more than the rest of this.
      if ((webhooks & 15) === 0) look(clock.monotonic());
    },
    busy: () => {
      const now = clock.monotonic();
      look(now);
      return burstAt !== null && now - burstAt < BURST_MS && now - fastAt < QUIET_MS;
    },
  };
}
