/**
 * The count behind a limiter: fixed windows in memory, at most `keysMax` keys (the oldest window goes first).
 * It is express-rate-limit's `Store`; its own MemoryStore has no bound on keys, and a hostile crowd brings many.
 * A fixed window lets up to twice the limit through across its edge; that is what "600/min" means here.
 */
import type { ClientRateLimitInfo, Store } from 'express-rate-limit';
import type { Clock } from '../clock.ts';

type Window = { hits: number; endsAt: number };

export class WindowStore implements Store {
  readonly localKeys = true;
  readonly prefix: string;
  readonly #windowMs: number;
  readonly #keysMax: number;
  readonly #clock: Clock;
  /** In the order the windows began, so the first is the oldest. */
  readonly #windows = new Map<string, Window>();

  constructor(options: { name: string; windowMs: number; keysMax: number; clock: Clock }) {
    this.prefix = options.name;
    this.#windowMs = options.windowMs;
    this.#keysMax = options.keysMax;
    this.#clock = options.clock;
  }

  increment(key: string): ClientRateLimitInfo {
    const window = this.#current(key) ?? this.#begin(key);
    window.hits += 1;
    return this.#show(window);
  }

  decrement(key: string): void {
    const window = this.#current(key);
    if (window && window.hits > 0) window.hits -= 1;
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
    return this.#windows.size === 0 ? 0 : (this.#current(key)?.hits ?? 0);
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
    const window = { hits: 0, endsAt: this.#clock.monotonic() + this.#windowMs };
    this.#windows.set(key, window);
    return window;
  }

  #show(window: Window): ClientRateLimitInfo {
    return { totalHits: window.hits, resetTime: undefined };
  }
}
