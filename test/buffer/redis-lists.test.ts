/** Lists of Redis: over many deliveries, over shards, and where one keeps what another cannot read. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openRedisBuffer, type RedisBuffer } from '../../src/buffer/redis/keeper.ts';
import { type Looked, lookDown, type Place, pageOf } from '../../src/buffer/redis/reading-pages.ts';
import { systemClock } from '../../src/clock.ts';
import { allPages, keeperListsMany, type ListsPlace } from '../conformance/keeper-lists.ts';
import { webhook } from '../support/buffer-fixtures.ts';
import { accept, everything, lease, mapAll, RedisKeepers } from '../support/redis-keeper.ts';
import { RedisServer } from '../support/redis-server.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start({ appendfsync: 'everysec' });
});
afterAll(() => server.remove());

for (const shards of [1, 3]) keeperListsMany(`Redis, ${shards} of its shards`, placeOf(shards), true);

function placeOf(shards: number): ListsPlace {
  return async (clock) => {
    await server.ask('FLUSHALL');
    const keeper = await openRedisBuffer({
      ...{ url: server.url, shards, durability: 'accept-loss', bytesMax: 1024 ** 3, keepDeliveriesMs: 1e12 },
      ...{ clock: { ...clock, wait: systemClock.wait }, acceptMs: 5_000 },
    });
    return { keeper, remove: () => keeper.crash() };
  };
}

describe('lists of Redis', () => {
  let keepers: RedisKeepers;
  let keeper: RedisBuffer;
  beforeEach(async () => {
    await server.ask('FLUSHALL');
    keepers = new RedisKeepers(server);
    keeper = await keepers.open({ durability: 'accept-loss' });
    return () => keepers.crashAll();
  });
  const idOf = async (parts: object) => ((await accept(keeper, parts)) as { id: string }).id;
  const all = (filter: object, limit: number) => allPages(keeper, filter, limit).then(({ ids }) => ids);

  it('go on within one millisecond where the page before ended, also when its last one is gone by then', async () => {
    const ids: string[] = [];
    for (let at = 0; at < 9; at++) ids.push(await idOf({ receivedAt: 1_000 }));
    const expected = [...ids].sort().reverse();
    expect(await all({ since: 1_000, until: 1_001 }, 2)).toEqual(expected);
    const first = await keeper.deliveries({ since: 1_000 }, { limit: 4 });
    const last = first.items.at(-1)?.id ?? '';
    await server.ask('ZREM', '{relay:0}:received', last);
    const rest = await keeper.deliveries({ since: 1_000 }, { limit: 100, after: first.next ?? '' });
    expect(rest.items.map(({ id }) => id)).toEqual(expected.slice(4));
  });

  it('begin at the newest with a cursor that nobody gave out', async () => {
    const id = await idOf({});
    for (const after of ['x', '-1', `5.${id}x~`, '99999999999999999999'])
      for (const filter of [{}, { since: 1 }])
        expect((await keeper.deliveries(filter, { limit: 9, after })).items.map((one) => one.id)).toEqual([id]);
  });

  it('find a type of which half a character was cut away, and it is mapped', async () => {
    const type = `${'x'.repeat(199)}😀`;
    const ids = [await idOf({ type }), await idOf({ type: '\ud800 alone', key: 'k\udfff' })];
    await mapAll(keeper, 1);
    expect(await all({ type, state: 'mapped' }, 10)).toEqual(ids.slice(0, 1));
    expect(await all({ type: '\ud800 alone' }, 10)).toEqual(ids.slice(1));
    expect(await keeper.nextDeliveries(everything)).toEqual([]);
  });

  it('read large dead letters some at a time, and give all of them', async () => {
    await idOf({});
    await mapAll(keeper, 12);
    const leased = await lease(keeper);
    const eventJson = JSON.stringify({ long: 'x'.repeat(1_000_000) });
    const letter = { kind: 'event' as const, reason: 'too_large', message: 'no', eventJson, attempts: 1 };
    for (const { position } of leased) await keeper.settle([{ position, state: 'dead', letter }]);
    const { items, next } = await keeper.deadLetters({}, { limit: 12 });
    expect([items.length, next]).toEqual([12, null]);
    expect(new Set(items.map(({ id }) => id)).size).toBe(12);
  });

  it('keep to all deliveries where a filter would need too many indexes, and miss none', async () => {
    const sources = Array.from({ length: 12 }, (_, at) => `s${at}`);
    const many = sources.flatMap((source) =>
      Array.from({ length: 100 }, (_, at) => keeper.accept(webhook(systemClock, { source, type: `t${at}` }))),
    );
    await Promise.all(many);
    const failed = await idOf({ source: 's3', type: 't7' });
    const [delivery] = (await keeper.nextDeliveries({ ...everything, limit: 2_000 })).filter(({ id }) => id === failed);
    if (delivery) await keeper.commitMapped([{ delivery, state: 'failed', events: [], dead: [] }]);
    expect(await all({ state: 'failed' }, 10)).toEqual([failed]);
    expect(await all({ state: 'failed', since: 1 }, 10)).toEqual([failed]);
    expect(await all({ state: 'accepted' }, 500)).toHaveLength(1_200);
    const selected = await keeper.selectItems({
      ...{ mode: 'remap', selection: { state: 'failed' }, after: 0, limit: 9, bytesMax: 9_999 },
    });
    expect(selected.deliveries.map(({ id }) => id)).toEqual([failed]);
  });
});

describe('a page of several shards', () => {
  const place = (at: number): Place => ({ at, id: '' });
  const looked = (positions: readonly number[], down: number | null): Looked<{ place: Place }> => ({
    rows: positions.map((at) => ({ place: place(at) })),
    seenDownTo: down === null ? null : place(down),
  });
  const at = (items: readonly { place: Place }[]) => items.map((one) => one.place.at);

  it('ends where one of them has not looked yet, for it may have newer ones than others give', () => {
    const { items, next } = pageOf([looked([9, 8], 7), looked([6, 5, 4], null)], 10);
    expect([at(items), next?.at]).toEqual([[9, 8], 7]);
  });

  it('leads on from its last row when there are more, and nowhere when there are none', () => {
    const full = pageOf([looked([9, 5], null), looked([8, 7], null)], 3);
    expect([at(full.items), full.next?.at]).toEqual([[9, 8, 7], 7]);
    expect(pageOf([looked([9], null), looked([], null)], 3).next).toBeNull();
  });

  it('asks piece after piece while nothing is found, but not for ever', async () => {
    const asked: (number | null)[] = [];
    const piece = (found: readonly number[]) => async (below: Place | null) => {
      asked.push(below?.at ?? null);
      const down = (below?.at ?? 100) - 10;
      return looked(down === 70 ? found : [], down);
    };
    expect(await lookDown(null, 1, piece([75]))).toEqual(looked([75], null));
    expect(asked).toEqual([null, 90, 80]);
    expect((await lookDown(null, 1, piece([]))).seenDownTo).toEqual(place(20));
  });
});
