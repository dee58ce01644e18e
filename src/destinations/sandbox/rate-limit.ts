/**
 * A limit on events a second, as vendors have one: a bucket that so many run into and that holds `burstSeconds` of them. A request
 * that it cannot take whole is answered 429 and takes nothing. Ordered as
 * `{"rateLimit": {"eventsPerSecond": 1000, "burstSeconds": 1, "retryAfter": "seconds"}}`; `{"rateLimit": null}` takes it back.
 */
import type { Clock } from '../../clock.ts';
import { JSON_TYPE, type Reply } from './replies.ts';

export type RateLimitOrder = {
  readonly eventsPerSecond: number;
  /** Default 1. */
  readonly burstSeconds?: number;
  /** Whether the answer says when to come again, and in which of the two forms; default not at all, as Mixpanel. */
  readonly retryAfter?: 'seconds' | 'date';
};

export type Refusal = Reply & { readonly headers: Readonly<Record<string, string>> };

export const RATE_LIMITED = JSON.stringify({
  code: 429,
  error: 'Project exceeded rate limits. Please retry the request with exponential backoff.',
  status: 'Too Many Requests',
});

const PER_SECOND_MAX = 1e9;
const BURST_MAX = 3600;

export class RateLimit {
  #order: RateLimitOrder | null = null;
  #tokens = 0;
  #filledAt = Number.NEGATIVE_INFINITY;

  /** Null when it was taken, else what is wrong with it. Full at first; what it holds is kept when only the rate is changed. */
  order(given: unknown): string | null {
    if (given === null) {
      this.clear();
      return null;
    }
    if (typeof given !== 'object') return 'rateLimit is an object or null';
    const { eventsPerSecond, burstSeconds = 1, retryAfter, ...unknown } = given as Record<string, unknown>;
    const strange = Object.keys(unknown)[0];
    if (strange !== undefined) return `unknown field "${strange}"`;
    if (!isBetween(eventsPerSecond, PER_SECOND_MAX))
      return `eventsPerSecond must be above 0, at most ${PER_SECOND_MAX}`;
    if (!isBetween(burstSeconds, BURST_MAX)) return `burstSeconds must be above 0, at most ${BURST_MAX}`;
    if (retryAfter !== undefined && retryAfter !== 'seconds' && retryAfter !== 'date')
      return 'retryAfter: seconds or date';
    if (this.#order === null) this.#filledAt = Number.NEGATIVE_INFINITY;
    this.#order = { eventsPerSecond, burstSeconds, ...(retryAfter === undefined ? null : { retryAfter }) };
    return null;
  }

  clear(): void {
    this.#order = null;
  }

  /** Takes so many, or says why not. */
  refusal(events: number, clock: Clock): Refusal | null {
    if (this.#order === null) return null;
    const { eventsPerSecond, burstSeconds = 1, retryAfter } = this.#order;
    const now = clock.monotonic();
    const capacity = eventsPerSecond * burstSeconds;
    this.#tokens = Math.min(
      capacity,
      this.#tokens + Math.min(capacity, ((now - this.#filledAt) / 1000) * eventsPerSecond),
    );
    this.#filledAt = now;
    if (events <= this.#tokens) {
      this.#tokens -= events;
      return null;
    }
    const seconds = Math.max(1, Math.ceil((Math.min(events, capacity) - this.#tokens) / eventsPerSecond));
    const at = new Date(Math.ceil(clock.now() / 1000 + seconds) * 1000).toUTCString();
    const headers = retryAfter ? { 'retry-after': retryAfter === 'date' ? at : String(seconds) } : {};
    return { status: 429, type: JSON_TYPE, body: RATE_LIMITED, headers };
  }
}

function isBetween(value: unknown, most: number): value is number {
  return typeof value === 'number' && value > 0 && value <= most;
}
