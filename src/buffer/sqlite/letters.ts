/**
 * Dead letters: made in the transaction that buries, listed newest first, taken away when a replay mends what they are about.
 * What an older relay buried has no row of facts; then the letter itself is asked.
 */

import { newId } from '../../clock.ts';
import type { DeadLetter, Route } from '../../model.ts';
import type { NewDeadLetter } from '../contract.ts';
import type { DeadLetterFilter, Page, PageRequest, WholeDeadLetter } from '../reading.ts';
import type { Counts } from './counts.ts';
import type { Statement } from './database.ts';
import { newestOf, pageStart } from './pages.ts';
import type { Store } from './store.ts';

/** The event that died, while its row is there. */
export type Buried = {
  readonly position: number;
  readonly id: string;
  readonly time: number;
  readonly route: Route;
  /** Of an update: whose it is. */
  readonly key: string | null;
};

type Burial = {
  readonly source: number;
  readonly delivery: number;
  readonly deliveryId: string;
  readonly type: string | null;
  readonly receivedAt: number;
  readonly letter: NewDeadLetter;
  /** Null: it never was an event. */
  readonly event: Buried | null;
  readonly now: number;
};

type LetterRow = [number, string, number, string, string, string, string | null, string | null, number, number];
type FactsRow = [string | null, number | null, string | null, number | null, string | null, string | null];
const columns = 'position, id, letter_kind, delivery_id, kind, message, destination, event, attempts, created_at';
/** Rows looked at for one page, when a filter asks for more than source and reason. */
const lookedAtMax = 5_000;

export class Letters {
  readonly #store: Store;
  readonly #add: Statement;
  readonly #addFacts: Statement;
  readonly #newest: Statement;
  readonly #newestOfKind: Statement;
  readonly #matching: Statement;
  readonly #lookedAt: Statement;
  readonly #one: Statement;
  readonly #facts: Statement;
  readonly #ofDelivery: Statement;
  readonly #drop: Statement;
  readonly #dropFacts: Statement;

