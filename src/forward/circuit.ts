/**
 * Whether a destination may be asked now, and with how many requests at once.
 *
 *   closed     it answers; up to `slots` requests are in flight
 *   open       it failed (429, 5xx, broken connection): everybody waits for the backoff or for Retry-After
 *   paused     it refuses us as a whole (401, 403, 404, …): everybody waits a minute
 *   half-open  a wait is over: one request goes and decides. Success closes, failure opens for longer.
 *
 * Slots: one at the start and after a 429, one more with each success. How fast requests follow one another is the throttle's and,
 * above it, the ceiling's; both begin where the circuit lets through.
 * Requests that were already on their way when it opened do not count as further failures, and do not close it: only what
 * started in the present period (its ticket) does.
 */
import type { Clock } from '../clock.ts';
import type { Outcome } from '../model.ts';
import { backoffMs, type RetrySettings } from './backoff.ts';
import type { Ceilings } from './ceiling.ts';
import type { CircuitNote } from './circuit-note.ts';
import { type Answered, Throttle } from './throttle.ts';

export type CircuitOptions = {
  readonly clock: Clock;
  readonly concurrency: number;
  readonly retry: RetrySettings;
  /** Of a full request. */
  readonly eventsMax: number;
  /** Whoever sends to the same project has the same. */
  readonly ceilings?: Ceilings;
};

/** What goes in one request. */
export type Load = { readonly events: number; readonly bytes: number };

export type LastError = { readonly reason: string; readonly message: string; readonly at: number };

export type CircuitStatus = {
  readonly state: 'ok' | 'failing' | 'paused';
  /** For the metric: 0 closed, 1 half-open, 2 open or paused. */
  readonly circuit: 0 | 1 | 2;
  /** Since when it is in this state. */
  readonly since: number;
  readonly lastError: LastError | null;
  /** When it is asked again; null while it answers. */
  readonly nextAttemptAt: number | null;
  readonly lastSuccessAt: number | null;
  /** Events a second that it is sent at most, found from its answers; null: no limit was met. */
  readonly rateLimit: number | null;
};

/** Configuration does not mend itself quickly, and refused requests annoy. */
const PROBE_EVERY_MS = 60_000;

function tookSome(outcome: Outcome): boolean {
  if (outcome.kind === 'partial') return outcome.verdicts.some(({ kind }) => kind === 'delivered');
  return outcome.kind === 'delivered';
}

type Failure = Extract<Outcome, { kind: 'retry' | 'pause' }>;

export class Circuit {
  readonly #options: CircuitOptions;
  readonly #throttle: Throttle;
  readonly #ceilings: Ceilings | null;
  #state: 'ok' | 'failing' | 'paused' = 'ok';
  #since: number;
  #ticket = 0;
  #failures = 0;
  #slots = 1;
  /** On the monotonic clock. */
  #closedUntil = 0;
  #probing = false;
  #lastError: LastError | null = null;
  #lastSuccessAt: number | null = null;

  constructor(options: CircuitOptions) {
    this.#options = options;
    this.#throttle = new Throttle({ ...options, now: options.clock.monotonic() });
    this.#ceilings = options.ceilings ?? null;
    this.#since = options.clock.now();
  }

  get answering(): boolean {
    return this.#state === 'ok';
  }

  /** 0: ask now. */
  waitMs(): number {
    return this.#state === 'ok' ? 0 : Math.max(0, this.#closedUntil - this.#options.clock.monotonic());
  }

  slots(): number {
    return this.#state === 'ok' ? this.#slots : 1;
  }

  /** Events for the next request. Ask, as with the next two, only when it may be asked at all (`waitMs`). */
  eventsMax(): number {
    return this.#throttle.eventsMax(this.#options.clock.monotonic());
  }

