/** All that Redis keeps, as pieces (`../carrying.ts`), read by bounded commands. Nothing is written. */
import type { Clock } from '../../clock.ts';
import type { DeadLetter, Route } from '../../model.ts';
import {
  type CarriedDelivery,
  type CarriedEnd,
  type CarriedEvent,
  type CarriedLetter,
  type CarriedNote,
  type CarriedReplay,
  type CarriedSecret,
  type CarriedTally,
  inPieces,
  type Piece,
  pieceBytesMax,
  pieceRowsMax,
  tallied,
  weightless,
  weightOfDelivery,
  weightOfJson,
} from '../carrying.ts';
import { deliveryOfEvent } from '../event-ids.ts';
import { carryMs } from './carrying-in.ts';
import { walkKeys } from './carrying-scan.ts';
import type { Reply } from './connection.ts';
import { keyNames, laneParts } from './keys.ts';
import { stateOf } from './reading-lists.ts';
import { readNote } from './reading-notes.ts';
import { rowsOf, textOf } from './reading-pages.ts';
import { ReplayRecords } from './replay-records.ts';
import { script } from './script.ts';
import { Secrets } from './secrets.ts';
import type { Shard } from './shard.ts';
import { unmappedTypes } from './unmapped-types.ts';

const idsAtOnce = 200;
const deliveryFields = ['p', 'f', 's', 'c', 'w', 'x', 't', 'e', 'z'] as const;
const [waitingField, leftField] = [4, 6];
const eventFields = 11;
const letterFields = ['p', 's', 'd', 'k', 'r', 'm', 'o', 'j', 'a', 'c', 'y', 'v', 'e', 'i', 't', 'u', 'q'] as const;

const eventsScript = script('carryrows', ['lanes', 'events'], { allowOom: true });

type Head = { readonly id: string; readonly fields: readonly (string | null)[] };

export class Giving {
  readonly #shards: readonly Shard[];
  readonly #clock: Clock;

  constructor(shards: readonly Shard[], clock: Clock) {
    this.#shards = shards;
    this.#clock = clock;
  }

