/**
 * Whether the destination knows our credentials, where its success says nothing of it (`/track` says yes to any token): asked at the
 * start, hourly, and before the first events after it refused them.
 *
 *   open      nobody knows yet: events wait for the answer, but not long
 *   trusted   it knows them, or did not say: events go
 *   refused   it does not: events wait until it does
 *
 * No answer changes nothing: it says nothing of the credentials.
 */
import type { Clock } from '../clock.ts';
import type { Destination } from '../destinations/contract.ts';
import type { Outcome } from '../model.ts';
import { IDLE_MS } from './queue.ts';

type Ask = NonNullable<Destination['recognise']>;
type Refusal = Extract<Outcome, { kind: 'pause' }>;

const ASK_EVERY_MS = 3_600_000;
/** When nobody answered. */
const ASK_AGAIN_MS = 60_000;
/** A question that hangs must not stop what may be fine. */
const OPEN_MAX_MS = 5_000;
/** Refusals of a request that put the credentials in doubt. */
const DOUBTS: ReadonlySet<string> = new Set(['unauthorized', 'token_refused']);

export class Credit {
  readonly #ask: Ask | null;
  readonly #clock: Clock;
  #asking = false;
  #refusal: Refusal | null = null;
  /** On the monotonic clock. */
  #askNext: number;
  #openUntil: number | null = null;
  #open: boolean;

  constructor(ask: Ask | null, clock: Clock) {
    this.#ask = ask;
    this.#clock = clock;
    this.#open = ask !== null;
    this.#askNext = clock.monotonic();
  }

  /** Ask now. `answering`: the destination; while it fails, only what events wait for is asked. */
  due(answering: boolean): boolean {
    if (this.#ask === null || this.#asking || this.#clock.monotonic() < this.#askNext) return false;
    return answering || this.#open || this.#refusal !== null;
  }

  /** How long events wait for an answer; 0: they go. */
  waitMs(): number {
    if (this.#refusal !== null) return IDLE_MS;
    if (!this.#open) return 0;
    const now = this.#clock.monotonic();
    this.#openUntil ??= now + OPEN_MAX_MS;
    return Math.max(0, this.#openUntil - now);
  }

  /** What a request came to. */
  noted(outcome: Outcome): void {
    if (this.#ask === null || this.#asking || outcome.kind !== 'pause' || !DOUBTS.has(outcome.reason)) return;
    this.#open = true;
    this.#openUntil = null;
    this.#askNext = this.#clock.monotonic();
  }

  /** What it means for the circuit; null: nothing. What was refused stays so until it is known. */
  async ask(signal: AbortSignal): Promise<Outcome | null> {
    if (this.#ask === null) return null;
    this.#asking = true;
    // Also when it throws: the next question must not follow at once.
    this.#askNext = this.#clock.monotonic() + ASK_AGAIN_MS;
    const refusedBefore = this.#refusal !== null;
    try {
      const said = await this.#ask(signal);
      if (said.kind === 'known') this.#refusal = null;
      if (said.kind === 'refused') this.#refusal = { kind: 'pause', reason: 'token_refused', message: said.message };
      const again = said.kind === 'unknown' && !said.answered ? ASK_AGAIN_MS : ASK_EVERY_MS;
      // When it is refused, the circuit says when: it keeps its own minute.
      this.#askNext = this.#clock.monotonic() + (this.#refusal === null ? again : 0);
      return this.#refusal ?? (refusedBefore ? { kind: 'delivered' } : null);
    } finally {
      this.#asking = false;
      this.#open = false;
    }
  }
}
