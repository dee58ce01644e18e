/**
 * What a destination takes at most, whatever it answers: events in a second and bytes in a minute, each as a bucket that holds a
 * short burst and fills steadily. No second sees more than its events and one burst, no minute more than its bytes.
 */
import type { Ceiling } from '../destinations/contract.ts';

/** Five full requests, a third of Mixpanel's second: a late timer or a slow start is made up for. */
const BURST_EVENTS = 10_000;
/** More than the largest batch that can be set, so that each fits. Kept out of the filling: the minute is never passed. */
const BURST_BYTES = 10_000_000;

class Bucket {
  readonly #perMs: number;
  readonly #capacity: number;
  #tokens: number;
  #filledAt = Number.NEGATIVE_INFINITY;

  constructor(perMs: number, capacity: number) {
    this.#perMs = perMs;
    this.#capacity = capacity;
    this.#tokens = capacity;
  }

  /** Milliseconds until so much may go; what is more than a full bucket goes with a full one. */
  waitMs(amount: number, now: number): number {
    this.#fill(now);
    const missing = Math.min(amount, this.#capacity) - this.#tokens;
    return missing > 0 ? Math.ceil(missing / this.#perMs) : 0;
  }

  take(amount: number, now: number): void {
    this.#fill(now);
    this.#tokens -= amount;
  }

  empty(now: number): void {
    this.#tokens = 0;
    this.#filledAt = now;
  }

  #fill(now: number): void {
    if (now > this.#filledAt)
      this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
  }
}

/** One for each project, however many destinations send to it. */
export function ceilingsByProject(): (ceiling: Ceiling) => Ceilings {
  const projects = new Map<string, Ceilings>();
  return (ceiling) => {
    const known = projects.get(ceiling.project) ?? new Ceilings(ceiling);
    projects.set(ceiling.project, known);
    return known;
  };
}

export class Ceilings {
  readonly #events: Bucket;
  readonly #bytes: Bucket;

  constructor({ eventsPerSecond, bytesPerMinute }: Omit<Ceiling, 'project'>) {
    this.#events = new Bucket(eventsPerSecond / 1000, Math.min(BURST_EVENTS, eventsPerSecond));
    const burst = Math.min(BURST_BYTES, bytesPerMinute / 2);
    this.#bytes = new Bucket((bytesPerMinute - burst) / 60_000, burst);
  }

  waitMs(events: number, bytes: number, now: number): number {
    return Math.max(this.#events.waitMs(events, now), this.#bytes.waitMs(bytes, now));
  }

  take(events: number, bytes: number, now: number): void {
    this.#events.take(events, now);
    this.#bytes.take(bytes, now);
  }

  /** Another relay may just have used them up. */
  empty(now: number): void {
    this.#events.empty(now);
    this.#bytes.empty(now);
  }
}
