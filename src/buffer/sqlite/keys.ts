/**
 * What keys were seen (promise 2). A key is found by its hash, and hashes lie anywhere: put into an index one by one, each
 * costs a page of its own, in the log and in the file, and that was measured to be two thirds of accepting.
 *
 *   young    the last some thousand, in memory; on disk they are rows in the order they came (`dedupe`)
 *   old      in the index on disk (`dedupe_index`), which gets the young ones many at a time, sorted, so that neighbours
 *            share a page
 *
 * `indexedUpTo` is the position up to which all are in the index; the rest is read into memory when the store opens.
 */
import { hash } from 'node:crypto';
import { NoRoomError, type Statement } from './database.ts';
import type { Store } from './store.ts';

/** So many are young at the most before they are put into the index: 2 MB of memory, 15 ms to read at the start. */
const youngMax = 16_384;
/** Of one transaction: about 3 ms. */
const indexedAtOnce = 500;

export type SeenKey = { readonly id: string; readonly receivedAt: number; readonly position: number };

export class Keys {
  readonly #store: Store;
  readonly #young = new Map<string, number>();
  /** Of the transaction that runs. */
  readonly #fresh = new Map<string, number>();
  /** What is on its way into the index, sorted; the next one to go is at `#at`. */
  #moving: readonly (readonly [string, number])[] = [];
  #at = 0;
  readonly #find: Statement;
  readonly #row: Statement;
  readonly #add: Statement;
  readonly #drop: Statement;
  readonly #index: Statement;
  readonly #unindex: Statement;
  readonly #indexedUpTo: Statement;

  constructor(store: Store) {
    const { database } = store;
    this.#store = store;
    this.#find = database.prepare('SELECT position FROM dedupe_index WHERE hash = ?');
    this.#row = database.prepare('SELECT id, received_at FROM dedupe WHERE position = ?');
    this.#add = database.prepare('INSERT INTO dedupe (position, hash, id, received_at) VALUES (?, ?, ?, ?)');
    this.#drop = database.prepare('DELETE FROM dedupe WHERE position = ? RETURNING hash');
    // From the row, so that a key that was dropped meanwhile does not come back.
    this.#index = database.prepare(
      'INSERT OR REPLACE INTO dedupe_index (hash, position) SELECT hash, position FROM dedupe WHERE position = ?',
    );
    this.#unindex = database.prepare('DELETE FROM dedupe_index WHERE hash = ? AND position = ?');
    this.#indexedUpTo = database.prepare(
      "INSERT OR REPLACE INTO meta (name, value) VALUES ('dedupe_indexed_up_to', ?)",
    );
    const upTo =
      database.prepare("SELECT value FROM meta WHERE name = 'dedupe_indexed_up_to'").get<[number]>()?.[0] ?? 0;
    const rest = database.prepare('SELECT hash, position FROM dedupe WHERE position > ? ORDER BY position');
    for (const [bytes, position] of rest.iterate<[Uint8Array, number]>(upTo))
      this.#young.set(Buffer.from(bytes).toString('latin1'), position);
  }

  /** Null: not seen, or its row has given way. */
  find(hashed: string): SeenKey | null {
    const position =
      this.#fresh.get(hashed) ?? this.#young.get(hashed) ?? this.#find.get<[number]>(bytesOf(hashed))?.[0];
    const row = position === undefined ? undefined : this.#row.get<[string, number]>(position);
    return row === undefined || position === undefined ? null : { id: row[0], receivedAt: row[1], position };
  }

  /** Within a transaction; `committed` or `rolledBack` has to follow. */
  remember(hashed: string, key: SeenKey): void {
    this.#add.run(key.position, bytesOf(hashed), key.id, key.receivedAt);
    this.#fresh.set(hashed, key.position);
  }

  committed(): void {
    for (const [hashed, position] of this.#fresh) this.#young.set(hashed, position);
    this.#fresh.clear();
  }

  rolledBack(): void {
    this.#fresh.clear();
  }

  /** Within a transaction. What is still in memory leads nowhere then. Answers how many there were. */
  drop(position: number): number {
    const row = this.#drop.get<[Uint8Array]>(position);
    if (row) this.#unindex.run(row[0], position);
    return row ? 1 : 0;
  }

  /** One piece of the way into the index, when there is something to do. Called when nobody waits for an answer. */
  tidy(): void {
    if (this.#moving.length === 0) {
      if (this.#young.size < youngMax) return;
      this.#moving = [...this.#young].sort(([one], [other]) => (one < other ? -1 : 1));
      this.#at = 0;
    }
    const piece = this.#moving.slice(this.#at, this.#at + indexedAtOnce);
    const last = this.#at + piece.length === this.#moving.length;
    try {
      this.#store.change(() => {
        for (const [, position] of piece) this.#index.run(position);
        if (last) this.#indexedUpTo.run(this.#moving.reduce((most, [, position]) => Math.max(most, position), 0));
      });
    } catch (error) {
      // Tried again when there is room; until then they are found in memory.
      if (error instanceof NoRoomError) return;
      throw error;
    }
    this.#at += piece.length;
    if (last) this.#moved();
  }

  #moved(): void {
    for (const [hashed, position] of this.#moving) if (this.#young.get(hashed) === position) this.#young.delete(hashed);
    this.#moving = [];
  }
}

/** 128 bits as text of 16 characters: two keys never meet by chance. */
export function keyHash(source: string, key: string): string {
  return hash('sha256', `${source}\0${key}`, 'latin1').slice(0, 16);
}

function bytesOf(hashed: string): Uint8Array {
  return Buffer.from(hashed, 'latin1');
}
