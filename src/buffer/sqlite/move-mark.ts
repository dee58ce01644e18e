/** The mark of a move (`../carrying.ts`) in a data folder, which a relay looks for when it opens it. */
import { UsageError } from '../../errors.ts';
import { type MoveMark, refusalOf } from '../carrying.ts';
import type { Database } from './database.ts';

export function readMark(database: Database): MoveMark | null {
  const row = database.prepare("SELECT value FROM meta WHERE name = 'move'").get<[string]>();
  return row ? (JSON.parse(row[0]) as MoveMark) : null;
}

/** Inside a transaction. */
export function writeMark(database: Database, mark: MoveMark | null): void {
  if (mark === null) database.prepare("DELETE FROM meta WHERE name = 'move'").run();
  else database.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('move', ?)").run(JSON.stringify(mark));
}

/** Throws a UsageError (exit code 1) when what is kept here is another place's now, or only half here. */
export function refuseMoved(database: Database): void {
  const mark = readMark(database);
  const refusal = mark && refusalOf(mark);
  if (refusal) throw new UsageError([refusal], 1);
}
