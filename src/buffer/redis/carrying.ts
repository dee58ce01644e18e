/**
 * A Redis that is carried from or to (`../carrying.ts`). Relays are known by the names of their connections, which end with them,
 * and so is another move; from the first step on a mark in each shard keeps relays out, also one that comes back from a broken line.
 */
import { type Clock, newId } from '../../clock.ts';
import { UsageError } from '../../errors.ts';
import { type Carrying, type Counts, type MoveMark, type Piece, refusalOf } from '../carrying.ts';
import { carryMs, Taking } from './carrying-in.ts';
import { Giving } from './carrying-out.ts';
import { walkKeys } from './carrying-scan.ts';
import { Connection, type Reply } from './connection.ts';
import { formatVersion, keyNames, prefixOf } from './keys.ts';
import { textOf } from './reading-pages.ts';
import { script } from './script.ts';
import { Shard, untilThere } from './shard.ts';
import { checkRedis, type RedisDurability } from './start-checks.ts';

export type RedisCarryingOptions = {
  readonly url: string;
  /** Without credentials. */
  readonly place: string;
  readonly clock: Clock;
  readonly keepDeliveriesMs: number;
  /** Of a new one; null: there must be something in it, and it says in how many shards. */
  readonly shards: number | null;
  readonly durability: RedisDurability;
};

const openScript = script('open', ['lanes'], { allowOom: true });
/** A cluster leads on at once; a Redis that is just starting takes longer. */
const startMs = 5_000;
/** Every connection of a relay, or of a move, is called so and more (shard.ts). */
const ourName = 'trackrelay';

/** Throws a UsageError (exit code 1) when Redis is not there, loses what it is given, or relays use it. */
export async function carryRedis(options: RedisCarryingOptions): Promise<Carrying> {
  const { url, clock, place } = options;
  const name = `${ourName}-${newId('mov', clock.now())}`;
  const count = await shardsOf(options, name);
  const shared = { url, clock, name, shards: count, holder: name, serverTime: undefined };
  const shards = Array.from(
    { length: count },
    (_, number) => new Shard({ ...shared, number, onReady: () => {}, onBroken: () => {} }),
  );
  const carrying = new RedisCarrying(options, shards, name);
  try {
    await Promise.all(shards.map(({ work }) => work.first));
    await carrying.open();
    return carrying;
  } catch (error) {
    await carrying[Symbol.asyncDispose]();
    if (error instanceof UsageError) throw error;
    throw new UsageError([`${place} cannot be used: ${(error as Error).message}`], 1);
  }
}

async function shardsOf({ url, clock, place, shards }: RedisCarryingOptions, name: string): Promise<number> {
  const connection = new Connection({ url, clock, name });
  try {
    await connection.first;
    const question = ['HGET', `${prefixOf(0)}${keyNames.meta}`, 'shards'];
    const answer = await untilThere({ clock, mostMs: startMs }, () =>
      connection.call(question, { deadlineMs: carryMs }),
    );
    const kept = textOf(answer);
    if (shards === null && kept === null) throw new UsageError([`There is no buffer in ${place}: nothing to move.`], 1);
    if (shards !== null && kept !== null && Number(kept) !== shards)
      throw new UsageError([`What is in ${place} was made with ${kept} shards: take as many, or an empty Redis.`], 1);
    return Number(kept ?? shards);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError([`${place} cannot be used: ${(error as Error).message}`], 1);
  } finally {
    await connection.close();
  }
}

class RedisCarrying implements Carrying {
  readonly place: string;
  readonly shards: number;
  readonly #options: RedisCarryingOptions;
  readonly #shards: readonly Shard[];
  readonly #name: string;

  constructor(options: RedisCarryingOptions, shards: readonly Shard[], name: string) {
    this.place = options.place;
    this.shards = shards.length;
    this.#options = options;
    this.#shards = shards;
    this.#name = name;
  }

