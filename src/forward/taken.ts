/**
 * What a destination took since it was last left in peace, and what that says of its limit.
 *
 * The limiter at the other end is thought of as a bucket: so many events a second run in, and it holds `burst` seconds of
 * them. It was full when we began, because nothing was sent before; and a 429 says that it is empty. Of every stretch that ends
 * there, what was taken is at most what ran in and what was held: rate ≥ taken / (length + burst), and for the stretch that began
 * when it was full for the last time the two are equal. So the highest of these is the rate.
 */

/** Finer would cost more and say no more: requests are 50 ms apart. */
const SLOT_MS = 100;
/** A little more than a minute, the longest window in which a limit is likely to be counted. */
const SLOTS_MAX = 640;
/** Limits are told per second: less time than that says nothing. */
const STRETCH_MIN_MS = 1000;

export class Taken {
  /** When the first request started, the last time on which everything was saved up. */
  #startedAt = 0;
  /** Of the slot from `#startedAt + #first * SLOT_MS` on. */
  readonly #slots: number[] = [];
  #first = 0;
  #endedAt: number | null = null;
  #left = 0;

  get any(): boolean {
    return this.#slots.length > 0;
  }

  /** Answers come in any order; `startedAt`: when the request did. */
  add(events: number, startedAt: number): void {
    if (!this.any) this.#startedAt = startedAt;
    const at = Math.max(0, Math.floor((startedAt - this.#startedAt) / SLOT_MS));
    // After a long silence what came before it is not looked at any more.
    if (at - this.#first - this.#slots.length > SLOTS_MAX) {
      this.#slots.length = 0;
      this.#first = at;
    }
    while (this.#first + this.#slots.length <= at) this.#slots.push(0);
    const index = Math.max(0, at - this.#first);
    this.#slots[index] = (this.#slots[index] ?? 0) + events;
    if (this.#slots.length > 2 * SLOTS_MAX) this.#first += this.#slots.splice(0, this.#slots.length - SLOTS_MAX).length;
  }

  /** The request that started then was refused as a whole; `left`: how many of it, probably, would have been taken. */
  end(left: number, startedAt: number): void {
    if (this.#endedAt !== null) return;
    this.#endedAt = startedAt;
    this.#left = left;
  }

  /** Events a second, if a bucket holds so many seconds of them. What was taken later than the 429 counts for nothing. */
  rate(burstMs: number): number {
    const endedAt = this.#endedAt ?? this.#startedAt;
    let taken = this.#left;
    let highest = 0;
    for (let index = this.#slots.length - 1; index >= 0; index--) {
      const length = endedAt - this.#startedAt - (this.#first + index) * SLOT_MS;
      if (length < 0) continue;
      taken += this.#slots[index] as number;
      highest = Math.max(highest, taken / Math.max(STRETCH_MIN_MS, length + burstMs));
    }
    return highest * 1000;
  }
}
