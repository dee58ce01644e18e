/**
 * Limiters as vendors build them, and a destination behind one that is asked as the forwarder asks: through a circuit,
 * as fast as that lets it, with more waiting than may go. Time is simulated, a millisecond at a time.
 */
import { Circuit, type CircuitOptions } from '../../src/forward/circuit.ts';
import type { Outcome } from '../../src/model.ts';

export type Limiter = {
  /** Events a second; may be changed. */
  rate: number;
  take(events: number, now: number): boolean;
};

/** A bucket that holds `burstSeconds` of the rate. */
export function bucketLimiter(rate: number, burstSeconds = 1): Limiter {
  let tokens = Number.POSITIVE_INFINITY;
  let filledAt = 0;
  return {
    rate,
    take(events, now) {
      tokens = Math.min(this.rate * burstSeconds, tokens + ((now - filledAt) * this.rate) / 1000);
      filledAt = now;
      if (events > tokens) return false;
      tokens -= events;
      return true;
    },
  };
}

/** So many in each second of the clock. */
export function secondsLimiter(rate: number): Limiter {
  let second = -1;
  let taken = 0;
  return {
    rate,
    take(events, now) {
      const present = Math.floor(now / 1000);
      if (present !== second) taken = 0;
      second = present;
      if (taken + events > this.rate) return false;
      taken += events;
      return true;
    },
  };
}

/** So many in any `windowMs`, times its length. */
export function slidingLimiter(rate: number, windowMs = 1000): Limiter {
  const log: { events: number; at: number }[] = [];
  let taken = 0;
  return {
    rate,
    take(events, now) {
      while (log[0] && log[0].at <= now - windowMs) taken -= log.shift()?.events ?? 0;
      if (taken + events > (this.rate * windowMs) / 1000) return false;
      taken += events;
      log.push({ events, at: now });
      return true;
    },
  };
}

export type Answered = { readonly at: number; readonly events: number; readonly taken: boolean };

export type SimulationOptions = Partial<Pick<CircuitOptions, 'ceilings' | 'concurrency' | 'eventsMax'>> & {
  readonly limiter: Limiter;
  readonly roundTripMs?: number;
  readonly eventBytes?: number;
  readonly refusal?: Partial<Extract<Outcome, { kind: 'retry' }>>;
  readonly chance?: () => number;
  /** Whether anything waits. */
  readonly pressed?: (now: number) => boolean;
};

export class Simulation {
  readonly answers: Answered[] = [];
  readonly circuit: Circuit;
  readonly #options: SimulationOptions;
  readonly #flying: { events: number; ticket: number; at: number; taken: boolean }[] = [];
  /** Sizes of what was refused and goes first. */
  readonly #again: number[] = [];
  now = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    const clock = {
      now: () => 1_772_366_400_000 + this.now,
      monotonic: () => this.now,
      random: options.chance ?? (() => 0.5),
      wait: () => Promise.reject(new Error('nobody waits here')),
    };
    this.circuit = new Circuit({
      clock,
      concurrency: options.concurrency ?? 10,
      retry: { baseMs: 2000, maxMs: 60_000, jitterMs: [1000, 5000] },
      eventsMax: options.eventsMax ?? 2000,
      ...(options.ceilings ? { ceilings: options.ceilings } : null),
    });
  }

  run(seconds: number): this {
    for (const end = this.now + seconds * 1000; this.now < end; this.now++) {
      this.#land();
      while (this.#mayStart()) this.#start();
    }
    return this;
  }

  /** Between two moments, in seconds. */
  rateBetween(from: number, to: number): number {
    return this.#between(from, to).reduce((sum, { events, taken }) => sum + (taken ? events : 0), 0) / (to - from);
  }

  refusedShare(from: number, to: number): number {
    const answers = this.#between(from, to);
    return answers.filter(({ taken }) => !taken).length / answers.length;
  }

  #between(from: number, to: number): Answered[] {
    return this.answers.filter(({ at }) => at >= from * 1000 && at < to * 1000);
  }

  #mayStart(): boolean {
    const { circuit } = this;
    if (this.#options.pressed?.(this.now) === false) return false;
    if (circuit.waitMs() > 0 || this.#flying.length >= circuit.slots()) return false;
    const events = this.#next();
    return circuit.paceMs({ events, bytes: events * (this.#options.eventBytes ?? 500) }) === 0;
  }

  #next(): number {
    return Math.min(this.#again[0] ?? Number.POSITIVE_INFINITY, this.circuit.eventsMax());
  }

  #start(): void {
    const events = this.#next();
    if (this.#again[0] !== undefined) {
      this.#again[0] -= events;
      if (this.#again[0] === 0) this.#again.shift();
    }
    const ticket = this.circuit.begin({ events, bytes: events * (this.#options.eventBytes ?? 500) });
    const { limiter, roundTripMs = 40 } = this.#options;
    this.#flying.push({ events, ticket, at: this.now + roundTripMs, taken: limiter.take(events, this.now) });
  }

  #land(): void {
    for (let first = this.#flying[0]; first && first.at <= this.now; first = this.#flying[0]) {
      const { events, ticket, taken, at } = first;
      const { roundTripMs = 40 } = this.#options;
      this.#flying.shift();
      if (!taken) this.#again.push(events);
      this.answers.push({ at, events, taken });
      const refused: Outcome = {
        ...{ kind: 'retry', reason: 'rate_limited', message: '429', slowDown: true },
        ...this.#options.refusal,
      };
      this.circuit.settle(ticket, taken ? { kind: 'delivered' } : refused, { events, durationMs: roundTripMs });
    }
  }
}
