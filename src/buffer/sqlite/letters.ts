/** Dead letters: made in the transaction that buries, listed newest first. */

import { newId } from '../../clock.ts';
import type { DeadLetter } from '../../model.ts';
import type { DeadLetterFilter, NewDeadLetter, Page, PageRequest } from '../contract.ts';
import type { Counts } from './counts.ts';
import type { Statement } from './database.ts';
import { newestOf, pageStart } from './pages.ts';
import type { Store } from './store.ts';

type Burial = {
  readonly source: number;
  readonly delivery: number;
  readonly deliveryId: string;
  readonly letter: NewDeadLetter;
  readonly now: number;
};

type LetterRow = [number, string, number, string, string, string, string | null, string | null, number, number];
const columns = 'position, id, letter_kind, delivery_id, kind, message, destination, event, attempts, created_at';

export class Letters {
  readonly #store: Store;
  readonly #add: Statement;
  readonly #newest: Statement;
  readonly #newestOfKind: Statement;

  constructor(store: Store) {
    const { database } = store;
    this.#store = store;
    this.#add = database.prepare(
      `INSERT INTO letters (id, letter_kind, delivery, delivery_id, kind, message, destination, event, attempts, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#newest = database.prepare(`SELECT ${columns} FROM letters WHERE position < ? ORDER BY position DESC LIMIT ?`);
    this.#newestOfKind = database.prepare(
      `SELECT ${columns} FROM letters WHERE letter_kind = ? AND position < ? ORDER BY position DESC LIMIT ?`,
    );
  }

  add({ source, delivery, deliveryId, letter, now }: Burial, counts: Counts): void {
    const kind = this.#store.names.letterKind(source, letter.reason);
    const { destination = null, eventJson = null } = letter;
    this.#add.run(
      newId('ded', now),
      kind.n,
      delivery,
      deliveryId,
      letter.kind,
      letter.message,
      destination,
      eventJson,
      letter.attempts,
      now,
    );
    counts.letterKind(kind.n, 1);
    counts.lastLetterAt = now;
  }

  list({ source, reason }: DeadLetterFilter, page: PageRequest): Page<DeadLetter> {
    const before = pageStart(page);
    const wanted = page.limit + 1;
    const { names } = this.#store;
    let rows: LetterRow[];
    if (source === undefined && reason === undefined) rows = this.#newest.all<LetterRow>(before, wanted);
    else {
      const n = source === undefined ? undefined : names.knownSource(source);
      if (source !== undefined && n === undefined) return { items: [], next: null };
      const kinds = [...names.letterKinds()].filter(
        (kind) => (n === undefined || kind.source === n) && (reason === undefined || kind.reason === reason),
      );
      rows = newestOf(kinds, wanted, (kind, count) => this.#newestOfKind.all<LetterRow>(kind.n, before, count));
    }
    const items = rows.slice(0, page.limit);
    return {
      items: items.map((row) => this.#letter(row)),
      next: rows.length > page.limit ? String(items.at(-1)?.[0]) : null,
    };
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

/** What was buried may be no JSON at all: then it is shown as the text it is. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