  async open(): Promise<void> {
    for (const shard of this.#shards) await shard.insist(openScript, [String(formatVersion), 'move']);
    await this.#refuseRelays();
    if (this.#options.shards !== null)
      await Promise.all(this.#shards.map(({ work }) => checkRedis(work, this.#options.durability)));
  }

  async mark(): Promise<MoveMark | null> {
    const text = textOf((await this.#ask(this.#first, ['HGET', keyNames.meta, 'move'])) as Reply);
    return text === null ? null : (JSON.parse(text) as MoveMark);
  }

  /** The first shard says how far it is: it is marked first, and let go last. */
  async setMark(mark: MoveMark | null): Promise<void> {
    const refusal = mark && refusalOf(mark);
    for (const shard of refusal === null ? this.#shards.toReversed() : this.#shards) {
      if (mark === null) await this.#ask(shard, ['HDEL', keyNames.meta, 'move', 'carried']);
      else {
        const carried = refusal === null ? [] : ['carried', refusal];
        await this.#ask(shard, ['HSET', keyNames.meta, 'move', JSON.stringify(mark), ...carried]);
        if (refusal === null) await this.#ask(shard, ['HDEL', keyNames.meta, 'carried']);
      }
    }
    // One that began before the mark was there.
    if (refusal !== null) await this.#refuseRelays();
  }

  async empty(): Promise<boolean> {
    const sizes = await Promise.all(
      this.#shards.flatMap((shard) => [
        ...[keyNames.deliveries, keyNames.letters, keyNames.replays].map((key) => this.#ask(shard, ['ZCARD', key])),
        ...[keyNames.tally, keyNames.secrets].map((key) => this.#ask(shard, ['HLEN', key])),
      ]),
    );
    return sizes.every((size) => Number(size) === 0);
  }

  pieces(): AsyncGenerator<Piece> {
    return new Giving(this.#shards, this.#options.clock).pieces();
  }

  async take(piece: Piece, from: { readonly shards: number | null }): Promise<void> {
    await new Taking(this.#shards, from.shards).take(piece);
  }

  async counts(keysUntil: number): Promise<Counts> {
    const walked = { keys: 0, events: 0, waiting: 0, bodies: 0, unmapped: 0 };
    for (const shard of this.#shards)
      for await (const { keys, ...piece } of walkKeys(shard)) {
        walked.keys += await this.#keysOf(shard, keys, keysUntil);
        for (const what of ['events', 'waiting', 'bodies', 'unmapped'] as const) walked[what] += piece[what];
      }
    const names = await this.#tallied();
    const sum = async (asked: (shard: Shard) => readonly string[]) =>
      (await Promise.all(this.#shards.map((shard) => this.#ask(shard, asked(shard))))).reduce<number>(
        (all, one) => all + Number(one),
        0,
      );
    const types = await Promise.all(
      this.#shards.flatMap((shard) => names.map(({ source }) => this.#ask(shard, ['HLEN', keyNames.fallen + source]))),
    );
    return {
      sources: names.filter(({ what }) => what === 'accepted').length,
      deliveries: await sum(() => ['ZCARD', keyNames.deliveries]),
      ...{ bodies: walked.bodies, 'unmapped deliveries': walked.unmapped },
      ...{ events: walked.events, 'waiting events': walked.waiting },
      'dead letters': await sum(() => ['ZCARD', keyNames.letters]),
      'dedupe keys': walked.keys,
      'learned secrets and armed sources': Number(await this.#ask(this.#first, ['HLEN', keyNames.secrets])),
      'unmapped types': types.reduce<number>(
        (all, one, at) => all + (names[at % names.length]?.what === 'accepted' ? Number(one) : 0),
        0,
      ),
      'attempt notes': Number(await this.#ask(this.#first, ['LLEN', keyNames.notes])),
      replays: Number(await this.#ask(this.#first, ['ZCARD', keyNames.replays])),
      'accepted since ever': names.reduce((all, { what, count }) => all + (what === 'accepted' ? count : 0), 0),
      'delivered since ever': names.reduce((all, { what, count }) => all + (what === 'delivered' ? count : 0), 0),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.close()));
  }

  get #first(): Shard {
    return this.#shards[0] as Shard;
  }

  async #tallied(): Promise<{ what: string; source: string; count: number }[]> {
    const all = await Promise.all(
      this.#shards.map(async (shard) => {
        const names = (await this.#ask(shard, ['HKEYS', keyNames.tally])) as readonly string[];
        if (names.length === 0) return [];
        const counts = (await this.#ask(shard, ['HMGET', keyNames.tally, ...names])) as readonly Reply[];
        return names.map((name, at) => {
          const [what = ''] = name.split(' ', 1);
          return { what, source: name.slice(what.length + 1), count: Number(counts[at]) };
        });
      }),
    );
    return all.flat();
  }

  /** One whose source nobody knew was told to all shards (carrying-in.ts): it counts where it is met first. */
  async #keysOf(
    shard: Shard,
    keys: readonly { hash: Uint8Array; source: string | null; receivedAt: number }[],
    until: number,
  ) {
    const lasting = keys.filter(({ receivedAt }) => receivedAt + this.#options.keepDeliveriesMs > until);
    const before = this.#shards.slice(0, shard.number);
    const counted = await Promise.all(
      lasting.map(async ({ hash, source }): Promise<number> => {
        if (source !== null) return 1;
        const key = `${keyNames.seen}${Buffer.from(hash).toString('base64url')}`;
        const met = await Promise.all(before.map((one) => this.#ask(one, ['EXISTS', key])));
        return met.some((one) => one === 1) ? 0 : 1;
      }),
    );
    return counted.reduce((all, one) => all + one, 0);
  }

  async #refuseRelays(): Promise<void> {
    const database = new URL(this.#options.url).pathname.slice(1) || '0';
    for (const { work } of this.#shards) {
      const clients = String(await work.call(['CLIENT', 'LIST'], { deadlineMs: carryMs })).split('\n');
      const others = clients.filter((line) => {
        const [, name = ''] = / name=(\S*)/.exec(line) ?? [];
        return name.startsWith(ourName) && !name.startsWith(this.#name) && line.includes(` db=${database} `);
      });
      if (others.length > 0)
        throw new UsageError(
          [
            `Relays (or another move) use ${this.place} just now, by ${others.length} connections: stop them all, then move.`,
          ],
          1,
        );
    }
  }

  /** Its second word is a key's name, behind the prefix. */
  #ask(shard: Shard, [command = '', key = '', ...rest]: readonly string[]): Promise<Reply> {
    return shard.work.call([command, `${shard.prefix}${key}`, ...rest], { deadlineMs: carryMs });
  }
}
