/** What the outside may see of the store: the counts in one snapshot, and deliveries newest first. */
import type { BufferTally, DeliveryFilter, DeliverySummary, Page, PageRequest, SourceTally } from '../contract.ts';
import type { Statement } from './database.ts';
import { newestOf, pageStart } from './pages.ts';
import { deliveryStates } from './schema.ts';
import type { Store } from './store.ts';

type SummaryRow = [
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
const columns = 'position, id, kind, key, type, received_at, bytes, created, waiting, dead';
/** Rows looked at for a type that shares its kind with others; a page may then be short and still have a next. */
const lookedAtMax = 20_000;

export class Lists {
  readonly #store: Store;
  readonly #newest: Statement;
  readonly #newestOfKind: Statement;
  readonly #newestOfType: Statement;
  readonly #sources: Statement;
  readonly #letters: Statement;
  readonly #lastLetter: Statement;
  readonly #oldestUnmapped: Statement;
  readonly #oldestEvent: Statement;

  constructor(store: Store) {
    const { database } = store;
    this.#store = store;
    this.#newest = database.prepare(
      `SELECT ${columns} FROM deliveries WHERE position < ? ORDER BY position DESC LIMIT ?`,
    );
    this.#newestOfKind = database.prepare(
      `SELECT ${columns} FROM deliveries INDEXED BY deliveries_kind
       WHERE kind = ? AND position < ? ORDER BY position DESC LIMIT ?`,
    );
    this.#newestOfType = database.prepare(
      `SELECT * FROM (SELECT ${columns} FROM deliveries INDEXED BY deliveries_kind
         WHERE kind = ? AND position < ? ORDER BY position DESC LIMIT ${lookedAtMax})
       WHERE type = ? ORDER BY position DESC LIMIT ?`,
    );
    this.#sources = database.prepare(
      `SELECT name, accepted, duplicates, mapped, skipped, failed, created, delivered, dead, last_accepted_at FROM sources`,
    );
    this.#letters = database.prepare('SELECT source, reason, kept FROM letter_kinds WHERE kept > 0');
    this.#lastLetter = database.prepare("SELECT value FROM meta WHERE name = 'last_dead_letter_at'");
    this.#oldestUnmapped = database.prepare(
      `SELECT received_at FROM deliveries INDEXED BY deliveries_unmapped WHERE state = 0 ORDER BY position LIMIT 1`,
    );
    this.#oldestEvent = database.prepare('SELECT received_at FROM queue WHERE lane = ? ORDER BY position LIMIT 1');
  }

  tally(): BufferTally {
    const { names, lanes, room } = this.#store;
    const waitingByDestination: Record<string, number> = {};
    let oldestWaitingAt = this.#oldestUnmapped.get<[number]>()?.[0] ?? null;
    for (const lane of lanes.all()) {
      waitingByDestination[lane.destination] = (waitingByDestination[lane.destination] ?? 0) + lane.waiting;
      const oldest = lane.waiting > 0 ? this.#oldestEvent.get<[number]>(lane.n)?.[0] : undefined;
      if (oldest !== undefined) oldestWaitingAt = Math.min(oldest, oldestWaitingAt ?? oldest);
    }
    return {
      sources: this.#sourceTallies(),
      waitingByDestination,
      deadLetters: this.#letters
        .all<[number, string, number]>()
        .map(([source, reason, count]) => ({ source: names.sourceName(source), reason, count })),
      lastDeadLetterAt: this.#lastLetter.get<[number]>()?.[0] ?? null,
      oldestWaitingAt,
      bytesUsed: room.bytesUsed,
      bytesMax: room.bytesMax,
      full: room.full,
    };
  }

  deliveries(filter: DeliveryFilter, page: PageRequest): Page<DeliverySummary> {
    const before = pageStart(page);
    const wanted = page.limit + 1;
    const rows = this.#rows(filter, before, wanted);
    const items = rows.slice(0, page.limit);
    return {
      items: items.map((row) => this.#summary(row)),
      next: rows.length > page.limit ? String(items.at(-1)?.[0]) : null,
    };
  }

  #rows({ source, state, type }: DeliveryFilter, before: number, wanted: number): SummaryRow[] {
    if (source === undefined && state === undefined && type === undefined)
      return this.#newest.all<SummaryRow>(before, wanted);
    const { names } = this.#store;
    const n = source === undefined ? undefined : names.knownSource(source);
    if (source !== undefined && n === undefined) return [];
    const stateNumber = state === undefined ? undefined : deliveryStates.indexOf(state);
    const kinds = [...names.kinds()].filter(
      (kind) =>
        (n === undefined || kind.source === n) &&
        (stateNumber === undefined || kind.state === stateNumber) &&
        (type === undefined || kind.various || kind.type === type),
    );
    return newestOf(kinds, wanted, (kind, count) =>
      type !== undefined && kind.various
        ? this.#newestOfType.all<SummaryRow>(kind.n, before, type, count)
        : this.#newestOfKind.all<SummaryRow>(kind.n, before, count),
    );
  }

  #summary([, id, kindNumber, key, ownType, receivedAt, bytes, created, waiting, dead]: SummaryRow): DeliverySummary {
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

  #sourceTallies(): Record<string, SourceTally> {
    const tallies: Record<string, SourceTally> = {};
    type Row = [string, number, number, number, number, number, number, number, number, number | null];
    for (const row of this.#sources.all<Row>()) {
      const [name, accepted, duplicates, mapped, skipped, failed, created, delivered, dead, lastAcceptedAt] = row;
      const unmapped = accepted - mapped - skipped - failed;
      const waiting = created - delivered - dead;
      tallies[name] = {
        accepted,
        duplicates,
        unmapped,
        mapped,
        skipped,
        failed,
        created,
        waiting,
        delivered,
        dead,
        lastAcceptedAt,
      };
    }
    return tallies;
  }
}
