/** Pieces (`../carrying.ts`) into Redis: those of a shard in one script, or as commands that set the same the second time. */
import {
  type CarriedDelivery,
  type CarriedEnd,
  type CarriedEvent,
  type CarriedKey,
  type CarriedLetter,
  type CarriedNote,
  type CarriedReplay,
  type Piece,
  tallied,
} from '../carrying.ts';
import { rowBytes, typeInIndex } from './accepting.ts';
import type { Argument } from './connection.ts';
import { keyNames, laneName, shardOf } from './keys.ts';
import { noteText } from './reading-notes.ts';
import { type Script, script } from './script.ts';
import type { Shard } from './shard.ts';

const deliveriesScript = script('carrydeliveries', ['types']);
const eventsScript = script('carryevents', ['lanes', 'events', 'queue']);
const lettersScript = script('carryletters', ['letters']);

/** A piece with large bodies, on a slow disk. */
export const carryMs = 30_000;
/** Beyond it a number is not exact in Lua and JavaScript. */
const positionMax = 2 ** 52;

export class Taking {
  readonly #shards: readonly Shard[];
  /** Shards of the Redis it comes from; null: from a data folder. */
  readonly #from: number | null;

  constructor(shards: readonly Shard[], from: number | null) {
    this.#shards = shards;
    this.#from = from;
  }

