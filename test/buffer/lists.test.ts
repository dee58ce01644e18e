/** Lists over so many deliveries that a page looks at a part only: page by page they still give exactly what the filter says. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packPositions, unpackPositions } from '../../src/buffer/packed-positions.ts';
import type { DeliveryFilter } from '../../src/buffer/reading.ts';

import { openSqliteBuffer, type SqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { newestOf } from '../../src/buffer/sqlite/pages.ts';
import { movedClock, webhook } from '../support/buffer-fixtures.ts';

const count = 14_000;
const start = Date.UTC(2026, 0, 1);
type Made = { readonly id: string; readonly source: string; readonly type: string; readonly receivedAt: number };

/** `many` has more types than get a kind each; the first of its deliveries are of a type that comes never again. */
const partsOf = (at: number) => ({
  source: at % 20 === 7 ? 'rare' : 'many',
  type: at < 300 || at % 10 === 0 ? `t${at % 297}` : at < 305 ? 'once' : `x${at}`,
  receivedAt: start + at * 10,
});

describe('a list over many deliveries', () => {
  let folder: string;
  let keeper: SqliteBuffer;
  const made: Made[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lists-'));
    const clock = movedClock(start);
    keeper = await openSqliteBuffer({ folder, clock, bytesMax: 1024 ** 3, keepDeliveriesMs: 1e12 });
    for (let at = 0; at < count; at += 2_000) {
      const answers = Array.from({ length: 2_000 }, async (_, more) => {
        const parts = partsOf(at + more);
        const answer = await keeper.accept(webhook(clock, { ...parts, body: new Uint8Array(3) }));
        return { ...parts, id: (answer as { id: string }).id };
      });
      made.push(...(await Promise.all(answers)));
    }
  }, 60_000);
  afterAll(async () => {
    await keeper.crash();
    await rm(folder, { recursive: true });
  });

  const pages = async (filter: DeliveryFilter, limit = 500) => {
    const ids: string[] = [];
    let asked = 0;
    for (let after: string | undefined; ; ) {
      const page = await keeper.deliveries(filter, { limit, ...(after ? { after } : {}) });
      ids.push(...page.items.map(({ id }) => id));
      asked += 1;
      if (page.next === null) return { ids, asked };
      after = page.next;
    }
  };
  const filters: readonly DeliveryFilter[] = [
    {},
    { source: 'rare' },
    { type: 't5' },
    { type: 'once' },
    { source: 'many', type: 't296' },
    { source: 'many', type: 'x9999' },
    { state: 'mapped' },
    { since: start + 50_000, until: start + 110_000 },
    { source: 'rare', since: start + 5_000 },
    { source: 'many', until: start + 100_000 },
    { type: 'once', since: start },
    { type: 'once', since: start + 3_020, until: start + 3_040 },
    { until: start },
  ];
  for (const filter of filters)
    it(`gives what ${JSON.stringify(filter).replaceAll('"', '')} says, newest first`, async () => {
      const { source, type, state, since = 0, until = Number.POSITIVE_INFINITY } = filter;
      const right = (one: Made) =>
        (source === undefined || one.source === source) &&
        (type === undefined || one.type === type) &&
        (state === undefined || state === 'accepted') &&
        one.receivedAt >= since &&
        one.receivedAt < until;
      const expected = made.filter(right).map(({ id }) => id);
      const { ids } = await pages(filter);
      expect(ids).toEqual(expected.reverse());
    });

  it('leads on from a page that found nothing where it looked', async () => {
    const page = await keeper.deliveries({ type: 'once' }, { limit: 500 });
    expect(page.items).toEqual([]);
    expect(page.next).not.toBeNull();
    expect((await pages({ type: 'once' })).asked).toBe(2);
  });

  it('gives the same whatever the size of its pages', async () => {
    const whole = await pages({ source: 'rare' }, 1_000);
    for (const limit of [7, 40]) expect((await pages({ source: 'rare' }, limit)).ids).toEqual(whole.ids);
  });
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
