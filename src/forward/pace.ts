/**
 * Pacing: `limits.forward` of a source, as a bucket that holds one second's worth (at least one event) and fills steadily.
 * Over it events wait. Events near their age limit go all the same and leave a debt, so that the average holds.
 */
import type { Rate } from '../model.ts';

export type Pace = {
  /** How many events the source may send now; Infinity without a limit. */
  allowed(source: string, now: number): number;
  /** Milliseconds until it may send one; 0 when it may. */
  waitMs(source: string, now: number): number;
  taken(source: string, events: number, now: number): void;
  /** Another relay may just have used up what the buckets hold. */
  empty(now: number): void;
};

type Bucket = { tokens: number; filledAt: number; perMs: number; capacity: number };

/** Idle buckets are full buckets and can be made again. */
const BUCKETS_MAX = 10_000;

export function createPace(forwardRate: (source: string) => Rate | null): Pace {
  const buckets = new Map<string, Bucket>();
  let emptiedAt = Number.NEGATIVE_INFINITY;

  function fill(source: string, now: number): Bucket | null {
    const rate = forwardRate(source);
    if (!rate) {
      buckets.delete(source);
      return null;
    }
    const perMs = rate.count / rate.windowMs;
    const capacity = Math.max(1, perMs * 1000);
    const tokens = Math.min(capacity, (now - emptiedAt) * perMs);
    const bucket = buckets.get(source) ?? { tokens, filledAt: now, perMs, capacity };
    // The limit may have been changed since.
    bucket.tokens = Math.min(capacity, bucket.tokens + (now - bucket.filledAt) * bucket.perMs);
    bucket.filledAt = now;
    bucket.perMs = perMs;
    bucket.capacity = capacity;
    if (!buckets.has(source)) {
      if (buckets.size >= BUCKETS_MAX) dropFull(buckets, now);
      buckets.set(source, bucket);
    }
    return bucket;
  }

  return {
    allowed(source, now) {
      const bucket = fill(source, now);
      return bucket ? Math.max(0, Math.floor(bucket.tokens + ROUNDING)) : Number.POSITIVE_INFINITY;
    },
    waitMs(source, now) {
      const bucket = fill(source, now);
      return bucket && bucket.tokens + ROUNDING < 1 ? Math.ceil((1 - bucket.tokens) / bucket.perMs) : 0;
    },
    taken(source, events, now) {
      const bucket = fill(source, now);
      if (bucket) bucket.tokens -= events;
    },
    empty(now) {
      buckets.clear();
      emptiedAt = now;
    },
  };
}

/** Sums of fractions come out a hair under one; without this the wait would end a millisecond early for ever. */
const ROUNDING = 1e-6;

function dropFull(buckets: Map<string, Bucket>, now: number): void {
  for (const [source, bucket] of buckets) {
    if (bucket.tokens + (now - bucket.filledAt) * bucket.perMs >= bucket.capacity) buckets.delete(source);
  }
}
