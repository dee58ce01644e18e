/** Pages over shards: each gives its newest below a place, a bounded piece at a time; together they are one list. */
import type { PageRequest } from '../reading.ts';
import type { Reply } from './connection.ts';

/** Where a row stands in its list: its position, or its time of receipt and its id. */
export type Place = { readonly at: number; readonly id: string };
type Row = { readonly place: Place };
/** `seenDownTo`: below it nothing was looked at; null: all was. */
export type Looked<T extends Row> = { readonly rows: readonly T[]; readonly seenDownTo: Place | null };

/** Rows of one page; more is nobody's reading. */
const pageMax = 1_000;
/** Pieces of one page, each of some ms: with a filter that few rows pass a page may end before it is full. */
const piecesMax = 8;

export function limitOf({ limit }: Pick<PageRequest, 'limit'>): number {
  return Math.min(pageMax, Math.max(1, Math.trunc(limit) || 1));
}

/** Asks a shard for so many rows, piece after piece. */
export async function lookDown<T extends Row>(
  start: Place | null,
  wanted: number,
  ask: (below: Place | null, wanted: number) => Promise<Looked<T>>,
): Promise<Looked<T>> {
  const rows: T[] = [];
  let below = start;
  for (let piece = 0; piece < piecesMax; piece++) {
    const found = await ask(below, wanted - rows.length);
    rows.push(...found.rows);
    if (rows.length >= wanted || found.seenDownTo === null) return { rows, seenDownTo: null };
    below = found.seenDownTo;
  }
  return { rows, seenDownTo: below };
}

/** One page of what all shards gave; each gave one more than the page holds, if it has so many. */
export function pageOf<T extends Row>(
  looked: readonly Looked<T>[],
  limit: number,
): { readonly items: readonly T[]; readonly next: Place | null } {
  const floors = looked.flatMap(({ seenDownTo }) => (seenDownTo === null ? [] : [seenDownTo])).sort(newestFirst);
  const floor = floors[0] ?? null;
  const rows = looked
    .flatMap((one) => one.rows)
    .filter(({ place }) => floor === null || newestFirst(place, floor) <= 0)
    .sort((one, other) => newestFirst(one.place, other.place));
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? (items.at(-1)?.place ?? null) : floor };
}

function newestFirst(one: Place, other: Place): number {
  if (one.at !== other.at) return other.at - one.at;
  return one.id === other.id ? 0 : one.id < other.id ? 1 : -1;
}

/** A flat reply as rows of so many fields. */
export function rowsOf(flat: Reply | undefined, fields: number): (readonly Reply[])[] {
  const all = (flat ?? []) as readonly Reply[];
  const rows: (readonly Reply[])[] = [];
  for (let at = 0; at < all.length; at += fields) rows.push(all.slice(at, at + fields));
  return rows;
}

/** Text or bytes as text; null stays. */
export function textOf(reply: Reply | undefined): string | null {
  return reply === null || reply === undefined ? null : reply.toString();
}