  /** How long until such a request may start for its rate; 0: now. The one that asks again has waited already. */
  paceMs({ events, bytes }: Load): number {
    if (this.#state !== 'ok') return 0;
    const now = this.#options.clock.monotonic();
    return Math.max(this.#throttle.waitMs(now), this.#ceilings?.waitMs(events, bytes, now) ?? 0);
  }

  /** A request starts. Give the ticket back with what it came to. */
  begin({ events, bytes }: Load): number {
    const now = this.#options.clock.monotonic();
    this.#throttle.began(events, now);
    this.#ceilings?.take(events, bytes, now);
    this.#probing = this.#state !== 'ok';
    return this.#ticket;
  }

  settle(ticket: number, outcome: Outcome, answered: Answered): void {
    const now = this.#options.clock.now();
    const present = ticket === this.#ticket;
    if (present) this.#probing = false;
    if (outcome.kind === 'retry' || outcome.kind === 'pause') {
      this.#lastError = { reason: outcome.reason, message: outcome.message, at: now };
      const opens = present || this.#state === 'ok';
      if (outcome.kind === 'retry' && outcome.slowDown) {
        this.#slots = 1;
        if (opens) this.#throttle.refused(answered, this.#options.clock.monotonic());
      }
      if (opens) this.#open(outcome, now);
      else this.#obeyLate(outcome);
      return;
    }
    // A refusal of the batch (split) or of events in it is an answer too: the destination is there.
    if (tookSome(outcome)) {
      this.#lastSuccessAt = now;
      this.#throttle.delivered(answered, this.#options.clock.monotonic());
      this.#slots = Math.min(this.#slots + 1, this.#options.concurrency);
    }
    if (present) this.#close(now);
  }

  status(): CircuitStatus {
    const wait = this.waitMs();
    return {
      state: this.#state,
      circuit: this.#state === 'ok' ? 0 : this.#probing ? 1 : 2,
      since: this.#since,
      lastError: this.#lastError,
      nextAttemptAt: this.#state === 'ok' ? null : this.#options.clock.now() + wait,
      lastSuccessAt: this.#lastSuccessAt,
      rateLimit: this.#throttle.rate,
    };
  }

  /** For the next relay that sends. */
  note(): CircuitNote {
    return {
      ...{ state: this.#state, since: this.#since, failures: this.#failures, waitMs: this.waitMs() },
      ...{ lastError: this.#lastError, lastSuccessAt: this.#lastSuccessAt, limit: this.#throttle.found },
    };
  }

  /** Another relay sent until now, and wrote that so long ago. */
  goOnFrom({ state, since, failures, waitMs, lastError, lastSuccessAt, limit }: CircuitNote, ageMs: number): void {
    const now = this.#options.clock.monotonic();
    // What is in flight of our own is of an earlier period.
    this.#ticket++;
    this.#state = state;
    this.#since = since;
    this.#failures = failures;
    this.#closedUntil = now + Math.max(0, waitMs - ageMs);
    this.#probing = false;
    this.#slots = 1;
    this.#lastError = lastError;
    this.#lastSuccessAt = lastSuccessAt;
    this.#throttle.goOnFrom(limit, now);
  }

  #close(now: number): void {
    this.#failures = 0;
    this.#enter('ok', now);
  }

  #open(failure: Failure, now: number): void {
    this.#failures++;
    this.#ticket++;
    this.#closedUntil = this.#options.clock.monotonic() + this.#waitAfter(failure);
    this.#enter(failure.kind === 'pause' ? 'paused' : 'failing', now);
  }

  /** An answer from before it opened may still ask for a longer wait. */
  #obeyLate(failure: Failure): void {
    if (this.#state === 'ok' || failure.kind !== 'retry' || failure.retryAfterMs === undefined) return;
    this.#closedUntil = Math.max(this.#closedUntil, this.#options.clock.monotonic() + failure.retryAfterMs);
  }

  #waitAfter(failure: Failure): number {
    if (failure.kind === 'pause') return PROBE_EVERY_MS;
    const { retry, clock } = this.#options;
    return Math.max(backoffMs(this.#failures, retry, clock.random()), failure.retryAfterMs ?? 0);
  }

  #enter(state: 'ok' | 'failing' | 'paused', now: number): void {
    if (state !== this.#state) this.#since = now;
    this.#state = state;
  }
}
