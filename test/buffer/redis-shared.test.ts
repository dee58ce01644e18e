/** Several relays on one Redis: each delivery and each event is one relay's at a time, and goes to another when that one dies. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { RedisBuffer } from '../../src/buffer/redis/keeper.ts';
import { mapped } from '../support/buffer-fixtures.ts';
import { accept, deliver, emptiedRedis, everything, lease, mapAll, positionsOf } from '../support/redis-keeper.ts';

const soon = { timeout: 2_000, interval: 10 };
const claimMs = 800;

describe('several relays on one Redis', () => {
  const redis = emptiedRedis();
  let one: RedisBuffer;
  let other: RedisBuffer;
  beforeEach(async () => {
    one = await redis.openAtTime({ claimMs });
    other = await redis.openAtTime({ claimMs });
  });

  const acceptMany = (count: number) =>
    Promise.all(Array.from({ length: count }, (_, at) => accept(at % 2 === 0 ? one : other)));
  const idsOf = (some: readonly { id: string }[]) => some.map(({ id }) => id);

  it('find a duplicate, whichever took the first', async () => {
    const first = await accept(one, { key: 'k' });
    expect(await accept(other, { key: 'k' })).toEqual({ ...first, status: 'duplicate' });
    expect(await accept(other, { key: 'another' })).toMatchObject({ status: 'accepted' });
  });

  it('are handed each delivery once, each in order', async () => {
    await acceptMany(100);
    const half = { ...everything, limit: 30 };
    const [some, others] = await Promise.all([one.nextDeliveries(half), other.nextDeliveries(half)]);
    expect([some.length, others.length]).toEqual([30, 30]);
    expect(new Set(idsOf([...some, ...others])).size).toBe(60);
    const positions = some.map(({ position }) => position);
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
    const rest = await other.nextDeliveries({ ...everything, after: others.at(-1)?.position ?? 0 });
    expect(new Set(idsOf([...some, ...others, ...rest])).size).toBe(100);
    expect(await one.nextDeliveries({ ...everything, after: some.at(-1)?.position ?? 0 })).toEqual([]);
  });

  it('take over what a dead one had claimed, also when they are far past it, and not from one that lives', async () => {
    await acceptMany(10);
    const claimed = await one.nextDeliveries({ ...everything, limit: 5 });
    const own = await other.nextDeliveries(everything);
    const goOn = { ...everything, after: own.at(-1)?.position ?? 0 };
    await new Promise((resolve) => setTimeout(resolve, 2 * claimMs));
    expect(await other.nextDeliveries(goOn)).toEqual([]);
    await one.crash();
    const last = await accept(other);
    await expect
      .poll(async () => idsOf(await other.nextDeliveries(everything)), { timeout: 4_000, interval: 50 })
      .toEqual([...idsOf(claimed), ...idsOf(own), (last as { id: string }).id]);
    const third = await redis.open({ claimMs });
    expect(await third.nextDeliveries(everything)).toEqual([]);
  });

  it('hand over at once what was claimed by one that is closed in order', async () => {
    await acceptMany(4);
    const claimed = await one.nextDeliveries(everything);
    await one[Symbol.asyncDispose]();
    expect(idsOf(await other.nextDeliveries(everything))).toEqual(idsOf(claimed));
  });

  it('commit a delivery once, though both mapped it', async () => {
    await acceptMany(2);
    const batch = (await one.nextDeliveries(everything)).map((delivery) => mapped(delivery, 2));
    await Promise.all([one.commitMapped(batch), other.commitMapped(batch)]);
    expect((await one.tally()).sources.shop).toMatchObject({ mapped: 2, created: 4, waiting: 4 });
    expect(await lease(other)).toHaveLength(4);
  });

  it('lease each event once at a time, and know soon what another left', async () => {
    await acceptMany(6);
    await mapAll(one, 1);
    await expect.poll(() => other.ready('mixpanel').get('shop'), soon).toBe(6);
    const turn = { turns: [{ source: 'shop', eventsMax: 3 }] };
    const [some, others] = await Promise.all([lease(one, turn), lease(other, turn)]);
    expect(new Set(positionsOf([...some, ...others])).size).toBe(6);
    await expect.poll(() => one.ready('mixpanel').get('shop'), soon).toBeUndefined();
    expect(await lease(one)).toEqual([]);
  });

  it('take over what a dead one had leased, at the end of its lease and not before', async () => {
    await acceptMany(2);
    await mapAll(one, 1);
    const leased = await lease(one, { leaseMs: 5_000 });
    await one.crash();
    redis.time += 4_999;
    expect(await lease(other)).toEqual([]);
    redis.time += 1;
    await expect.poll(() => other.ready('mixpanel').get('shop'), soon).toBe(2);
    expect(positionsOf(await lease(other))).toEqual(positionsOf(leased));
  });

  it('keep, begin and give back only what is theirs; what was sent is settled by whoever sent it', async () => {
    await acceptMany(2);
    await mapAll(one, 1);
    const leased = positionsOf(await lease(one, { leaseMs: 5_000 }));
    redis.time += 5_000;
    expect(positionsOf(await lease(other, { leaseMs: 60_000 }))).toEqual(leased);
    await expect(one.extend(leased, 1_000)).rejects.toThrow('has ended');
    await expect(one.begin(leased)).rejects.toThrow('has ended');
    await one.release(leased, true);
    expect(await lease(one)).toEqual([]);
    await other.extend(leased, 60_000);
    await one.settle(leased.slice(0, 1).map((position) => ({ position, state: 'delivered' })));
    expect((await other.tally()).sources.shop).toMatchObject({ waiting: 1, delivered: 1 });
    await other.release(leased, true);
    expect((await lease(one)).map(({ position, attempts }) => [position, attempts])).toEqual([[leased[1], 1]]);
  });

  it('are called for work that another one made', async () => {
    let calls = 0;
    other.onWork(() => calls++);
    await accept(one);
    await expect.poll(() => calls, soon).toBe(1);
    await mapAll(one, 1);
    await expect.poll(() => calls, soon).toBe(2);
    await deliver(one, await lease(one));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(calls).toBe(2);
  });

  it('make a lost consumer group anew, with all that is unmapped and nothing that was mapped', async () => {
    await acceptMany(3);
    const [first] = await one.nextDeliveries({ ...everything, limit: 1 });
    await redis.server.ask('XGROUP', 'DESTROY', '{relay:0}:unmapped', 'map');
    if (first) await one.commitMapped([mapped(first, 1)]);
    expect(await other.nextDeliveries(everything)).toHaveLength(2);
  });

  it('hand out nothing that the stream still knows after a failover though it was mapped', async () => {
    await acceptMany(2);
    const [first] = await one.nextDeliveries({ ...everything, limit: 1 });
    if (!first) throw new Error('nothing was handed out');
    await one.commitMapped([mapped(first, 1)]);
    await redis.server.ask('XADD', '{relay:0}:unmapped', '1000-0', 'd', first.id);
    expect(idsOf(await other.nextDeliveries(everything))).not.toContain(first.id);
    expect(await redis.server.ask('XLEN', '{relay:0}:unmapped')).toBe(':1\r\n');
  });
});