  async *pieces(): AsyncGenerator<Piece> {
    const [first] = this.#shards as readonly [Shard, ...Shard[]];
    for await (const rows of inPieces(await this.#replays(), weightless)) yield { kind: 'replays', rows };
    for await (const rows of inPieces(this.#deliveries(), weightOfDelivery)) yield { kind: 'deliveries', rows };
    for (const shard of this.#shards) {
      for await (const rows of inPieces(this.#events(shard), weightOfJson)) yield { kind: 'events', rows };
      for await (const rows of inPieces(this.#letters(shard), weightOfJson)) yield { kind: 'letters', rows };
      yield* this.#scanned(shard);
    }
    const types = await unmappedTypes(this.#shards, Number.MAX_SAFE_INTEGER);
    for await (const rows of inPieces(types, weightless)) yield { kind: 'types', rows };
    for await (const rows of inPieces(await this.#secrets(first), weightless)) yield { kind: 'secrets', rows };
    yield { kind: 'notes', rows: await this.#notes(first) };
    yield { kind: 'end', rows: [await this.#end()] };
  }

  /** Oldest first. One that still selects is over: its place means nothing elsewhere. */
  async #replays(): Promise<CarriedReplay[]> {
    const records = new ReplayRecords(this.#shards, this.#clock);
    const selecting = new Set((await records.unfinished()).map(({ id }) => id));
    const endedAt = Math.trunc(this.#clock.now());
    const { items } = await records.newest({ limit: 1_000 });
    return items
      .map((record): CarriedReplay => {
        if (!selecting.has(record.id)) return { ...record, cut: false };
        return { ...record, state: 'cancelled', endedAt, cut: true };
      })
      .reverse();
  }

  /** Of all shards in the order of their positions, for what is to be mapped is a log. */
  async *#deliveries(): AsyncGenerator<CarriedDelivery> {
    const heads = await Promise.all(
      this.#shards.map(async (shard) => {
        const rows = this.#deliveriesOf(shard);
        return { rows, next: await rows.next() };
      }),
    );
    for (;;) {
      let least: (typeof heads)[number] | undefined;
      for (const head of heads)
        if (!head.next.done && (!least || least.next.done || head.next.value.position < least.next.value.position))
          least = head;
      if (!least || least.next.done) return;
      yield least.next.value;
      least.next = await least.rows.next();
    }
  }

  async *#deliveriesOf(shard: Shard): AsyncGenerator<CarriedDelivery> {
    for await (const page of this.#heads(shard))
      for (const some of cut(page, ({ fields }) => Number(factsOf(fields)[5]))) {
        const bodies = await Promise.all(
          some.map(({ id }) => this.#ask(shard, ['HMGET', keyNames.delivery + id, 'h', 'b'], true)),
        );
        const since = await this.#ask(shard, ['ZMSCORE', keyNames.open, ...some.map(({ id }) => id)]);
        for (const [at, head] of some.entries()) {
          const [text, body] = bodies[at] as readonly (Buffer | null)[];
          const waits = (since as readonly Reply[])[at];
          yield {
            ...deliveryOf(head, shard, this.#shards.length),
            waitsSince: waits === null || waits === undefined ? null : Number(waits),
            ...{ head: text?.toString() ?? null, body: body ?? null },
          };
        }
      }
  }

  async *#heads(shard: Shard): AsyncGenerator<readonly Head[]> {
    for await (const ids of this.#ids(shard, keyNames.deliveries, keyNames.delivery))
      yield await Promise.all(ids.map((id) => this.#head(shard, id)));
  }

  async #head(shard: Shard, id: string): Promise<Head> {
    const [fields, [leftAt = null]] = await Promise.all([
      this.#fields(shard, keyNames.delivery + id, deliveryFields),
      this.#fields(shard, keyNames.left, [id]),
    ]);
    return { id, fields: leftAt === null ? fields : fields.with(waitingField, '0').with(leftField, leftAt) };
  }

  /** Members of a sorted set by position, some at a time. */
  async *#ids(shard: Shard, list: string, one: string): AsyncGenerator<readonly string[]> {
    for (let after = '-inf'; ; ) {
      const ids = (await this.#ask(shard, [
        ...['ZRANGEBYSCORE', list, after, '+inf', 'LIMIT', '0', String(idsAtOnce)],
      ])) as readonly string[];
      const last = ids.at(-1);
      if (last === undefined) return;
      yield ids;
      after = `(${textOf((await this.#ask(shard, ['HGET', one + last, 'p'])) as Reply)}`;
    }
  }

  async *#events(shard: Shard): AsyncGenerator<CarriedEvent> {
    for await (const page of this.#heads(shard))
      for (const head of page) {
        const { events } = deliveryOf(head, shard, this.#shards.length);
        const each = Number(head.fields[8] ?? 0) / Math.max(1, events.length);
        const atOnce = Math.max(1, Math.min(pieceRowsMax, Math.floor(pieceBytesMax / Math.max(1, each))));
        for (let from = 0; from < events.length; from += atOnce)
          yield* await this.#eventsAt(shard, events.slice(from, from + atOnce));
      }
  }

  /** What no list leads to: keys that were seen, and events that have outlived their deliveries. */
  async *#scanned(shard: Shard): AsyncGenerator<Piece> {
    for await (const { keys, orphans } of walkKeys(shard)) {
      if (keys.length > 0) yield { kind: 'keys', rows: keys };
      for await (const rows of inPieces(await this.#eventsAt(shard, orphans), weightOfJson))
        yield { kind: 'events', rows };
    }
  }

  async #eventsAt(shard: Shard, positions: readonly number[]): Promise<CarriedEvent[]> {
    const [flat] = await shard.insist(eventsScript, positions.map(String), { deadlineMs: carryMs });
    return await Promise.all(rowsOf(flat, eventFields).map((row) => this.#event(shard, row.map(String))));
  }

  async #event(shard: Shard, row: readonly string[]): Promise<CarriedEvent> {
    const [position, id = '', lane = '', time, json = '', since, state, attempts, own = '', begun, of] = row;
    const { destination, route, source } = laneParts(lane);
    return {
      ...{ position: Number(position), id, delivery: deliveryOfEvent(id), source, destination, route: route as Route },
      key: own === '' ? null : own.slice(own.indexOf(' ') + 1),
      ...{ time: Number(time), json, since: Number(since), attempts: Number(attempts) },
      state: state === 'w' ? 'waiting' : state === 'x' ? 'dead' : 'delivered',
      begun: begun === '1',
      replay: state === 'w' && of ? await this.#followed(shard, of) : null,
    };
  }

  async #followed(shard: Shard, of: string): Promise<CarriedEvent['replay']> {
    const [id = '', item = ''] = of.split(' ');
    const stand = textOf((await this.#ask(shard, ['HGET', keyNames.replayItems + id, item])) as Reply);
    if (stand === null) return null;
    const [waiting, dead] = stand.split(' ').map(Number);
    return { id, item: Number(item), waiting: waiting ?? 0, dead: dead ?? 0 };
  }

  async *#letters(shard: Shard): AsyncGenerator<CarriedLetter> {
    for await (const ids of this.#ids(shard, keyNames.letters, keyNames.letter))
      for (const id of ids) yield letterOf(id, await this.#fields(shard, keyNames.letter + id, letterFields));
  }

  async #secrets(first: Shard): Promise<CarriedSecret[]> {
    const secrets = new Secrets(first, this.#clock);
    const learned = [...(await secrets.learned())];
    const armed = [...(await secrets.armed(0))];
    return [
      ...learned.map(([source, { secret, learnedAt }]) => ({ source, secret, at: learnedAt })),
      ...armed.map(([source, at]) => ({ source, secret: null, at })),
    ];
  }

  async #notes(first: Shard): Promise<CarriedNote[]> {
    const notes = (await this.#ask(first, ['LRANGE', keyNames.notes, '0', '-1'])) as readonly Reply[];
    const carried: CarriedNote[] = [];
    for (const note of notes.toReversed()) {
      const { record, positions } = readNote(String(note));
      const byShard = Map.groupBy(positions, (position) => position % this.#shards.length);
      const found = await Promise.all(
        [...byShard].map(([number, some]) => this.#eventsAt(this.#shards[number] as Shard, some)),
      );
      const bySource = Map.groupBy(found.flat(), ({ source }) => source);
      const events = [...bySource].map(([source, some]) => ({ source, positions: some.map((one) => one.position) }));
      carried.push({ ...record, events });
    }
    return carried;
  }

  async #end(): Promise<CarriedEnd> {
    const all = await Promise.all(this.#shards.map((shard) => this.#endOf(shard)));
    const most = (of: (one: (typeof all)[number]) => number) => Math.max(...all.map(of));
    const lastDeadLetterAt = most(({ lastLetterAt }) => lastLetterAt);
    return {
      tallies: all.flatMap(({ tallies }) => tallies),
      lastDeadLetterAt: lastDeadLetterAt === 0 ? null : lastDeadLetterAt,
      highest: { deliveries: most((one) => one.p), events: most((one) => one.e), letters: most((one) => one.l) },
    };
  }

  async #endOf(shard: Shard) {
    const names = (await this.#ask(shard, ['HKEYS', keyNames.tally])) as readonly string[];
    const values = names.length === 0 ? [] : await this.#fields(shard, keyNames.tally, names);
    const fields = new Map(names.map((name, at) => [name, Number(values[at])]));
    const sources = new Set(names.map((name) => name.slice(name.indexOf(' ') + 1)));
    const tallies = [...sources].map((source): CarriedTally => {
      const counts = Object.fromEntries(tallied.map((what) => [what, fields.get(`${what} ${source}`) ?? 0]));
      const lastAcceptedAt = fields.get(`lastAcceptedAt ${source}`) ?? null;
      return { ...(counts as Record<(typeof tallied)[number], number>), source, lastAcceptedAt };
    });
    const meta = await this.#fields(shard, keyNames.meta, ['p', 'e', 'l', 'lastLetterAt']);
    const [p = 0, e = 0, l = 0, lastLetterAt = 0] = meta.map(Number);
    const position = (counter: number) => counter * this.#shards.length + shard.number;
    return { tallies, p: position(p), e: position(e), l: position(l), lastLetterAt };
  }

  async #fields(shard: Shard, key: string, fields: readonly string[]): Promise<readonly (string | null)[]> {
    const reply = await this.#ask(shard, ['HMGET', key, ...fields]);
    return (reply as readonly Reply[]).map(textOf);
  }

  /** Its second word is a key's name, behind the prefix. */
  #ask(shard: Shard, [command = '', key = '', ...rest]: readonly string[], bytes = false): Promise<Reply> {
    return shard.work.call([command, `${shard.prefix}${key}`, ...rest], { deadlineMs: carryMs, bytes });
  }
}

function factsOf(fields: readonly (string | null)[]) {
  type Facts = [string, string, string | null, string | null, number, number];
  return JSON.parse(fields[1] ?? '[]') as Facts;
}

function deliveryOf(
  { id, fields }: Head,
  shard: Shard,
  shards: number,
): Omit<CarriedDelivery, 'waitsSince' | 'head' | 'body'> {
  const [position, , state, created, waiting, dead, settledAt, runs] = fields;
  const [source, provider, type, key, receivedAt, bytes] = factsOf(fields);
  const counters = rowsOf((runs ?? '').split(/[: ]/).filter(Boolean), 2).flatMap(([first, count]) =>
    Array.from({ length: Number(count) }, (_, at) => Number(first) + at),
  );
  return {
    ...{ position: Number(position), id, source, provider, type, key, receivedAt, bytes, state: stateOf(state ?? 'a') },
    ...{ created: Number(created ?? 0), waiting: Number(waiting ?? 0), dead: Number(dead ?? 0) },
    settledAt: settledAt === null || settledAt === undefined ? null : Number(settledAt),
    events: counters.map((counter) => counter * shards + shard.number),
  };
}

function letterOf(id: string, fields: readonly (string | null)[]): CarriedLetter {
  const [position, source, delivery, kind, reason, message, destination = null, json = null, attempts, createdAt] =
    fields;
  const [type = null, receivedAt, event, eventId = null, time, route = null, key = null] = fields.slice(10);
  const number = (text: string | null | undefined) => (text === null || text === undefined ? null : Number(text));
  return {
    ...{ position: Number(position), id, source: source ?? '', delivery: delivery ?? '', reason: reason ?? '' },
    ...{ kind: kind as DeadLetter['kind'], message: message ?? '', destination, json, attempts: Number(attempts) },
    createdAt: Number(createdAt),
    facts: {
      ...{ type, receivedAt: Number(receivedAt), event: number(event), eventId, time: number(time) },
      ...{ route: route as Route | null, key },
    },
  };
}

function cut<T>(rows: readonly T[], weight: (row: T) => number): T[][] {
  const pieces: T[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    const more = weight(row);
    if (bytes + more > pieceBytesMax) {
      pieces.push([]);
      bytes = 0;
    }
    pieces.at(-1)?.push(row);
    bytes += more;
  }
  return pieces;
}
