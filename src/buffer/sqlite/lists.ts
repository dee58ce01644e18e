/**
 * Deliveries, newest first, by cursor; a page looks at a bounded number of rows whatever the filter.
 *
 * Without a time range the order is that of positions, and an index of kinds (source, type, state) answers every filter. With one it
 * is that of receipt, which the ids sort by (clock.ts): few rows of the kinds asked for are all read, many are met on a walk
 * through the range.
 */
import type { DeliveryFilter, DeliverySummary, Page, PageRequest } from '../reading.ts';
import type { Statement } from './database.ts';
import { newestOf, pageStart } from './pages.ts';
import { idsFrom } from './receipt.ts';
import { deliveryStates } from './schema.ts';
import type { Store } from './store.ts';

export type SummaryRow = [
  position: number,
  id: string,
  kind: number,
  key: string | null,
  type: string | null,
  receivedAt: number,
  bytes: number,
  created: number,
  waiting: number,
  dead: number,
];
export const summaryColumns = 'position, id, kind, key, type, received_at, bytes, created, waiting, dead';
/** Rows looked at for one page: about 15 ms. */
const lookedAtMax = 10_000;
/** Of the kinds asked for: so many rows are read and sorted; more are dense enough to be met on a walk. */
const fewMax = 4_000;

export class Lists {
  readonly #store: Store;
  readonly #newest: Statement;
  readonly #newestOfKind: Statement;
  readonly #newestOfType: Statement;
  readonly #lookedAt: Statement;
  readonly #kept: Statement;
  readonly #rangeOfKind: Statement;
  readonly #range: Statement;

  constructor(store: Store) {
    const { database } = store;
    this.#store = store;
    this.#newest = database.prepare(sql.newest);
    this.#newestOfKind = database.prepare(sql.newestOfKind);
    this.#newestOfType = database.prepare(sql.newestOfType);
    this.#lookedAt = database.prepare(sql.lookedAt);
    this.#kept = database.prepare('SELECT n, kept FROM kinds WHERE kept > 0');
    this.#rangeOfKind = database.prepare(sql.rangeOfKind);
    this.#range = database.prepare(sql.range);
  }

  deliveries(filter: DeliveryFilter, page: PageRequest): Page<DeliverySummary> {
    const wanted = page.limit + 1;
    const timed = filter.since !== undefined || filter.until !== undefined;
    const { rows, seenDownTo } = timed ? this.#inRange(filter, page, wanted) : this.#byPosition(filter, page, wanted);
    const items = rows.slice(0, page.limit);
    const last = items.at(-1);
    const more = rows.length > page.limit && last ? cursorOf(last, timed) : seenDownTo;
    return { items: items.map((row) => this.summary(row)), next: more };
  }

  summary([, id, kindNumber, key, ownType, receivedAt, bytes, created, waiting, dead]: SummaryRow): DeliverySummary {
    const { names } = this.#store;
    const kind = names.kind(kindNumber);
    return {
      id,
      source: names.sourceName(kind.source),
      provider: kind.provider,
      type: kind.type ?? ownType,
      key,
      state: deliveryStates[kind.state] ?? 'accepted',
      received_at: new Date(receivedAt).toISOString(),
      events: { created, waiting, delivered: created - waiting - dead, dead },
      bytes,
    };
  }

  #byPosition(filter: DeliveryFilter, page: PageRequest, wanted: number): Looked {
    const before = pageStart(page);
    const { type } = filter;
    const kinds = this.#store.names.kindsWhere(filter);
    if (kinds === 'all') return { rows: this.#newest.all<SummaryRow>(before, wanted), seenDownTo: null };
    // Kinds that hold many types: rows are looked at, and below where that ended nothing of any kind is on this page.
    const mixed = kinds.filter(({ various }) => various && type !== undefined);
    const ends = mixed.map(({ n }) => this.#lookedAt.get<[number]>(n, before)?.[0] ?? 0);
    const floor = Math.max(0, ...ends);
    const rows = newestOf(kinds, wanted, (kind, count) =>
      mixed.includes(kind)
        ? this.#newestOfType.all<SummaryRow>(kind.n, before, type ?? null, count)
        : this.#newestOfKind.all<SummaryRow>(kind.n, before, count),
    );
    return {
      rows: rows.filter(([position]) => position >= floor),
      seenDownTo: floor > 0 ? String(floor) : null,
    };
  }

  #inRange(filter: DeliveryFilter, page: PageRequest, wanted: number): Looked {
    const { since = 0, until } = filter;
    const kinds = this.#store.names.kindsWhere({ ...filter, every: true });
    const from = idsFrom(since);
    const cursor = page.after !== undefined && /^dlv_\w+$/.test(page.after) ? page.after : null;
    const end = until === undefined ? idsFrom(Number.POSITIVE_INFINITY) : idsFrom(until);
    const to = cursor !== null && cursor < end ? cursor : end;
    const numbers = new Set(kinds.map(({ n }) => n));
    const kept = this.#kept.all<[number, number]>().filter(([n]) => numbers.has(n));
    const few = kept.reduce((sum, [, count]) => sum + count, 0) <= fewMax;
    const right = (row: SummaryRow) => this.#isOfType(row, filter.type);
    if (few) {
      const rows = kept.flatMap(([n]) => this.#rangeOfKind.all<SummaryRow>(n, from, to)).filter(right);
      rows.sort((a, b) => (a[1] < b[1] ? 1 : -1));
      return { rows: rows.slice(0, wanted), seenDownTo: null };
    }
    const rows: SummaryRow[] = [];
    let last: SummaryRow | null = null;
    let looked = 0;
    for (const row of this.#range.iterate<SummaryRow>(from, to, lookedAtMax)) {
      looked += 1;
      last = row;
      if (numbers.has(row[2]) && right(row) && rows.push(row) === wanted) break;
    }
    return { rows, seenDownTo: looked === lookedAtMax && last ? last[1] : null };
  }

  #isOfType([, , kindNumber, , ownType]: SummaryRow, type: string | undefined): boolean {
    return type === undefined || (this.#store.names.kind(kindNumber).type ?? ownType) === type;
  }
}

/** `seenDownTo`: the cursor below which nothing was looked at; null: all was. */
type Looked = { readonly rows: SummaryRow[]; readonly seenDownTo: string | null };

function cursorOf(row: SummaryRow, timed: boolean): string {
  return timed ? row[1] : String(row[0]);
}

/** Every statement of the lists, for the test that asks SQLite how it would run them. */
export const sql = {
  newest: `SELECT ${summaryColumns} FROM deliveries WHERE position < ? ORDER BY position DESC LIMIT ?`,
  newestOfKind: `SELECT ${summaryColumns} FROM deliveries INDEXED BY deliveries_kind
    WHERE kind = ? AND position < ? ORDER BY position DESC LIMIT ?`,
  newestOfType: `SELECT * FROM (SELECT ${summaryColumns} FROM deliveries INDEXED BY deliveries_kind
      WHERE kind = ? AND position < ? ORDER BY position DESC LIMIT ${lookedAtMax})
    WHERE type = ? ORDER BY position DESC LIMIT ?`,
  lookedAt: `SELECT position FROM deliveries INDEXED BY deliveries_kind
    WHERE kind = ? AND position < ? ORDER BY position DESC LIMIT 1 OFFSET ${lookedAtMax - 1}`,
  rangeOfKind: `SELECT ${summaryColumns} FROM deliveries INDEXED BY deliveries_kind
    WHERE kind = ? AND id >= ? AND id < ?`,
  range: `SELECT ${summaryColumns} FROM deliveries INDEXED BY deliveries_id
    WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT ?`,
} as const;
