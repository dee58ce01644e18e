/** What SQLite's lists are made of; that they give what is asked for is a suite of every keeper. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packPositions, unpackPositions } from '../../src/buffer/packed-positions.ts';
import { openSqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { newestOf } from '../../src/buffer/sqlite/pages.ts';
import { keeperListsMany } from '../conformance/keeper-lists.ts';

keeperListsMany('SQLite', async (clock) => {
  const folder = await mkdtemp(join(tmpdir(), 'lists-'));
  const keeper = await openSqliteBuffer({ folder, clock, bytesMax: 1024 ** 3, keepDeliveriesMs: 1e12 });
  return {
    keeper,
    async remove() {
      await keeper.crash();
      await rm(folder, { recursive: true });
    },
  };
});

describe('the newest of many kinds', () => {
  it('is exact however unevenly they are spread, and asks for few rows of each', () => {
    const kinds = Array.from({ length: 100 }, (_, kind) =>
      Array.from(
        { length: kind === 3 ? 4_000 : 50 },
        (_, at) => [kind === 3 ? 9_000 - at : at * 100 + kind] as [number],
      ).sort((a, b) => b[0] - a[0]),
    );
    let asked = 0;
    const rows = newestOf(kinds, 500, (kind, wanted) => {
      asked += Math.min(wanted, kind.length);
      return kind.slice(0, wanted);
    });
    const expected = kinds.flat().sort((a, b) => b[0] - a[0]);
    expect(rows).toEqual(expected.slice(0, 500));
    expect(asked).toBeLessThan(5_000);
  });
});

describe('packed positions', () => {
  it('come out as they went in, also large ones', () => {
    const positions = [0, 1, 2, 127, 128, 129, 300, 70_000, 2 ** 31, 2 ** 40, 2 ** 52 + 1];
    expect(unpackPositions(packPositions(positions))).toEqual(positions);
    expect(unpackPositions(packPositions([]))).toEqual([]);
  });

  it('take a byte each when they are neighbours', () => {
    const neighbours = Array.from({ length: 2_000 }, (_, at) => 1_000_000 + at);
    expect(packPositions(neighbours).length).toBeLessThan(2_010);
  });
});