  async take(piece: Piece): Promise<void> {
    if (piece.kind === 'deliveries')
      await this.#scripted(deliveriesScript, [String(rowBytes)], piece.rows, (row) => this.#delivery(row));
    else if (piece.kind === 'events') await this.#scripted(eventsScript, [], piece.rows, (row) => this.#event(row));
    else if (piece.kind === 'letters') await this.#scripted(lettersScript, [], piece.rows, (row) => this.#letter(row));
    else if (piece.kind === 'keys') await this.#all(piece.rows.flatMap((row) => this.#key(row)));
    else if (piece.kind === 'replays') for (const row of piece.rows) await this.#replay(row);
    else if (piece.kind === 'notes') await this.#notes(piece.rows);
    else if (piece.kind === 'secrets')
      await this.#all(
        piece.rows.map(({ source, secret, at }) => {
          const value = secret === null ? `armed ${at}` : `secret ${at} moved ${secret}`;
          return this.#set(this.#first, ['HSET', keyNames.secrets, source, value]);
        }),
      );
    else if (piece.kind === 'types')
      await this.#all(
        piece.rows.map(({ source, type, skipped, failed, since, lastAt, lastDelivery }) => {
          const counts = JSON.stringify([skipped, failed, since, lastAt, lastDelivery]);
          return this.#set(this.#of(source), ['HSET', keyNames.fallen + source, type ?? '', counts]);
        }),
      );
    else for (const row of piece.rows) await this.#end(row);
  }

  get #first(): Shard {
    return this.#shards[0] as Shard;
  }

  #of(source: string): Shard {
    return this.#shards[shardOf(source, this.#shards.length)] as Shard;
  }

  /** What Lua's `position` makes the new position of. Between equal shards all stay as they are; else the old position is the counter. */
  #counter(position: number): string {
    const { length } = this.#shards;
    const counter = this.#from === length ? Math.floor(position / length) : position;
    if (counter * length + length > positionMax)
      throw new Error(`positions have grown too large to be carried into ${length} shards; take fewer`);
    return String(counter);
  }

  #position(position: number, source: string): string {
    return String(Number(this.#counter(position)) * this.#shards.length + this.#of(source).number);
  }

  async #scripted<T extends { readonly source: string }>(
    asked: Script,
    shared: readonly Argument[],
    rows: readonly T[],
    args: (row: T) => readonly Argument[],
  ): Promise<void> {
    const byShard = Map.groupBy(rows, ({ source }) => this.#of(source));
    const scripts = [...byShard].map(([shard, some]) =>
      shard.insist(asked, [...shared, ...some.flatMap(args)], { deadlineMs: carryMs }),
    );
    await Promise.all(scripts);
  }

  #delivery(row: CarriedDelivery): readonly Argument[] {
    const { id, source, provider, type, key, receivedAt, bytes, state, created, waiting, dead, head, body } = row;
    const [typed, keyed] = [type?.toWellFormed() ?? null, key?.toWellFormed() ?? null];
    const facts = JSON.stringify([source, provider, typed, keyed, receivedAt, bytes]);
    const kept = head !== null && body !== null;
    return [
      ...[id, this.#counter(row.position), source, type === null ? '-' : typeInIndex(type), state.charAt(0), facts],
      ...(kept ? ['1', head, Buffer.from(body.buffer, body.byteOffset, body.byteLength)] : ['', '', '']),
      ...[created, waiting, dead].map(String),
      ...[row.settledAt, row.waitsSince].map((time) => (time === null ? '' : String(time))),
      ...[runsOf(row.events.map((position) => Number(this.#counter(position)))), String(receivedAt)],
    ];
  }

  #event(row: CarriedEvent): readonly Argument[] {
    const { id, delivery, source, destination, route, key, time, json, state, since, attempts, begun, replay } = row;
    const of = replay ? [replay.id, ...[replay.item, replay.waiting, replay.dead].map(String)] : ['', '', '', ''];
    const letter = { waiting: 'w', delivered: 'd', dead: 'x' }[state];
    return [
      ...[this.#counter(row.position), id, delivery, laneName(destination, route, source), destination, key ?? ''],
      ...[String(time), json, letter, String(since), String(attempts), begun ? '1' : '', ...of],
    ];
  }

  #letter(row: CarriedLetter): readonly Argument[] {
    const { id, source, delivery, kind, reason, message, destination, json, attempts, createdAt, facts } = row;
    const { type = null, receivedAt = createdAt, event = null, eventId = null } = facts ?? {};
    const { time = null, route = null, key = null } = facts ?? {};
    const about = event === null ? '' : this.#position(event, source);
    return [
      ...[this.#counter(row.position), id, source, delivery, kind, reason, message, destination ?? '', json ?? ''],
      ...[attempts, createdAt].map(String),
      ...[type === null ? '' : '1', type ?? '', String(receivedAt), about, eventId ?? '', String(time ?? 0)],
      ...[route ?? '', key === null ? '' : '1', key ?? ''],
    ];
  }

  /** One whose source nobody knows is told to all shards: the one that it is of will look for it. */
  #key({ hash, source, shard, id, receivedAt, endsAt }: CarriedKey): Promise<unknown>[] {
    const own = shard !== null && this.#from === this.#shards.length ? this.#shards[shard] : undefined;
    const homes = source !== null ? [this.#of(source)] : own ? [own] : this.#shards;
    const key = `${keyNames.seen}${Buffer.from(hash).toString('base64url')}`;
    const value = `${receivedAt} ${id}`;
    return homes.map((home) => this.#set(home, ['SET', key, value, 'NX', 'PXAT', String(Math.ceil(endsAt))]));
  }

  async #replay(record: CarriedReplay): Promise<void> {
    const { id, mode, selection, state, count, by, createdAt, endedAt, done, delivered, failed, nothing } = record;
    const ended = endedAt === null ? '' : String(endedAt);
    const progress = { done, delivered, failed, nothing };
    const failure =
      record.lastFailure === null ? [] : ['lastFailure', record.lastFailure, 'failedAt', String(createdAt)];
    await this.#all([
      this.#set(this.#first, [
        ...['HSET', keyNames.replay + id, 'mode', mode, 'selection', JSON.stringify(selection), 'state', state],
        ...['selecting', '0', 'place', '0', 'upTo', '0', 'count', String(count), 'by', by],
        ...[
          'createdAt',
          String(createdAt),
          'selectedAt',
          ended || String(createdAt),
          ...(ended ? ['endedAt', ended] : []),
        ],
      ]),
      this.#set(this.#first, [
        ...['HSET', keyNames.replayCounts + id, ...failure],
        ...Object.entries(progress).flatMap(([name, number]) => [name, String(number)]),
      ]),
      ...(state === 'running' ? [this.#set(this.#first, ['SADD', keyNames.running, id])] : []),
    ]);
    const place = await this.#set(this.#first, ['ZSCORE', keyNames.replays, id]);
    if (place !== null) return;
    const number = await this.#set(this.#first, ['HINCRBY', keyNames.meta, 'r', '1']);
    await this.#set(this.#first, ['ZADD', keyNames.replays, String(number), id]);
  }

  async #notes(notes: readonly CarriedNote[]): Promise<void> {
    await this.#set(this.#first, ['DEL', keyNames.notes]);
    for (const { events, ...note } of notes) {
      const positions = events.flatMap(({ source, positions }) => positions.map((one) => this.#position(one, source)));
      const text = noteText({ ...note, positions: positions.map(Number) });
      await this.#set(this.#first, ['LPUSH', keyNames.notes, text]);
    }
  }

  async #end({ tallies, lastDeadLetterAt, highest }: CarriedEnd): Promise<void> {
    const commands = tallies.map((tally) => {
      const fields = tallied.flatMap((what) =>
        tally[what] > 0 ? [`${what} ${tally.source}`, String(tally[what])] : [],
      );
      const last =
        tally.lastAcceptedAt === null ? [] : [`lastAcceptedAt ${tally.source}`, String(tally.lastAcceptedAt)];
      if (fields.length + last.length === 0) return Promise.resolve();
      return this.#set(this.#of(tally.source), ['HSET', keyNames.tally, ...fields, ...last]);
    });
    const { deliveries, events, letters } = highest;
    const counters = [deliveries, events, letters].map((position) => this.#counter(position));
    const ends = this.#shards.map((shard) => {
      const last = lastDeadLetterAt === null ? [] : ['lastLetterAt', String(lastDeadLetterAt)];
      const [p = '0', e = '0', l = '0'] = counters;
      return this.#set(shard, ['HSET', keyNames.meta, 'p', p, 'e', e, 'l', l, ...last]);
    });
    await this.#all([...commands, ...ends]);
  }

  /** Its second word is a key's name, behind the prefix. */
  #set(shard: Shard, [command = '', key = '', ...rest]: readonly string[]): Promise<unknown> {
    return shard.work.call([command, `${shard.prefix}${key}`, ...rest], { deadlineMs: carryMs });
  }

  async #all(commands: readonly Promise<unknown>[]): Promise<void> {
    await Promise.all(commands);
  }
}

/** As runs.lua writes them. */
function runsOf(counters: readonly number[]): string {
  const runs: [first: number, count: number][] = [];
  for (const counter of counters) {
    const last = runs.at(-1);
    if (last && counter === last[0] + last[1]) last[1] += 1;
    else runs.push([counter, 1]);
  }
  return runs.map(([first, count]) => `${first}:${count}`).join(' ');
}
