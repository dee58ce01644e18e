/**
 * One process per folder. The lock is the kernel's (an SQLite transaction held open on a file of its own), so it dies
 * with its holder however that dies; the text beside it only says who it is.
 */
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { UsageError } from '../../errors.ts';

const SQLITE_BUSY = 5;

export type Hold = { release(): void };

/** Throws a UsageError that names the holder when it is another. */
export function holdFolder(folder: string, now: number): Hold {
  const text = join(folder, 'holder.txt');
  const path = join(folder, 'lock.db');
  // Never opened when it is there: closing any descriptor of a file drops this process's locks on it.
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600));
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    // Nothing is ever written in it, and no journal: it must work on a full disk too.
    lock.exec('PRAGMA journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (((error as { errcode?: number }).errcode ?? 0) % 256 !== SQLITE_BUSY) throw error;
    throw new UsageError([`The data folder ${folder} is held by another relay: ${readHolder(text)}.`], 1);
  }
  writeHolder(text, now);
  return {
    release() {
      rmSync(text, { force: true });
      lock.close();
    },
  };
}

/** Only a courtesy to whoever comes second: a full disk must not keep the first one from starting. */
function writeHolder(path: string, now: number): void {
  const words = `pid ${process.pid} on host ${hostname()}, since ${new Date(now).toISOString()}\n`;
  try {
    writeFileSync(path, words, { mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

function readHolder(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim() || 'it is just starting';
  } catch {
    return 'it is just starting';
  }
}
