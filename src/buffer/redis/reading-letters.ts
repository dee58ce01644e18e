/** Dead letters: listed newest first, by every filter, and one by its id. */
import type { DeadLetter, Route, UpdateRoute } from '../../model.ts';
import {
  type DeadLetterFilter,
  eventBytesShownMax,
  type Page,
  type PageRequest,
  type WholeDeadLetter,
} from '../reading.ts';
import type { SelectedDeadLetter } from '../replaying.ts';
import { typeInIndex } from './accepting.ts';
import type { Reply } from './connection.ts';
import { type Looked, limitOf, lookDown, type Place, pageOf, rowsOf, textOf } from './reading-pages.ts';
import { script } from './script.ts';
import type { Shard } from './shard.ts';

/** Rows of one script: about 5 ms. */
const lookedAtMax = 1_000;
/** Fields of a letter (letterkinds.lua). */
export const letterFields = 17;

const listScript = script('listletters', ['walk', 'letterkinds'], { allowOom: true });
const rowsScript = script('letterrows', ['letterkinds'], { allowOom: true });

export type LetterRow = {
  readonly position: number;
  readonly createdAt: number;
  readonly type: string | null;
  readonly letter: SelectedDeadLetter;
};

export class LetterLists {
  readonly #shards: readonly Shard[];

  constructor(shards: readonly Shard[]) {
    this.#shards = shards;
  }

  async page(filter: DeadLetterFilter, page: PageRequest): Promise<Page<DeadLetter>> {
    const limit = limitOf(page);
    const start = /^\d{1,15}$/.test(page.after ?? '') ? { at: Number(page.after), id: '' } : null;
    const looked = await Promise.all(
      this.#shards.map((shard) => lookDown(start, limit + 1, (below, wanted) => newest(shard, filter, below, wanted))),
    );
    const { items, next } = pageOf(looked, limit);
    return { items: items.map(({ row }) => deadLetterOf(row)), next: next && String(next.at) };
  }

  async one(id: string): Promise<WholeDeadLetter | null> {
    const row = (await letterRows(this.#shards, [id], 0)).rows.get(id);
    if (!row) return null;
    const { receivedAt, time, eventId, route } = row.letter;
    return { ...deadLetterOf(row), type: row.type, receivedAt, time, eventId, route };
  }
}

/** Those that are there, in whatever shard, until their JSON is more than `bytesMax`; `looked`: so many of the ids were looked for. */
export async function letterRows(
  shards: readonly Shard[],
  ids: readonly string[],
  bytesMax: number,
): Promise<{ readonly rows: ReadonlyMap<string, LetterRow>; readonly looked: number }> {
  if (ids.length === 0) return { rows: new Map(), looked: 0 };
  const replies = await Promise.all(shards.map((shard) => shard.call(rowsScript, [String(bytesMax), ...ids])));
  const rows = replies.flatMap(([flat]) => rowsOf(flat, letterFields).map(readLetter));
  return {
    rows: new Map(rows.map((row) => [row.letter.id, row])),
    looked: Math.min(...replies.map(([, looked]) => Number(looked))),
  };
}

export function readLetter(fields: readonly Reply[]): LetterRow {
  const [id, position, source, delivery, kind, reason, message, destination, attempts, createdAt] = fields.map(textOf);
  const [type, receivedAt, eventId, time, route, key, json] = fields.slice(10).map(textOf);
  const letter: SelectedDeadLetter = {
    ...{ id: id ?? '', source: source ?? '', delivery: delivery ?? '', kind: kind as DeadLetter['kind'] },
    ...{ reason: reason ?? '', message: message ?? '', attempts: Number(attempts) },
    ...{ destination: destination ?? null, json: json ?? null, eventId: eventId ?? null },
    time: time === null ? null : Number(time),
    receivedAt: Number(receivedAt),
    route: (route ?? null) as Route | null,
    update: !route || route === 'event' || !key ? null : { route: route as UpdateRoute, key },
  };
  return { position: Number(position), createdAt: Number(createdAt), type: type ?? null, letter };
}

export function deadLetterOf({ letter, createdAt }: LetterRow): DeadLetter {
  const { id, source, delivery, kind, reason, message, destination, json, attempts } = letter;
  return {
    ...{ id, source, delivery, kind, reason, message },
    ...(destination === null ? {} : { destination }),
    ...(json === null ? {} : { event: readJson(json) }),
    attempts,
    created_at: new Date(createdAt).toISOString(),
  };
}

async function newest(
  shard: Shard,
  filter: DeadLetterFilter,
  below: Place | null,
  wanted: number,
): Promise<Looked<{ readonly place: Place; readonly row: LetterRow }>> {
  const { source, reason, kind, destination, type, since, until } = filter;
  const bounds = [below === null ? '' : below.at, wanted, lookedAtMax];
  const ofType = type === undefined ? undefined : typeInIndex(type).slice(1);
  const asked = [source, reason, kind, destination, ofType, since, until].map((one) => one ?? '');
  const [floor, flat] = await shard.call(listScript, [...bounds, ...asked, eventBytesShownMax].map(String));
  const rows = rowsOf(flat, letterFields).map((fields) => {
    const row = readLetter(fields);
    return { place: { at: row.position, id: '' }, row };
  });
  return { rows, seenDownTo: floor === '' ? null : { at: Number(floor), id: '' } };
}

/** What was buried may be no JSON at all: then it is shown as the text it is. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