  constructor(store: Store) {
    const { database } = store;
    this.#store = store;
    this.#add = database.prepare(
      `INSERT INTO letters (id, letter_kind, delivery, delivery_id, kind, message, destination, event, attempts, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#addFacts = database.prepare(
      `INSERT INTO letter_facts (position, kind, destination, type, received_at, event, event_id, time, route, key)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#newest = database.prepare(letterSql.newest);
    this.#newestOfKind = database.prepare(letterSql.newestOfKind);
    this.#matching = database.prepare(letterSql.matching);
    this.#lookedAt = database.prepare(letterSql.lookedAt);
    this.#one = database.prepare(letterSql.one);
    this.#facts = database.prepare(
      'SELECT type, received_at, event_id, time, route, key FROM letter_facts WHERE position = ?',
    );
    this.#ofDelivery = database.prepare(letterSql.ofDelivery);
    this.#drop = database.prepare('DELETE FROM letters WHERE position = ?');
    this.#dropFacts = database.prepare('DELETE FROM letter_facts WHERE position = ?');
  }

  add({ source, delivery, deliveryId, type, receivedAt, letter, event, now }: Burial, counts: Counts): void {
    const kind = this.#store.names.letterKind(source, letter.reason);
    const { destination = null, eventJson = null, message, attempts } = letter;
    const { position } = this.#add.run(
      ...[newId('ded', now), kind.n, delivery, deliveryId],
      ...[letter.kind, message, destination, eventJson, attempts, now],
    );
    const { position: of = null, id = null, time = null, route = null, key = null } = event ?? {};
    this.#addFacts.run(position, letter.kind, destination, type, receivedAt, of, id, time, route, key);
    counts.letterKind(kind.n, 1);
    counts.lastLetterAt = now;
  }

  /** Inside a transaction. */
  remove(position: number, kind: number, counts: Counts): void {
    this.#drop.run(position);
    this.#dropFacts.run(position);
    counts.letterKind(kind, -1);
  }

  list(filter: DeadLetterFilter, page: PageRequest): Page<DeadLetter> {
    const before = pageStart(page);
    const wanted = page.limit + 1;
    const { rows, floor } = this.#rows(filter, before, wanted);
    const items = rows.slice(0, page.limit);
    const next = rows.length > page.limit ? (items.at(-1)?.[0] ?? 0) : floor;
    return { items: items.map((row) => this.#letter(row)), next: next > 0 ? String(next) : null };
  }

  one(id: string): WholeDeadLetter | null {
    const row = this.#one.get<LetterRow>(id);
    if (!row) return null;
    const [type = null, receivedAt, eventId = null, time = null, route = null] =
      this.#facts.get<FactsRow>(row[0]) ?? [];
    return {
      ...this.#letter(row),
      ...{ type, receivedAt: receivedAt ?? row[9], eventId, time, route: route as Route | null },
    };
  }

  /** Oldest first. */
  of(delivery: number, limit: number): readonly DeadLetter[] {
    return this.#ofDelivery.all<LetterRow>(delivery, limit).map((row) => this.#letter(row));
  }

  #rows(filter: DeadLetterFilter, before: number, wanted: number): { rows: LetterRow[]; floor: number } {
    const { source, reason, kind, destination, type, since, until } = filter;
    const { names } = this.#store;
    const fine = [kind, destination, type, since, until].some((one) => one !== undefined);
    if (source === undefined && reason === undefined && !fine)
      return { rows: this.#newest.all<LetterRow>(before, wanted), floor: 0 };
    const kinds = names.letterKindsWhere({ source, reason });
    if (!fine) {
      const ask = (of: { n: number }, count: number) => this.#newestOfKind.all<LetterRow>(of.n, before, count);
      return { rows: newestOf(kinds, wanted, ask), floor: 0 };
    }
    // No more than so many rows of all kinds together are at or above this one.
    const floor = this.#lookedAt.get<[number]>(before)?.[0] ?? 0;
    const asked = [kind ?? null, destination ?? null, type ?? null, since ?? null, until ?? null] as const;
    const rows = newestOf(kinds, wanted, (of, count) =>
      this.#matching.all<LetterRow>(of.n, before, floor, ...asked, count),
    );
    return { rows, floor };
  }

  #letter([, id, kindNumber, delivery, kind, message, destination, event, attempts, createdAt]: LetterRow): DeadLetter {
    const { source, reason } = this.#store.names.letterKindOf(kindNumber);
    return {
      id,
      source: this.#store.names.sourceName(source),
      delivery,
      kind: kind as DeadLetter['kind'],
      reason,
      message,
      ...(destination === null ? {} : { destination }),
      ...(event === null ? {} : { event: readJson(event) }),
      attempts,
      created_at: new Date(createdAt).toISOString(),
    };
  }
}

/** Every statement of the lists, for the test that asks SQLite how it would run them. */
export const letterSql = {
  newest: `SELECT ${columns} FROM letters WHERE position < ? ORDER BY position DESC LIMIT ?`,
  newestOfKind: `SELECT ${columns} FROM letters INDEXED BY letters_kind
    WHERE letter_kind = ? AND position < ? ORDER BY position DESC LIMIT ?`,
  lookedAt: `SELECT position FROM letters WHERE position < ? ORDER BY position DESC LIMIT 1 OFFSET ${lookedAtMax - 1}`,
  matching: `SELECT ${columns
    .split(', ')
    .map((column) => `l.${column}`)
    .join(', ')}
    FROM letters l INDEXED BY letters_kind LEFT JOIN letter_facts f ON f.position = l.position
    WHERE l.letter_kind = ?1 AND l.position < ?2 AND l.position >= ?3
      AND (?4 IS NULL OR coalesce(f.kind, l.kind) = ?4)
      AND (?5 IS NULL OR coalesce(f.destination, l.destination) = ?5)
      AND (?6 IS NULL OR f.type = ?6)
      AND (?7 IS NULL OR coalesce(f.received_at, l.created_at) >= ?7)
      AND (?8 IS NULL OR coalesce(f.received_at, l.created_at) < ?8)
    ORDER BY l.position DESC LIMIT ?9`,
  one: `SELECT ${columns} FROM letters WHERE id = ?`,
  ofDelivery: `SELECT ${columns} FROM letters WHERE delivery = ? ORDER BY position LIMIT ?`,
} as const;

/** What was buried may be no JSON at all: then it is shown as the text it is. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
