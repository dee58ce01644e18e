/** Promise 7 on Redis: by our own bound, and when Redis itself has no memory left. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { RedisBuffer } from '../../src/buffer/redis/keeper.ts';
import { mapped } from '../support/buffer-fixtures.ts';
import { accept, deliver, emptiedRedis, everything, lease, mapAll } from '../support/redis-keeper.ts';

const body = new Uint8Array(20_000).fill(65);
const soon = { timeout: 3_000, interval: 20 };

describe('a full Redis', () => {
  const redis = emptiedRedis();
  let keeper: RedisBuffer;
  beforeEach(async () => {
    await redis.server.ask('CONFIG', 'SET', 'maxmemory', '0');
    keeper = await redis.open({ bytesMax: 1024 * 1024 });
  });

  /** Until it is full; answers how many were taken. */
  const fill = async (parts = {}) => {
    for (let taken = 0; taken < 2_000; taken++) {
      const answer = await accept(keeper, { body, ...parts });
      if (answer.status === 'full') return taken;
    }
    throw new Error('it never was full');
  };
  const full = async () => (await keeper.tally()).full;

  it('refuses what does not fit while everything waits, and says so', async () => {
    expect(await full()).toBeNull();
    const taken = await fill();
    expect(taken).toBeGreaterThan(30);
    expect(taken).toBeLessThan(60);
    expect(await accept(keeper, { body })).toMatchObject({ status: 'full', retryAfterSeconds: expect.any(Number) });
    const tally = await keeper.tally();
    expect(tally).toMatchObject({ full: 'buffer', bytesMax: 1024 * 1024, sources: { shop: { accepted: taken } } });
    expect(tally.bytesUsed).toBeLessThanOrEqual(tally.bytesMax);
  });

  it('answers a duplicate also when it is full, and takes a refused key when it comes again', async () => {
    const first = await accept(keeper, { key: 'seen' });
    await fill();
    expect(await accept(keeper, { key: 'seen', body })).toEqual({ ...first, status: 'duplicate' });
    expect(await accept(keeper, { key: 'refused', body })).toMatchObject({ status: 'full' });
    await mapAll(keeper, 0);
    expect(await accept(keeper, { key: 'refused', body })).toMatchObject({ status: 'accepted' });
  });

  it('lets settled history give way, the oldest first, and none of what waits', async () => {
    await accept(keeper, { body, key: 'waits' });
    await mapAll(keeper, 1);
    for (let count = 0; count < 20; count++) await accept(keeper, { body });
    await mapAll(keeper, 0);
    for (let count = 0; count < 100; count++) {
      expect(await accept(keeper, { body })).toMatchObject({ status: 'accepted' });
      await mapAll(keeper, 0);
    }
    expect((await keeper.tally()).sources.shop).toMatchObject({ accepted: 121, skipped: 120, waiting: 1 });
    expect(await lease(keeper)).toHaveLength(1);
  });

  it('counts nothing as kept when all of it is gone', async () => {
    await fill();
    await mapAll(keeper, 2);
    await deliver(keeper, await lease(keeper));
    const after = await redis.open({ keepDeliveriesMs: -1_000 });
    await after.sweep();
    expect(await after.tally()).toMatchObject({ bytesUsed: 0, full: null });
  });

  it('maps and settles within its headroom; beyond that mapping rejects and has changed nothing', async () => {
    await fill();
    const [one, ...others] = await keeper.nextDeliveries(everything);
    if (!one) throw new Error('nothing was handed out');
    await keeper.commitMapped([mapped(one, 1)]);
    await deliver(keeper, await lease(keeper));
    const json = `{"event":"large","properties":{"x":"${'y'.repeat(900_000)}"}}`;
    const large = others.slice(0, 9).map((delivery) => mapped(delivery, 1, { json }));
    await expect(keeper.commitMapped(large)).rejects.toMatchObject({ name: 'BufferFullError' });
    const { shop } = (await keeper.tally()).sources;
    expect(shop?.mapped).toBeLessThan(10);
    expect(shop?.created).toBe(shop?.mapped);
  });

  it('answers full when Redis has no memory left, settles nevertheless, and takes webhooks again when it has some', async () => {
    const roomy = await redis.open({ bytesMax: 1_000 * 1024 * 1024 });
    for (let count = 0; count < 20; count++) await accept(roomy, { body });
    await mapAll(roomy, 1);
    const leased = await lease(roomy);
    await redis.server.ask('CONFIG', 'SET', 'maxmemory', '1000000');
    expect(await accept(roomy, { body })).toMatchObject({ status: 'full' });
    expect((await roomy.tally()).full).toBe('buffer');
    await deliver(roomy, leased);
    expect((await roomy.tally()).sources.shop).toMatchObject({ delivered: 20, waiting: 0 });
    await redis.server.ask('CONFIG', 'SET', 'maxmemory', '0');
    await expect.poll(async () => (await roomy.tally()).full, soon).toBeNull();
    expect(await accept(roomy, { body })).toMatchObject({ status: 'accepted' });
  });

  it('maps and sends all that waits when Redis has no memory left, one piece after the other', async () => {
    const roomy = await redis.open({ bytesMax: 1_000 * 1024 * 1024 });
    for (let count = 0; count < 4; count++) await accept(roomy, { body });
    await redis.server.ask('CONFIG', 'SET', 'maxmemory', '1000000');
    const piece = async () =>
      (await roomy.nextDeliveries({ ...everything, limit: 2 })).map((delivery) => mapped(delivery, 1));
    await roomy.commitMapped(await piece());
    const leased = await lease(roomy);
    expect(leased).toHaveLength(2);
    await expect(roomy.commitMapped(await piece())).rejects.toMatchObject({ name: 'BufferFullError' });
    await deliver(roomy, leased);
    await roomy.commitMapped(await piece());
    await deliver(roomy, await lease(roomy));
    expect((await roomy.tally()).sources.shop).toMatchObject({ mapped: 4, delivered: 4, waiting: 0 });
  });
});
