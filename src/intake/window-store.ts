/**
 * The count behind a limiter: fixed windows in memory, at most `keysMax` keys (the oldest window goes first).
 * It is express-rate-limit's `Store`; its own MemoryStore has no bound on keys, and a hostile crowd brings many.
 * A fixed window lets up to twice the limit through across its edge; that is what "600/min" means here.
 */
import type { ClientRateLimitInfo, Store } from 'express-rate-limit';
import type { Clock } from '../clock.ts';

type Window = {
  /** Hits counted here alone. */
  own: number;
  /** What Redis last said that all relays counted; 0 when this one is alone. */
  shared: number;
  /** On their way to Redis. */
  asked: number;
  endsAt: number;
};

export class WindowStore implements Store {
  readonly localKeys = true;
  readonly prefix: string;
  readonly windowMs: number;
  readonly #keysMax: number;
  readonly #clock: Clock;
  /** In the order the windows began, so the first is the oldest. */
  readonly #windows = new Map<string, Window>();

  constructor(options: { name: string; windowMs: number; keysMax: number; clock: Clock }) {
    this.prefix = options.name;
    this.windowMs = options.windowMs;
    this.#keysMax = options.keysMax;
    this.#clock = options.clock;
  }

  increment(key: string): ClientRateLimitInfo {
    const window = this.#current(key) ?? this.#begin(key);
    window.own += 1;
    return this.#show(window);
  }

  /** True while a hit may be let through before Redis has said so: it has spoken in this window, and waits for few hits of ours. */
  onCredit(key: string, creditHits: number): boolean {
    const window = this.#current(key);
    return window !== undefined && window.shared > 0 && window.own + window.asked < creditHits;
  }

  /** True while a hit of this key is on its way to Redis. */
  isAsked(key: string): boolean {
    return (this.#current(key)?.asked ?? 0) > 0;
  }

  /** A hit that all relays are to count: `adopt` or `missed` says what came of it. */
  ask(key: string): void {
    (this.#current(key) ?? this.#begin(key)).asked += 1;
  }

  /** It was counted by all: this is what they come to, and how long the window still runs. */
  adopt(key: string, shared: number, leftMs: number): ClientRateLimitInfo {
    const endsAt = this.#clock.monotonic() + Math.min(Math.max(leftMs, 0), this.windowMs);
    const before = this.#current(key);
    // The next window of a key ends a whole length after this one; the rest is the way to Redis and back.
    const same = before !== undefined && endsAt < before.endsAt + this.windowMs / 2;
    if (before && !same) this.#windows.delete(key);
    const window = same ? before : this.#begin(key);
    window.asked = Math.max(0, (before?.asked ?? 0) - 1);
    window.shared = shared;
    window.endsAt = endsAt;
    return { totalHits: window.shared + window.own, resetTime: undefined };
  }

  /** It was not, as far as is known: it counts here. */
  missed(key: string): ClientRateLimitInfo {
    const window = this.#current(key);
    if (window && window.asked > 0) window.asked -= 1;
    return this.increment(key);
  }

  /** What only this relay counted, for all of them to take over. */
  handOver(key: string): number {
    const window = this.#current(key);
    if (!window) return 0;
    const { own } = window;
    window.shared += own;
    window.own = 0;
    return own;
  }

  /** True when no running window has to be forgotten for this key's. */
  hasRoomFor(key: string): boolean {
    if (this.#windows.size < this.#keysMax || this.#windows.has(key)) return true;
    const oldest = this.#windows.values().next();
    return !oldest.done && oldest.value.endsAt <= this.#clock.monotonic();
  }

  decrement(key: string): void {
    const window = this.#current(key);
    if (window && window.own > 0) window.own -= 1;
  }

  resetKey(key: string): void {
    this.#windows.delete(key);
  }

  resetAll(): void {
    this.#windows.clear();
  }

  get(key: string): ClientRateLimitInfo | undefined {
    const window = this.#current(key);
    return window && this.#show(window);
  }

  /** Hits of the running window; 0 when there is none. Costs a map lookup, nothing while no key is known. */
  hits(key: string): number {
    return this.#windows.size === 0 ? 0 : hitsOf(this.#current(key));
  }

  /** Milliseconds until the running window of a key ends; 0 when there is none. */
  leftMs(key: string): number {
    const window = this.#current(key);
    return window ? window.endsAt - this.#clock.monotonic() : 0;
  }

  /** True while no key has a window: the common case, and the cheapest question. */
  get idle(): boolean {
    return this.#windows.size === 0;
  }

  #current(key: string): Window | undefined {
    const window = this.#windows.get(key);
    if (!window || window.endsAt > this.#clock.monotonic()) return window;
    this.#windows.delete(key);
    return undefined;
  }

  #begin(key: string): Window {
    if (this.#windows.size >= this.#keysMax) {
      const oldest = this.#windows.keys().next();
      if (!oldest.done) this.#windows.delete(oldest.value);
    }
    const window = { own: 0, shared: 0, asked: 0, endsAt: this.#clock.monotonic() + this.windowMs };
    this.#windows.set(key, window);
    return window;
  }

  #show(window: Window): ClientRateLimitInfo {
    return { totalHits: hitsOf(window), resetTime: undefined };
  }
}

function hitsOf(window: Window | undefined): number {
  return window === undefined ? 0 : window.own + window.shared + window.asked;
}
