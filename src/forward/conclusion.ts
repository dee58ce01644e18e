/**
 * What becomes of a batch once its request came to something: settled, given back, or in hand again as a whole, in halves, or
 * without those of its events that are settled. Also how large a batch may be, which answers teach.
 */
import type { Clock } from '../clock.ts';
import type { LeasedEvent, Outcome } from '../model.ts';
import { backoffMs, type RetrySettings } from './backoff.ts';
import { type Batch, bytesOf, DEPTH_MAX, EXTRA_REQUESTS_MAX, halve } from './batch.ts';
import type { Custody } from './custody.ts';
import { reasonOf } from './explain.ts';
import type { Hand } from './hand.ts';
import { sortByVerdict } from './verdicts.ts';

export type ConclusionOptions = {
  readonly clock: Clock;
  readonly custody: Custody;
  readonly hand: Hand;
  readonly leaseMs: number;
  readonly retry: RetrySettings;
  /** The bound that was set. */
  readonly bytesMax: number;
  readonly sizeOf: (event: LeasedEvent) => number;
  readonly newBatchId: () => string;
  /** How long nobody is asked. */
  readonly circuitWaitMs: () => number;
};

/** When the extra requests of a split batch are used up, its parts wait this long for as many again. */
const SPLIT_PAUSE_MS = 10_000;
/** The destination answers; only these events are not settled yet. Shorter than any lease. */
const AGAIN_WAIT_MAX_MS = 10_000;
const BATCH_BYTES_MIN = 1024;
/** With each success after a 413: from a half to the whole in 36 requests, so that a true limit costs one in so many. */
const BATCH_BYTES_GROWTH = 1.02;

export class Conclusion {
  readonly #options: ConclusionOptions;
  /** Lowered by 413. */
  #bytesMax: number;

  constructor(options: ConclusionOptions) {
    this.#options = options;
    this.#bytesMax = options.bytesMax;
  }

  /** Of a batch, now. */
  get bytesMax(): number {
    return this.#bytesMax;
  }

  async reach(batch: Batch, outcome: Outcome): Promise<void> {
    const { custody } = this.#options;
    switch (outcome.kind) {
      case 'delivered':
        this.#grow();
        return await custody.delivered(batch.events);
      case 'split':
        return await this.#split(batch, outcome);
      case 'pause':
        await this.releaseHand();
        return await custody.release(batch.events, true);
      case 'retry':
        return await this.#again(batch, outcome);
      case 'partial':
        this.#grow();
        return await this.#part(batch, outcome);
    }
  }

  async releaseHand(): Promise<void> {
    const { custody, hand } = this.#options;
    for (const batch of hand.takeAll()) await custody.release(batch.events, batch.attempts > 0);
  }

  /** What was too large once need not stay so: a bad event may have been the reason, or a proxy that is gone. */
  #grow(): void {
    this.#bytesMax = Math.min(this.#options.bytesMax, Math.ceil(this.#bytesMax * BATCH_BYTES_GROWTH));
  }

  async #split(batch: Batch, outcome: Extract<Outcome, { kind: 'split' }>): Promise<void> {
    const { clock, custody, hand, newBatchId, sizeOf } = this.#options;
    if (outcome.tooLarge && batch.events.length > 1) {
      this.#bytesMax = Math.max(BATCH_BYTES_MIN, Math.min(this.#bytesMax, Math.floor(batch.bytes / 2)));
    }
    if (batch.events.length === 1 || batch.depth >= DEPTH_MAX) {
      const reason = outcome.tooLarge ? 'too_large' : 'rejected';
      return await custody.bury(batch.events, reason, outcome.message, batch.attempts);
    }
    batch.budget.left -= 2;
    if (batch.budget.left < 0) {
      batch.budget.left = EXTRA_REQUESTS_MAX;
      batch.budget.notBefore = clock.monotonic() + SPLIT_PAUSE_MS;
    }
    hand.putFirst(halve(batch, sizeOf, newBatchId));
  }

  async #again(batch: Batch, outcome: Extract<Outcome, { kind: 'retry' }>): Promise<void> {
    const { custody, hand, circuitWaitMs } = this.#options;
    batch.strikes = outcome.attemptsMax === undefined ? 0 : batch.strikes + 1;
    if (outcome.attemptsMax !== undefined && batch.strikes >= outcome.attemptsMax) {
      return await custody.bury(batch.events, reasonOf(outcome.reason), outcome.message, batch.attempts);
    }
    hand.putFirst([batch]);
    await this.#keepThrough(circuitWaitMs());
  }

  /** The others wait for nobody: what goes again is a batch of its own, and only that waits. */
  async #part(batch: Batch, outcome: Extract<Outcome, { kind: 'partial' }>): Promise<void> {
    const { clock, custody, hand, newBatchId, retry, sizeOf } = this.#options;
    const strikes = batch.strikes + 1;
    const { again, ...settled } = sortByVerdict(batch.events, outcome.verdicts, strikes);
    await custody.conclude(settled, batch.attempts);
    if (again.length === 0) return;
    const waitMs = Math.min(backoffMs(strikes, retry, clock.random()), AGAIN_WAIT_MAX_MS);
    const budget = { left: EXTRA_REQUESTS_MAX, notBefore: clock.monotonic() + waitMs };
    hand.putFirst([{ ...batch, id: newBatchId(), events: again, bytes: bytesOf(again, sizeOf), strikes, budget }]);
    await this.#keepThrough(waitMs);
  }

  /** Before a long sleep: leases that would end in it are extended, or given up when it is longer than a lease. */
  async #keepThrough(waitMs: number): Promise<void> {
    const { clock, custody, hand, leaseMs } = this.#options;
    if (waitMs > leaseMs) return await this.releaseHand();
    const neededUntil = clock.monotonic() + waitMs + leaseMs / 2;
    for (const batch of hand.batches.filter((one) => one.leaseEndsAt < neededUntil)) {
      if (await custody.extend(batch.events, waitMs + leaseMs)) {
        batch.leaseEndsAt = clock.monotonic() + waitMs + leaseMs;
      }
    }
  }
}
