/** Batches in hand: leased and waiting to be sent, first first; and how many events we hold, those in flight included. */
import type { Batch } from './batch.ts';

export class Hand {
  #batches: Batch[] = [];
  #held = 0;

  /** Events in hand and in flight. */
  get held(): number {
    return this.#held;
  }

  get batches(): readonly Batch[] {
    return this.#batches;
  }

  add(batches: readonly Batch[]): void {
    this.#batches.push(...batches);
    for (const batch of batches) this.#held += batch.events.length;
  }

  /** Back, before all others: what was begun is finished first, so that few batches are open at a time. */
  putFirst(batches: readonly Batch[]): void {
    this.#batches.unshift(...batches);
    for (const batch of batches) this.#held += batch.events.length;
  }

  /** Milliseconds until one may be sent; 0: one may; null: there is none. */
  waitMs(now: number): number | null {
    if (this.#batches.length === 0) return null;
    return this.#batches.reduce((least, batch) => Math.min(least, Math.max(0, batch.budget.notBefore - now)), Infinity);
  }

  /** Chosen, but not sent after all. */
  putBack(batch: Batch): void {
    this.#batches.unshift(batch);
  }

  /** For a request. Say `sent` with it when that has ended. */
  next(now: number): Batch | null {
    const index = this.#batches.findIndex((batch) => batch.budget.notBefore <= now);
    return index < 0 ? null : (this.#batches.splice(index, 1)[0] ?? null);
  }

  sent(batch: Batch): void {
    this.#held -= batch.events.length;
  }

  takeAll(): readonly Batch[] {
    const all = this.#batches;
    this.#batches = [];
    for (const batch of all) this.#held -= batch.events.length;
    return all;
  }
}
