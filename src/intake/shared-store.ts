/**
 * The count behind a limiter that holds over all relays: rate-limit-redis counts, and what it said last is remembered in the
 * windows of this relay. They go on from there when Redis is slow or gone, and what they took by themselves is added to the common count
 * afterwards. They spare Redis questions whose answer is known, too: a key that is over its limit stays so until its window ends.
 * Nothing here rejects: a limiter never costs a webhook.
 *
 * A webhook that waits for an fsync of Redis before the one that keeps it takes twice as long. So a small share of a large limit is let
 * through on credit, without waiting, one question at a time on its way; what came meanwhile is added after it.
 */
import type { ClientRateLimitInfo, Options, Store } from 'express-rate-limit';
import { type RedisReply, RedisStore } from 'rate-limit-redis';
import type { Clock } from '../clock.ts';
import type { SharedCounting } from './shared-counting.ts';
import type { WindowStore } from './window-store.ts';

/** Of the limit; a relay may owe it twice (before and behind a question), so that ten stay within 5 %. Below 400 each hit is asked for. */
const creditShare = 0.0025;
/** Never makes a key: it would have no end. */
const addScript = "if redis.call('PTTL', KEYS[1]) > 0 then redis.call('INCRBY', KEYS[1], ARGV[1]) end";

export type SharedStoreOptions = {
  readonly counting: SharedCounting;
  /** Their name and length are part of the shared keys: a window of another length is another count. */
  readonly windows: WindowStore;
  readonly limit: number;
  readonly clock: Clock;
};

export class SharedStore implements Store {
  readonly prefix: string;
  readonly #options: SharedStoreOptions;
  #config: Options | null = null;
  /** Made when it is first asked, and anew after a failure: one whose script was not loaded stays useless for ever. */
  #redis: Promise<RedisStore> | null = null;

  constructor(options: SharedStoreOptions) {
    const { counting, windows } = options;
    this.#options = options;
    this.prefix = `${counting.counters.prefix}${windows.prefix}:${windows.windowMs}:`;
  }

  init(config: Options): void {
    this.#config = config;
  }

  increment(key: string): ClientRateLimitInfo | Promise<ClientRateLimitInfo> {
    const { windows, limit } = this.#options;
    if (windows.hits(key) >= limit) return { totalHits: limit + 1, resetTime: undefined };
    // Without room a crowd of addresses is coming: each would be a key in Redis, too.
    if (!windows.hasRoomFor(key)) return windows.increment(key);
    const onCredit = windows.onCredit(key, Math.floor(limit * creditShare));
    if (onCredit && windows.isAsked(key)) return windows.increment(key);
    const counted = this.#ask(key);
    return onCredit ? { totalHits: windows.hits(key), resetTime: undefined } : counted;
  }

  /** Asked of every store, though no limit here ever takes a hit back. */
  decrement(key: string): void {
    this.#options.windows.decrement(key);
  }

  resetKey(key: string): void {
    this.#options.windows.resetKey(key);
  }

  async #ask(key: string): Promise<ClientRateLimitInfo> {
    const { counting, windows, clock } = this.#options;
    windows.ask(key);
    const counted = await counting.ask(() => this.#count(key));
    if (counted === null) return windows.missed(key);
    const hits = windows.adopt(key, counted.totalHits, (counted.resetTime?.getTime() ?? 0) - clock.now());
    this.#handOver(key);
    return hits;
  }

  async #count(key: string): Promise<ClientRateLimitInfo> {
    try {
      this.#redis ??= this.#open();
      return await (await this.#redis).increment(key);
    } catch (error) {
      this.#redis = null;
      throw error;
    }
  }

  #handOver(key: string): void {
    const { counting, windows } = this.#options;
    const own = windows.handOver(key);
    if (own === 0) return;
    const adding = counting.counters.command(['EVAL', addScript, '1', `${this.prefix}${key}`, String(own)]);
    // Lost with a line that broke again: those hits are forgotten, which refuses nobody.
    adding.catch(() => undefined);
  }

  async #open(): Promise<RedisStore> {
    const { counters } = this.#options.counting;
    const sendCommand = (...args: string[]) => counters.command(args) as Promise<RedisReply>;
    const redis = new RedisStore({ prefix: this.prefix, sendCommand });
    await redis.init(this.#config as Options);
    return redis;
  }
}
