/**
 * What every part of the store's thread works with, and the one way to change anything: inside `change`, which writes
 * the counts in the same transaction and touches memory only after the commit.
 */
import { Counts, CountsWriter } from './counts.ts';
import { type Database, NoRoomError, type Statement } from './database.ts';
import { Keys } from './keys.ts';
import { Lanes } from './lanes.ts';
import { Names } from './names.ts';
import { Room } from './room.ts';
import { UnmappedTypes } from './unmapped-types.ts';
import { Updates } from './updates.ts';

export type StoreOptions = { readonly folder: string; readonly bytesMax: number; readonly keepDeliveriesMs: number };

/** Of one piece of shrinking. */
const shrinkPages = 64;

export class Store {
  readonly database: Database;
  readonly names: Names;
  readonly lanes: Lanes;
  readonly keys: Keys;
  readonly updates: Updates;
  readonly room: Room;
  readonly unmapped: UnmappedTypes;
  readonly keepDeliveriesMs: number;
  readonly #counts: CountsWriter;
  /** Busy, pages in the log, pages of them written back. */
  readonly #log: Statement;

  /** Something was committed that a power cut could undo. */
  #unsynced = false;

  constructor(database: Database, options: StoreOptions) {
    this.database = database;
    this.names = new Names(database);
    this.lanes = new Lanes(database, this.names);
    this.updates = new Updates(database, this.lanes);
    this.room = new Room(database, options.folder, options.bytesMax);
    this.keys = new Keys(this);
    this.unmapped = new UnmappedTypes(database, this.names);
    this.keepDeliveriesMs = options.keepDeliveriesMs;
    this.#counts = new CountsWriter(database);
    this.#log = database.prepare('PRAGMA wal_checkpoint(NOOP)');
    database.onRollback = () => {
      this.names.load();
      this.lanes.rolledBack();
    };
  }

  /**
   * `durable` is for what was promised to somebody: an accepted delivery. What mapping and sending write may be undone by a
   * power cut (never by a crash) and is then done again.
   */
  change<T>(work: (counts: Counts) => T, durable = false): T {
    const counts = new Counts();
    const result = this.database.transaction(() => {
      const made = work(counts);
      this.#counts.write(counts);
      this.unmapped.write(counts.unmapped);
      this.unmapped.lower(counts.mended);
      return made;
    }, durable);
    this.lanes.committed(counts.lanes, counts.behind);
    this.#unsynced = !durable;
    return result;
  }

  /**
   * Before events leave: their identity must not be made a second time, by a mapping that asks for the time or for chance,
   * after the first was seen by the destination.
   */
  sync(): void {
    if (!this.#unsynced) return;
    this.database.syncLog();
    this.#unsynced = false;
  }

  /** Writes the whole log back and gives its space away; false: there was nothing in it, or no room for that either. */
  emptyLog(): boolean {
    try {
      if ((this.#log.get<[number, number, number]>()?.[1] ?? 0) <= 0) return false;
      this.database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
      return (this.#log.get<[number, number, number]>()?.[1] ?? 0) <= 0;
    } catch (error) {
      const judged = this.database.judge(error);
      if (!(judged instanceof NoRoomError)) throw judged;
      return false;
    }
  }

  /** Gives up to so many empty pages of the file back to the file system, in pieces that a nearly full disk has room to log. */
  shrink(pages: number): void {
    try {
      for (let given = 0; given < pages && this.room.pagesFree > 0; given += shrinkPages) {
        this.database.exec(`PRAGMA incremental_vacuum(${shrinkPages})`);
        this.database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
      }
    } catch (error) {
      const judged = this.database.judge(error);
      if (!(judged instanceof NoRoomError)) throw judged;
    }
  }

  /** Write the log back into the file once it is long. A full disk only postpones it; any other error is fatal. */
  checkpoint(): void {
    try {
      const state = this.#log.get<[number, number, number]>();
      this.room.logPages = Math.max(0, state?.[1] ?? 0);
      if (!state || state[1] - state[2] < this.room.walPagesMax) return;
      this.database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get();
    } catch (error) {
      const judged = this.database.judge(error);
      if (!(judged instanceof NoRoomError)) throw judged;
    }
  }
}
