/**
 * One SQLite connection: what a transaction is, and what its failures mean.
 *
 *   no room   (full disk, file size limit, quota): rolled back, the store lives on
 *   mistake   (a constraint, a value too big): rolled back, only this request is refused
 *   fatal     (everything else SQLite says): nothing may be promised any more. A failed fsync must never be tried
 *             again: the kernel may have dropped the pages and then report success.
 */
import { closeSync, fdatasyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

const SQLITE_FULL = 13;
const SQLITE_IOERR = 10;
const SQLITE_TOOBIG = 18;
const SQLITE_CONSTRAINT = 19;
const SQLITE_MISMATCH = 20;

export class NoRoomError extends Error {
  override readonly name = 'NoRoomError';
}
export class FatalStoreError extends Error {
  override readonly name = 'FatalStoreError';
}

export type Cell = string | number | null | Uint8Array;

/** A prepared statement whose rows are arrays: half the price of objects. */
export class Statement {
  readonly #statement: StatementSync;
  constructor(statement: StatementSync) {
    statement.setReturnArrays(true);
    this.#statement = statement;
  }
  run(...values: SQLInputValue[]): { changes: number; position: number } {
    const { changes, lastInsertRowid } = this.#statement.run(...values);
    return { changes: Number(changes), position: Number(lastInsertRowid) };
  }
  get<Row extends readonly Cell[]>(...values: SQLInputValue[]): Row | undefined {
    return this.#statement.get(...values) as unknown as Row | undefined;
  }
  all<Row extends readonly Cell[]>(...values: SQLInputValue[]): Row[] {
    return this.#statement.all(...values) as unknown as Row[];
  }
  iterate<Row extends readonly Cell[]>(...values: SQLInputValue[]): IterableIterator<Row> {
    return this.#statement.iterate(...values) as unknown as IterableIterator<Row>;
  }
}

export class Database {
  readonly #path: string;
  readonly #connection: DatabaseSync;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  /** How the connection commits now; null: as it was opened. */
  #durable: boolean | null = null;
  /** Called after every rollback: what was remembered from inside the transaction is void. */
  onRollback: () => void = () => {};

  constructor(path: string) {
    this.#path = path;
    this.#connection = new DatabaseSync(path);
    this.#begin = this.prepare('BEGIN IMMEDIATE');
    this.#commit = this.prepare('COMMIT');
    this.#rollback = this.prepare('ROLLBACK');
  }

  prepare(sql: string): Statement {
    return new Statement(this.#connection.prepare(sql));
  }

  exec(sql: string): void {
    this.#connection.exec(sql);
  }

  number(pragma: string): number {
    return this.prepare(`PRAGMA ${pragma}`).get<[number]>()?.[0] ?? 0;
  }

  /**
   * All of `work` or nothing of it. `durable`: on disk when this returns; otherwise with the next durable one or the next
   * checkpoint, in order. `work` must not touch anything a rollback cannot undo.
   */
  transaction<T>(work: () => T, durable: boolean): T {
    try {
      this.#sync(durable);
      this.#begin.run();
      const result = work();
      this.#commit.run();
      return result;
    } catch (error) {
      this.#undo();
      throw this.judge(error);
    }
  }

  /** What an error means for the store; anything that does not come from SQLite is passed on as it is. */
  judge(error: unknown): unknown {
    if (!isSqliteError(error)) return error;
    const code = error.errcode & 0xff;
    const said = `${error.message} (SQLite ${error.errcode})`;
    if (code === SQLITE_FULL || (code === SQLITE_IOERR && this.#growingFails())) return new NoRoomError(said);
    if (code === SQLITE_CONSTRAINT || code === SQLITE_TOOBIG || code === SQLITE_MISMATCH) return error;
    return new FatalStoreError(said);
  }

  close(): void {
    this.#connection.close();
  }

  /**
   * Puts on disk what was committed without being durable. By fdatasync of the log itself, which SQLite keeps open too: a
   * sync is of the file, not of who opened it, and unlike a commit it needs no room on a full disk.
   */
  syncLog(): void {
    const log = openSync(`${this.#path}-wal`, 'r');
    try {
      fdatasyncSync(log);
    } catch (error) {
      throw new FatalStoreError(`the log cannot be synced: ${(error as Error).message}`);
    } finally {
      closeSync(log);
    }
  }

  /** FULL syncs the log at each commit; NORMAL leaves that to the next FULL commit or checkpoint. */
  #sync(durable: boolean): void {
    if (this.#durable === durable) return;
    this.exec(`PRAGMA synchronous = ${durable ? 'FULL' : 'NORMAL'}`);
    this.#durable = durable;
  }

  #undo(): void {
    // SQLite has already rolled back by itself after some errors.
    try {
      if (this.#connection.isTransaction) this.#rollback.run();
    } finally {
      this.onRollback();
    }
  }

  /** SQLite tells ENOSPC, but not EFBIG or EDQUOT: try what it tried, in a file of our own. */
  #growingFails(): boolean {
    const probe = `${this.#path}-probe`;
    try {
      const end = Math.max(sizeOf(this.#path), sizeOf(`${this.#path}-wal`));
      const file = openSync(probe, 'w', 0o600);
      try {
        writeSync(file, new Uint8Array(8192), 0, 8192, end);
      } finally {
        closeSync(file);
      }
      return false;
    } catch (error) {
      return ['ENOSPC', 'EFBIG', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
    } finally {
      rmSync(probe, { force: true });
    }
  }
}

function isSqliteError(error: unknown): error is Error & { errcode: number } {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
