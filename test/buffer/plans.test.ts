/** No list and no selection looks at a whole table, whatever its filter: SQLite says how it would run each statement. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../src/buffer/sqlite/database.ts';
import { letterSql } from '../../src/buffer/sqlite/letters.ts';
import { sql } from '../../src/buffer/sqlite/lists.ts';
import { selectionSql } from '../../src/buffer/sqlite/selection-sql.ts';
import { openStoreFile } from '../../src/buffer/sqlite/store-file.ts';

const named = (name: string, statements: Readonly<Record<string, string>>) =>
  Object.entries(statements).map(([part, text]) => [`${name} ${part}`, text] as const);
const { end, count, select, delivery, letter } = selectionSql;
const statements = [
  ...named('deliveries', sql),
  ...named('letters', letterSql),
  ...named('end of', end),
  ...named('count of', count),
  ...named('select', select),
  ...named('one', { delivery, letter }),
];

describe('a statement of a list or selection', () => {
  let folder: string;
  let database: Database;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'plans-'));
    database = openStoreFile(folder);
  });
  afterAll(() => {
    database.close();
    rmSync(folder, { recursive: true });
  });
  const planOf = (text: string) =>
    database
      .prepare(`EXPLAIN QUERY PLAN ${text}`)
      .all<[number, number, number, string]>()
      .map(([, , , step]) => step);
  /** A whole table read, or all of a result sorted before the first row is given. */
  const unbounded = (step: string) =>
    (/^SCAN /.test(step) && !/^SCAN (json_each|\(subquery)/.test(step)) || /TEMP B-TREE FOR ORDER BY/.test(step);

  for (const [name, text] of statements)
    it(`looks at a bounded part: ${name}`, () => {
      const plan = planOf(text);
      expect(plan.length).toBeGreaterThan(0);
      expect(plan.filter(unbounded)).toEqual([]);
    });

  it('is noticed when it reads a whole table, or sorts one', () => {
    expect(planOf('SELECT id FROM deliveries WHERE received_at > 5').filter(unbounded)).toHaveLength(1);
    expect(planOf('SELECT id FROM letters WHERE delivery = 1 ORDER BY created_at').filter(unbounded)).toHaveLength(1);
  });
});
