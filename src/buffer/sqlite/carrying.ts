/**
 * A data folder that is carried from or to (`../carrying.ts`): held as a relay holds it, in the thread that asks, for nothing else
 * goes on meanwhile.
 */

import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import { UsageError } from '../../errors.ts';
import type { Carrying, Counts, MoveMark, Piece } from '../carrying.ts';
import { Taking } from './carrying-in.ts';
import { piecesOf } from './carrying-out.ts';
import { type Hold, holdFolder } from './holder.ts';
import { Letters } from './letters.ts';
import { readMark, writeMark } from './move-mark.ts';
import { Queueing } from './queueing.ts';
import { Remapping } from './remapping.ts';
import { Replays } from './replays.ts';
import { Resending } from './resending.ts';
import { Secrets } from './secrets.ts';
import { Store } from './store.ts';
import { openStoreFile, prepareFolder } from './store-file.ts';

export type SqliteCarryingOptions = {
  readonly folder: string;
  readonly clock: Clock;
  readonly bytesMax: number;
  readonly keepDeliveriesMs: number;
  /** False: there must be something in it. */
  readonly mayBeNew: boolean;
};

/** Throws a UsageError (exit code 1) when a relay holds the folder, or there is no store in it. */
export function carrySqlite(options: SqliteCarryingOptions): Carrying {
  const { folder, mayBeNew, clock } = options;
  if (!mayBeNew && !statSync(join(folder, 'buffer.db'), { throwIfNoEntry: false }))
    throw new UsageError([`There is no buffer in ${folder}: nothing to move.`], 1);
  prepareFolder(folder);
  const hold = holdFolder(folder, clock.now());
  try {
    return new SqliteCarrying(options, hold);
  } catch (error) {
    hold.release();
    throw error;
  }
}

class SqliteCarrying implements Carrying {
  readonly place: string;
  readonly shards = null;
  readonly #hold: Hold;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #taking: Taking;

  constructor({ folder, clock, bytesMax, keepDeliveriesMs }: SqliteCarryingOptions, hold: Hold) {
    this.place = folder;
    this.#hold = hold;
    this.#clock = clock;
    this.#store = new Store(openStoreFile(folder), { folder, bytesMax, keepDeliveriesMs });
    this.#taking = new Taking(this.#store);
  }

  async mark(): Promise<MoveMark | null> {
    return readMark(this.#store.database);
  }

  async setMark(mark: MoveMark | null): Promise<void> {
    this.#store.change(() => writeMark(this.#store.database, mark), true);
  }

  async empty(): Promise<boolean> {
    return !['sources', 'deliveries', 'letters', 'dedupe', 'secrets', 'replays'].some(
      (table) => this.#count(table) > 0,
    );
  }

  async *pieces(): AsyncGenerator<Piece> {
    const store = this.#store;
    const letters = new Letters(store);
    const queueing = new Queueing(store);
    const replays = new Replays(
      store,
      new Remapping(store, letters, queueing),
      new Resending(store, letters, queueing),
    );
    yield* piecesOf({ store, replays, secrets: new Secrets(store).all(), now: this.#clock.now() });
  }

  async take(piece: Piece): Promise<void> {
    this.#taking.take(piece);
  }

  async counts(keysUntil: number): Promise<Counts> {
    const since = keysUntil - this.#store.keepDeliveriesMs;
    const total = (column: string) =>
      this.#store.database.prepare(`SELECT coalesce(sum(${column}), 0) FROM sources`).get<[number]>()?.[0] ?? 0;
    return {
      sources: this.#count('sources WHERE accepted > 0'),
      deliveries: this.#count('deliveries'),
      bodies: this.#count('bodies'),
      'unmapped deliveries': this.#count('deliveries INDEXED BY deliveries_unmapped WHERE state = 0'),
      events: this.#count('events'),
      'waiting events': this.#count('queue') + this.#behind(),
      'dead letters': this.#count('letters'),
      'dedupe keys': this.#count(`dedupe WHERE received_at > ${since}`),
      'learned secrets and armed sources': this.#count('secrets'),
      'unmapped types': this.#count('unmapped_types'),
      'attempt notes': this.#count('attempts'),
      replays: this.#count('replays'),
      'accepted since ever': total('accepted'),
      'delivered since ever': total('delivered'),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#store.emptyLog();
    this.#store.database.close();
    this.#hold.release();
  }

  /** Updates that wait and are not in the queue. */
  #behind(): number {
    return this.#count(
      'updates u WHERE NOT EXISTS (SELECT 1 FROM queue q WHERE q.lane = u.lane AND q.position = u.position)',
    );
  }

  #count(what: string): number {
    return this.#store.database.prepare(`SELECT count(*) FROM ${what}`).get<[number]>()?.[0] ?? 0;
  }
}
