/**
 * The file behind the store: made whole or not at all, opened only when it is ours and sound, never silently replaced.
 * Whatever is wrong with it becomes a UsageError that says what to do.
 */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../errors.ts';
import { Database, NoRoomError } from './database.ts';
import { applicationId, formatVersion, laterColumns, laterTables, tables, toFormat2 } from './schema.ts';

export const pageBytes = 4096;
/** The write-ahead log is cut back to this after a burst. */
export const walBytesMax = 16 * 1024 * 1024;
/** Up to here a whole check of the file costs less than 100 ms and is made at every start. */
const wholeCheckBytesMax = 32 * 1024 * 1024;
/** Page cache: enough for the index of a million keys; the operating system caches the rest. */
const cacheKibibytes = 32 * 1024;

/** f_type of statfs(2). File locks and fsync over the network do not keep what SQLite needs. */
const networkFileSystems = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x01021997, '9p'],
  [0x5346414f, 'AFS'],
]);

export function prepareFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new UsageError([`The data folder ${folder} cannot be made: ${(error as Error).message}`], 1);
  }
  const name = networkFileSystems.get(Number(statfsSync(folder).type) >>> 0);
  if (name)
    throw new UsageError(
      [`The data folder ${folder} is on a network file system (${name}); use a local disk or volume.`],
      1,
    );
}

export function openStoreFile(folder: string): Database {
  const path = join(folder, 'buffer.db');
  if (!statSync(path, { throwIfNoEntry: false })) create(folder, path);
  checkHeader(path);
  const advice =
    'Nothing was changed. Keep a copy of the folder, then restore a backup or set RELAY_DATA_DIR to a new folder.';
  try {
    return open(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError([`${path} is damaged: ${(error as Error).message}. ${advice}`], 1);
  }
}

/** A crash half way leaves a file of another name, which the next start throws away: no ack can have come from it. */
function create(folder: string, path: string): void {
  if (statSync(`${path}-wal`, { throwIfNoEntry: false }))
    throw new UsageError(
      [`${path} is missing, but its log ${path}-wal is there: put the file back, or move the log away.`],
      1,
    );
  const draft = join(folder, 'buffer.db.new');
  for (const ending of ['', '-wal', '-shm', '-journal']) rmSync(draft + ending, { force: true });
  closeSync(openSync(draft, 'w', 0o600));
  const database = new Database(draft);
  database.exec(`PRAGMA page_size = ${pageBytes}`);
  // So that a disk that others need can have back what was drained; costs a page in a thousand.
  database.exec('PRAGMA auto_vacuum = INCREMENTAL');
  database.exec(`PRAGMA application_id = ${applicationId}`);
  database.exec(`PRAGMA user_version = ${formatVersion}`);
  database.exec(tables);
  database.exec(laterTables);
  addLaterColumns(database);
  database.exec('PRAGMA journal_mode = WAL');
  database.close();
  syncPath(draft);
  renameSync(draft, path);
  syncPath(folder);
}

function checkHeader(path: string): void {
  const header = Buffer.alloc(100);
  const file = openSync(path, 'r');
  const read = readSync(file, header, 0, 100, 0);
  closeSync(file);
  if (read < 100 || header.toString('latin1', 0, 16) !== 'SQLite format 3\0')
    throw new UsageError(
      [`${path} is damaged or not a buffer of trackrelay: restore a backup, or move it away to start empty.`],
      1,
    );
  if (header.readUInt32BE(68) !== applicationId)
    throw new UsageError(
      [`${path} is a database of another program: set RELAY_DATA_DIR to a folder of the relay's own.`],
      1,
    );
  const version = header.readUInt32BE(60);
  if (version > formatVersion)
    throw new UsageError(
      [
        `${path} was written by a newer relay (format ${version}; this one reads up to ${formatVersion}): run that one.`,
      ],
      1,
    );
}

function open(path: string): Database {
  const database = new Database(path);
  try {
    // Before the first access: the index of the log then lives in memory, not in a third file that a full disk could tear.
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('PRAGMA synchronous = FULL');
    // Checkpoints are ours to make: SQLite's own hide their errors.
    database.exec('PRAGMA wal_autocheckpoint = 0');
    database.exec(`PRAGMA journal_size_limit = ${walBytesMax}`);
    database.exec(`PRAGMA cache_size = -${cacheKibibytes}`);
    database.exec('PRAGMA temp_store = MEMORY');
    emptyLog(database);
    checkWhole(database, path);
    addLaterTables(database, path);
    for (const end of ['', '-wal']) if (statSync(path + end, { throwIfNoEntry: false })) chmodSync(path + end, 0o600);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** What a crash left in the log goes into the file first; a full disk only postpones it. */
function emptyLog(database: Database): void {
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch (error) {
    const judged = database.judge(error);
    if (!(judged instanceof NoRoomError)) throw judged;
  }
}

function checkWhole(database: Database, path: string): void {
  const pages = database.number('page_count');
  const bytes = statSync(path).size;
  const logged = (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
  if (!logged && bytes < pages * pageBytes) throw new Error(`it has ${bytes} bytes of ${pages * pageBytes}`);
  if (bytes > wholeCheckBytesMax) return;
  const found = database.prepare('PRAGMA quick_check(1)').get<[string]>()?.[0];
  if (found !== 'ok') throw new Error(found ?? 'the check said nothing');
}

/** Writes nothing when they are there. A full disk cannot take them, and without them nothing could be promised. */
function addLaterTables(database: Database, path: string): void {
  try {
    database.transaction(() => {
      if (database.number('user_version') < 2) database.exec(toFormat2);
      database.exec(laterTables);
      addLaterColumns(database);
    }, true);
  } catch (error) {
    if (!(error instanceof NoRoomError)) throw error;
    throw new UsageError(
      [`${path} is of an older relay and needs some pages more, but the disk is full: make room, then start again.`],
      1,
    );
  }
}

function addLaterColumns(database: Database): void {
  for (const { table, column, type } of laterColumns) {
    const there = database.prepare('SELECT 1 FROM pragma_table_info(?) WHERE name = ?').get(table, column);
    if (!there) database.exec(`ALTER TABLE ${table} ADD COLUMN ${column} ${type}`);
  }
}

function syncPath(path: string): void {
  const file = openSync(path, 'r');
  fsyncSync(file);
  closeSync(file);
}
