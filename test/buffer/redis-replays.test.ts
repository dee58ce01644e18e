/** Replays in Redis where several relays, several shards or a crash meet: each item is done once, and what is counted adds up. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { MappedDelivery } from '../../src/buffer/contract.ts';
import type { RedisBuffer, RedisBufferOptions } from '../../src/buffer/redis/keeper.ts';
import { shardOf } from '../../src/buffer/redis/keys.ts';
import type { ReplayItem, ReplayMode, ReplayStep, Selection } from '../../src/buffer/replaying.ts';
import { systemClock } from '../../src/clock.ts';
import type { Delivery } from '../../src/model.ts';
import { eventOf, mapped, movedClock, remapItems } from '../support/buffer-fixtures.ts';
import { accept, deliver, emptiedRedis, everything, lease, mapAll, positionsOf } from '../support/redis-keeper.ts';

const bounds = { after: 0, limit: 1_000, bytesMax: 10_000_000 };
const sources = ['a', 'b', 'c', 'd', 'e', 'f'];

describe('replays in Redis', () => {
  const redis = emptiedRedis();
  let keeper: RedisBuffer;
  let replays = 0;
  beforeEach(() => {
    replays = 0;
  });

  const open = async (options: Partial<RedisBufferOptions> = {}) => {
    keeper = await redis.open(options);
  };
  const failAll = async () => {
    const dead = [{ kind: 'mapping' as const, reason: 'mapping_error', message: 'T2001', attempts: 0 }];
    const deliveries = await keeper.nextDeliveries(everything);
    await keeper.commitMapped(deliveries.map((delivery) => ({ delivery, state: 'failed', events: [], dead })));
  };
  const bury = async (leased: Awaited<ReturnType<typeof lease>>) => {
    const letter = { kind: 'event' as const, reason: 'rejected', message: 'no', attempts: 1 };
    await keeper.settle(positionsOf(leased).map((position) => ({ position, state: 'dead', letter })));
  };
  const begin = async (mode: ReplayMode, selection: Selection) => {
    replays += 1;
    const replay = `rpl_${replays}`;
    await keeper.addReplay({ id: replay, mode, selection, count: 1, by: 'test', createdAt: 1 });
    return replay;
  };
  const changed = (delivery: Delivery): MappedDelivery => ({
    ...mapped(delivery, 0),
    ...{ state: 'mapped', events: [eventOf(delivery, 0, { json: `{"event":"mended ${replays}"}` })] },
  });
  const remapStep = async (
    selection: Selection,
    map: (delivery: Delivery) => MappedDelivery = (delivery) => mapped(delivery, 1),
  ): Promise<ReplayStep> => {
    const { deliveries } = await keeper.selectItems({ mode: 'remap', selection, ...bounds });
    const replay = await begin('remap', selection);
    const items = remapItems(deliveries, map);
    return { replay, from: 0, items, to: items.at(-1)?.cursor ?? 0, ended: true };
  };
  const resendStep = async (): Promise<ReplayStep> => {
    const { letters } = await keeper.selectItems({ mode: 'resend', selection: {}, ...bounds });
    const replay = await begin('resend', {});
    const items = letters.flatMap(({ cursor, letter }): ReplayItem[] => {
      const { json, time, destination } = letter ?? {};
      const event = { json: json ?? '', time: time ?? 0, destination: destination ?? '' };
      return letter ? [{ kind: 'resend', cursor, letter: letter.id, event, edited: false }] : [];
    });
    return { replay, from: 0, items, to: items.at(-1)?.cursor ?? 0, ended: true };
  };
  const turns = sources.map((source) => ({ source, eventsMax: 100 }));
  const counts = async () => Object.values((await keeper.tally()).sources);
  const total = async (what: 'created' | 'waiting' | 'delivered' | 'dead' | 'failed') =>
    (await counts()).reduce((sum, one) => sum + one[what], 0);

  it('follow an event that is being sent just now, until it has left', async () => {
    await open();
    await accept(keeper);
    await mapAll(keeper);
    const leased = await lease(keeper);
    const step = await remapStep({});
    expect(await keeper.replayStep(step)).toMatchObject({ items: 1, record: { state: 'running', waiting: 1 } });
    await deliver(keeper, leased);
    expect(await keeper.replay(step.replay)).toMatchObject({ state: 'done', delivered: 1, waiting: 0 });
  });

  describe('when something happens between their look and their step', () => {
    let calls = 0;
    let between: (() => unknown) | null = null;
    beforeEach(async () => {
      calls = 0;
      between = null;
      const serverTime = () => {
        calls += 1;
        const happens = calls === 3 ? between : null;
        happens?.();
        return 1_000;
      };
      await open({ serverTime, clock: { ...systemClock, wait: (_, signal) => systemClock.wait(1e6, signal) } });
      await accept(keeper);
      await mapAll(keeper);
    });
    /** The third question of a step is the one that changes something. */
    const stepWhile = (step: ReplayStep, happens: () => unknown) => {
      calls = 0;
      between = happens;
      return keeper.replayStep(step);
    };

    it('leave an event that is sent since then, and it is busy', async () => {
      const step = await remapStep({}, changed);
      let leasing: ReturnType<typeof lease> = Promise.resolve([]);
      const done = await stepWhile(step, () => {
        leasing = lease(keeper);
      });
      expect(done).toMatchObject({ items: 0, record: { done: 0, selecting: true } });
      await deliver(keeper, await leasing);
      expect(await total('delivered')).toBe(1);
      expect(await keeper.replayStep(step)).toMatchObject({ items: 1, record: { waiting: 1 } });
      expect(await total('created')).toBe(2);
    });

    it('look again at an event that has left since then, and do not wait for it', async () => {
      const leased = await lease(keeper);
      const step = await remapStep({});
      expect(await stepWhile(step, () => deliver(keeper, leased))).toMatchObject({ items: 1 });
      expect(await keeper.replay(step.replay)).toMatchObject({ state: 'done', delivered: 1, waiting: 0 });
    });
  });

  it('are stepped by two relays at once, and no item is queued twice', async () => {
    await open();
    const other = await redis.open();
    for (let at = 0; at < 20; at++) await accept(keeper);
    await failAll();
    const step = await remapStep({ state: 'failed' });
    const done = await Promise.all([keeper.replayStep(step), other.replayStep(step)]);
    expect(done.map((one) => one?.items).sort()).toEqual([0, 20]);
    expect(await lease(keeper)).toHaveLength(20);
    expect(await total('created')).toBe(20);
  });

  it('end when the last event of the last shard has left, and not before', async () => {
    await open({ shards: 3 });
    expect(new Set(sources.map((source) => shardOf(source, 3))).size).toBe(3);
    for (const source of sources) await accept(keeper, { source });
    await failAll();
    const step = await remapStep({ state: 'failed' });
    expect(await keeper.replayStep(step)).toMatchObject({
      items: 6,
      record: { done: 6, waiting: 6, selecting: false },
    });
    const leased = await lease(keeper, { turns });
    await deliver(keeper, leased.slice(1));
    expect(await keeper.replay(step.replay)).toMatchObject({ state: 'running', waiting: 1, delivered: 5 });
    await bury(leased.slice(0, 1));
    expect(await keeper.replay(step.replay)).toMatchObject({ state: 'done', delivered: 5, failed: 1, waiting: 0 });
    const resent = await resendStep();
    expect(await keeper.replayStep(resent)).toMatchObject({ items: 1, record: { waiting: 1 } });
    await deliver(keeper, await lease(keeper, { turns }));
    expect(await keeper.replay(resent.replay)).toMatchObject({ state: 'done', delivered: 1 });
  });

  it('do no item twice when the relay dies between the shards and the record', async () => {
    await open({ shards: 3 });
    for (const source of sources) await accept(keeper, { source });
    await failAll();
    const step = await remapStep({ state: 'failed' });
    await keeper.replayStep(step);
    await redis.server.ask('HSET', `{relay:0}:r:${step.replay}`, 'place', '0', 'selecting', '1');
    expect(await keeper.replayStep(step)).toMatchObject({ items: 6, record: { done: 6, waiting: 6 } });
    expect(await lease(keeper, { turns })).toHaveLength(6);
    expect(await total('created')).toBe(6);
  });

  it('go on past what other shards did before the one that is busy', async () => {
    await open({ shards: 3 });
    for (const source of sources) await accept(keeper, { source });
    await mapAll(keeper);
    const held = await lease(keeper, { turns: [{ source: 'b', eventsMax: 1 }] });
    const step = await remapStep({ state: 'mapped' }, changed);
    const done = await keeper.replayStep(step);
    expect(done).toMatchObject({ items: 1, record: { selecting: true } });
    await keeper.release(positionsOf(held), false);
    const rest = { ...step, from: done?.record.place.from ?? 0, items: step.items.slice(1) };
    expect(await keeper.replayStep(rest)).toMatchObject({
      items: 5,
      record: { done: 6, waiting: 6, selecting: false },
    });
    expect((await lease(keeper, { turns })).map(({ json }) => json)).toEqual(Array(6).fill('{"event":"mended 1"}'));
  });

  it('select nothing that came after them, in whatever shard', async () => {
    // One that has not looked yet, and knows of no delivery.
    const other = await redis.open({
      shards: 3,
      clock: { ...systemClock, wait: (ms, signal) => systemClock.wait(1e3 * ms, signal) },
    });
    await open({ shards: 3 });
    for (let at = 0; at < 9; at++) await accept(keeper, { source: 'a' });
    await begin('remap', {});
    const elsewhere = sources.find((source) => shardOf(source, 3) !== shardOf('a', 3)) ?? '';
    await accept(other, { source: elsewhere });
    const [running] = await keeper.unfinishedReplays();
    const upTo = running?.place.upTo ?? 0;
    const { deliveries } = await keeper.selectItems({ mode: 'remap', selection: {}, upTo, ...bounds });
    expect(deliveries).toHaveLength(9);
    expect(await keeper.countSelected({ mode: 'remap', selection: { since: 1 }, after: 0, upTo })).toMatchObject({
      count: 9,
    });
  });

  it('leave nothing behind when their records give way', async () => {
    for (const shards of [1, 3]) {
      await redis.server.ask('FLUSHALL');
      await open({ shards });
      for (const source of sources) await accept(keeper, { source });
      await failAll();
      const step = await remapStep({ state: 'failed' });
      await keeper.replayStep(step);
      await keeper.cancelReplay(step.replay);
      for (let at = 0; at < 200; at++) await keeper.cancelReplay(await begin('remap', {}));
      expect(await keeper.replay(step.replay)).toBeNull();
      for (const key of ['r', 'rc', 'ri', 'rp'])
        expect(await redis.server.ask('KEYS', `*:${key}:${step.replay}`)).toBe('*0\r\n');
      // What still waits of them leaves as ever.
      await deliver(keeper, await lease(keeper, { turns }));
      expect(await total('delivered')).toBe(6);
      expect(await redis.server.ask('KEYS', `*:ri:*`)).toBe('*0\r\n');
      await redis.crashAll();
    }
  });

  it('weigh what they make and take away: when all is gone, nothing is left in the balance', async () => {
    const moved = movedClock(systemClock.now());
    await open({ clock: { ...moved, wait: systemClock.wait }, keepDeliveriesMs: 1_000 });
    for (let at = 0; at < 6; at++) await accept(keeper, { receivedAt: moved.now() });
    await mapAll(keeper, 2);
    const leased = await lease(keeper);
    await bury(leased.slice(0, 8));
    await deliver(keeper, leased.slice(8));
    await keeper.replayStep(await resendStep());
    await keeper.replayStep(await remapStep({}, changed));
    await bury(await lease(keeper));
    await keeper.replayStep(await remapStep({}, (delivery) => ({ ...mapped(delivery, 3), forgetBody: true })));
    await bury(await lease(keeper));
    moved.advance(10_000);
    await keeper.sweep();
    expect((await keeper.deliveries({}, { limit: 1 })).items).toEqual([]);
    await keeper.replayStep(await resendStep());
    expect((await keeper.tally()).oldestWaitingAt).toBe(moved.now());
    await deliver(keeper, await lease(keeper));
    expect(await total('waiting')).toBe(0);
    expect(await keeper.tally()).toMatchObject({ bytesUsed: 0, deadLetters: [], oldestWaitingAt: null });
    expect(await redis.server.ask('KEYS', '*:[edl]:*')).toBe('*0\r\n');
  });

  it('weigh less when what gives way was larger', async () => {
    await open();
    await accept(keeper);
    await mapAll(keeper, 1, { json: JSON.stringify({ long: 'x'.repeat(100_000) }) });
    const before = (await keeper.tally()).bytesUsed;
    await keeper.replayStep(await remapStep({}, changed));
    const { bytesUsed } = await keeper.tally();
    expect(before - bytesUsed).toBeGreaterThan(99_000);
    expect(before - bytesUsed).toBeLessThan(101_000);
  });

  it('stand on disk with their steps, as what was learned does, when Redis is killed', async () => {
    await open();
    await accept(keeper);
    await failAll();
    const step = await remapStep({ state: 'failed' });
    await keeper.replayStep(step);
    await keeper.arm('shop', 9e15);
    await keeper.learnSecret('shop', 'kept', 5);
    await redis.crashAll();
    await redis.server.kill();
    await redis.server.startAgain();
    await open();
    expect(await keeper.replay(step.replay)).toMatchObject({ state: 'running', done: 1, waiting: 1 });
    expect(await keeper.learnedSecrets()).toEqual(new Map([['shop', { secret: 'kept', learnedAt: 5 }]]));
    await deliver(keeper, await lease(keeper));
    expect(await keeper.replay(step.replay)).toMatchObject({ state: 'done' });
  });
});
