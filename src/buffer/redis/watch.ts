/**
 * What a relay looks for without being told, some times a second: leases that have ended, work that other relays made, connections that
 * died silently, answers that were lost, a Redis in the place of another. What it knows of others is as old as one look at the most.
 */
import type { Clock } from '../../clock.ts';
import type { ReadyEvents } from '../ready-events.ts';
import { formatVersion } from './keys.ts';
import type { Leasing } from './leasing.ts';
import type { Positions } from './positions.ts';
import { script } from './script.ts';
import { type Shard, workMs } from './shard.ts';
import { checkRedis, problemsOf, type RedisDurability } from './start-checks.ts';

const everyMs = 200;
const deadlineMs = 1_000;
/** The other connection is heard at least so often, or it would be found dead only by the next webhook. */
const doorEveryLooks = 5;

const openScript = script('open', ['lanes'], { allowOom: true });
const lookScript = script('look', ['lanes', 'leases'], { allowOom: true });
const probeScript = script('probe', []);
const giveWayScript = script('giveway', ['letters', 'events', 'room'], { allowOom: true });

export type WatchOptions = {
  readonly shards: readonly Shard[];
  readonly clock: Clock;
  readonly positions: Positions;
  readonly ready: ReadyEvents;
  readonly leasing: Leasing;
  readonly claimMs: number;
  readonly durability: RedisDurability;
};

export class Watch {
  readonly #options: WatchOptions;
  readonly #closing = new AbortController();
  #watching: Promise<unknown> = Promise.resolve();
  #outOfMemory = false;
  readonly #away = new Set<Shard>();
  /** The connection on which each was opened. */
  readonly #opened = new Map<Shard, number>();
  readonly #problems = new Map<Shard, readonly string[]>();

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** True since Redis refused to take more, until it would take something again. */
  get outOfMemory(): boolean {
    return this.#outOfMemory;
  }

  /** False while a shard did not answer when it was last looked at. */
  get answering(): boolean {
    return this.#away.size === 0;
  }

  /** What Redis may lose, of the one that is there now. */
  get warnings(): readonly string[] {
    return [...new Set([...this.#problems.values()].flat())];
  }

  ranOutOfMemory(): void {
    this.#outOfMemory = true;
  }

  /** The first look. Throws a UsageError when Redis loses what it is given. */
  async begin(): Promise<void> {
    const { shards, durability } = this.#options;
    // Opened first of all, so that each shard's connections have found their node of a cluster.
    const check = (shard: Shard) => checkRedis(shard.work, durability);
    await Promise.all(shards.map((shard) => this.#open(shard, workMs, check)));
    await this.lookNow();
  }

  /** From now on one look after the other, by itself. */
  goOn(): void {
    this.#watching = Promise.all(this.#options.shards.map((shard) => this.#watch(shard)));
  }

  async lookNow(): Promise<void> {
    await Promise.all(this.#options.shards.map((shard) => this.#look(shard)));
  }

  async end(): Promise<void> {
    this.#closing.abort();
    await this.#watching;
  }

  async #watch(shard: Shard): Promise<void> {
    const { clock, leasing } = this.#options;
    const { signal } = this.#closing;
    for (let looks = 1; !signal.aborted; looks++) {
      await clock.wait(everyMs, signal);
      if (signal.aborted) return;
      try {
        const renewed = this.#opened.get(shard) !== shard.work.times;
        // It may be another Redis by now, or one that has forgotten everything.
        if (renewed) await this.#open(shard, deadlineMs, ({ work }) => problemsOf(work));
        await this.#look(shard);
        if (!renewed && (this.#away.has(shard) || looks % doorEveryLooks === 0)) await shard.knock();
        this.#away.delete(shard);
        await leasing.giveBackLost(shard);
        if (this.#outOfMemory) await this.#makeRoom(shard);
      } catch {
        // Away: whoever asks for something hears of it. Here it is tried again.
        this.#away.add(shard);
      }
    }
  }

  async #open(shard: Shard, withinMs: number, check: (shard: Shard) => Promise<readonly string[]>): Promise<void> {
    const { times } = shard.work;
    await shard.call(openScript, [String(formatVersion)], { deadlineMs: withinMs });
    await shard.knock();
    this.#problems.set(shard, await check(shard));
    this.#opened.set(shard, times);
  }

  async #look(shard: Shard): Promise<void> {
    const { positions, ready, claimMs } = this.#options;
    const [last] = await shard.call(lookScript, [String(Math.ceil(claimMs / 3))], { deadlineMs });
    if (positions.sawOthers(Number(last))) ready.tell();
  }

  async #makeRoom(shard: Shard): Promise<void> {
    await shard.call(giveWayScript, []);
    await shard.call(probeScript, []);
    this.#outOfMemory = false;
  }
}
