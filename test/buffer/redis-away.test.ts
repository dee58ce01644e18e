/** Redis goes away in every way there is, and comes back: nothing hangs, nothing that was answered is lost, nobody has to do anything. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RedisBuffer } from '../../src/buffer/redis/keeper.ts';
import { Line } from '../support/line.ts';
import { back, flood, missing, refusedSoon } from '../support/redis-away.ts';
import { accept, deliver, lease, mapAll, positionsOf, RedisKeepers } from '../support/redis-keeper.ts';
import { RedisServer } from '../support/redis-server.ts';

describe('when Redis is away', () => {
  let server: RedisServer;
  let line: Line;
  let keepers: RedisKeepers;
  let keeper: RedisBuffer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.remove());
  beforeEach(async () => {
    await server.ask('FLUSHALL');
    line = await Line.to(server.port);
    keepers = new RedisKeepers(server);
    keeper = await keepers.open({ url: line.url, acceptMs: 250 });
  });
  afterEach(async () => {
    await keepers.crashAll();
    await line.close();
  });

  const refused = () => refusedSoon(keeper);
  const takesAgain = async () => {
    await expect.poll(() => accept(keeper).catch((error) => error), back).toMatchObject({ status: 'accepted' });
    // Webhooks have a connection of their own, which may be there first.
    await expect.poll(() => keeper.tally().catch(() => null), back).not.toBeNull();
  };

  it('refuses soon while Redis is killed, keeps what was accepted, and takes webhooks again when it is back', async () => {
    const first = await accept(keeper, { key: 'first' });
    await server.kill();
    await refused();
    await refused();
    await server.startAgain();
    await takesAgain();
    expect(await accept(keeper, { key: 'first' })).toEqual({ ...first, status: 'duplicate' });
  });

  it('refuses soon while Redis is frozen, and takes webhooks again when it goes on', async () => {
    await accept(keeper);
    server.freeze();
    for (let count = 0; count < 6; count++) await refused();
    server.thaw();
    await takesAgain();
  });

  it('finds out that a line died without a word', async () => {
    await accept(keeper);
    line.goSilent();
    await refused();
    await takesAgain();
    const accepted = async () => (await keeper.tally().catch(() => null))?.sources.shop?.accepted ?? 0;
    await expect.poll(accepted, back).toBeGreaterThanOrEqual(2);
  });

  it('loses nothing that it accepted to a kill in the middle of a flood', async () => {
    const { accepted, end } = flood(keeper, 20);
    await expect.poll(() => accepted.size, back).toBeGreaterThan(300);
    await server.kill();
    await end();
    await server.startAgain();
    await takesAgain();
    expect(await missing(keeper, accepted)).toEqual([]);
  });

  it('settles what was sent in spite of a restart, once', async () => {
    await accept(keeper);
    await mapAll(keeper, 2);
    const leased = await lease(keeper);
    await server.stop();
    const settled = deliver(keeper, leased);
    await server.startAgain();
    await settled;
    expect((await keeper.tally()).sources.shop).toMatchObject({ created: 2, waiting: 0, delivered: 2 });
  });

  it('gives back what was leased by an answer that was lost, long before the lease ends', async () => {
    await accept(keeper);
    await mapAll(keeper, 3);
    line.loseAnswers(true);
    await expect(lease(keeper, { leaseMs: 600_000 })).rejects.toThrow(/Redis (did not answer|went away)/);
    line.loseAnswers(false);
    await expect.poll(() => lease(keeper).catch(() => []), { timeout: 5_000 }).toHaveLength(3);
  });

  it('keeps the leases of others meanwhile', async () => {
    await accept(keeper);
    await mapAll(keeper, 2);
    const leased = await lease(keeper);
    await server.kill();
    await server.startAgain();
    await takesAgain();
    expect(await lease(keeper)).toEqual([]);
    await keeper.extend(positionsOf(leased), 60_000);
  });

  it('says nothing is broken when Redis was only away, and that it is when its keys are not ours', async () => {
    let reason: Error | null = null;
    void keeper.failed.then((error) => {
      reason = error;
    });
    await server.kill();
    await refused();
    await server.startAgain();
    await takesAgain();
    expect(reason).toBeNull();
    await server.ask('DEL', '{relay:0}:meta');
    await server.ask('SET', '{relay:0}:meta', 'somebody else');
    await expect.poll(() => reason?.message, back).toMatch(/cannot be read/);
    await expect(accept(keeper)).rejects.toThrow(/cannot be read/);
  });
});
