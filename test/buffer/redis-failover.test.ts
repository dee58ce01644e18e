/** The Redis behind the address becomes another one: nothing false is said meanwhile, and everything goes on by itself on the new one. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RedisBuffer } from '../../src/buffer/redis/keeper.ts';
import { back, flood, missing, refusedSoon } from '../support/redis-away.ts';
import { accept, deliver, everything, lease, mapAll, positionsOf, RedisKeepers } from '../support/redis-keeper.ts';
import { RedisPair } from '../support/redis-pair.ts';

describe('a failover', () => {
  let pair: RedisPair;
  let keepers: RedisKeepers;
  let keeper: RedisBuffer;
  beforeAll(async () => {
    pair = await RedisPair.start();
    keepers = new RedisKeepers(pair.primary);
  });
  afterAll(() => pair.remove());
  beforeEach(async () => {
    await pair.renew();
    keeper = await keepers.open({ url: pair.line.url, acceptMs: 250 });
  });
  afterEach(() => keepers.crashAll());

  const refused = () => refusedSoon(keeper);
  const takesAgain = () =>
    expect.poll(() => accept(keeper).catch((error) => error), back).toMatchObject({ status: 'accepted' });
  const answering = (is: boolean) => expect.poll(() => keeper.answering, back).toBe(is);
  const becomesReplica = async () => {
    await pair.promote();
    await pair.follow();
  };
  const leads = () => pair.line.leadTo(pair.primary.port);

  /** How the replica takes the place of the primary: it has everything each time. `comes`: from then on one can be written to. */
  const ways: readonly (readonly [string, () => Promise<unknown>, () => Promise<unknown>])[] = [
    ['the primary is killed', () => pair.primary.kill(), () => pair.promote()],
    ['the primary lives on as a replica', becomesReplica, async () => undefined],
  ];

  it.each(ways)('when %s: refuses soon, and goes on with all it had', async (_, goes, comes) => {
    const first = await accept(keeper, { key: 'first' });
    await mapAll(keeper, 3);
    const leased = await lease(keeper, { bytesMax: 1 });
    expect(leased).toHaveLength(1);
    await accept(keeper, { key: 'unmapped' });
    await pair.caughtUp();
    await goes();
    for (let count = 0; count < 4; count++) await refused();
    await answering(false);
    await comes();
    leads();
    await answering(true);
    expect(await accept(keeper, { key: 'first' })).toEqual({ ...first, status: 'duplicate' });
    expect(await accept(keeper)).toMatchObject({ status: 'accepted' });
    // Its lease holds, for it and against others.
    expect(positionsOf(await lease(keeper))).not.toContain(leased[0]?.position);
    await keeper.extend(positionsOf(leased), 60_000);
    await deliver(keeper, leased);
    await mapAll(keeper, 1);
    expect((await keeper.tally()).sources.shop).toMatchObject({ accepted: 3, created: 5, delivered: 1, unmapped: 0 });
  });

  it('is found out without a webhook: the first one after it is taken', async () => {
    await accept(keeper);
    await becomesReplica();
    leads();
    await answering(false);
    await answering(true);
    expect(await accept(keeper)).toMatchObject({ status: 'accepted' });
  });

  it('keeps nothing on a replica, also on one that could be written to', async () => {
    pair.line.leadTo(pair.replica.port);
    await pair.replica.ask('CONFIG', 'SET', 'replica-read-only', 'no');
    await pair.primary.ask('CLIENT', 'KILL', 'TYPE', 'normal');
    for (let count = 0; count < 10; count++) await expect(accept(keeper)).rejects.toThrow(/Redis/);
    await answering(false);
    const why = () => accept(keeper).catch((error: Error) => error.message);
    await expect.poll(why, back).toMatch(/away: it is a replica/);
    leads();
    await takesAgain();
  });

  it('loses nothing that was accepted while Redis itself lets the two change their places, under load', async () => {
    const { accepted, end } = flood(keeper, 10);
    await expect.poll(() => accepted.size, back).toBeGreaterThan(100);
    await pair.changePlaces();
    const before = accepted.size;
    leads();
    await expect.poll(() => accepted.size, back).toBeGreaterThan(before + 100);
    await end();
    await answering(true);
    expect(await missing(keeper, accepted)).toEqual([]);
  });

  it('that lacks what was not replicated settles nothing in the place of what is gone', async () => {
    await pair.caughtUp();
    // It hears of nothing that comes now.
    await pair.replica.ask('REPLICAOF', 'NO', 'ONE');
    await accept(keeper);
    await mapAll(keeper, 5);
    const lost = await lease(keeper);
    expect(lost).toHaveLength(5);
    await pair.primary.kill();
    await answering(false);
    await pair.promote();
    leads();
    await answering(true);
    await accept(keeper);
    await mapAll(keeper, 5);
    await deliver(keeper, lost);
    expect((await keeper.tally()).sources.shop).toMatchObject({ accepted: 1, delivered: 0, waiting: 5 });
    expect(await lease(keeper)).toHaveLength(5);
  });

  it('is looked for by a new connection when the old server cannot take anything', async () => {
    await accept(keeper);
    await pair.caughtUp();
    const old = pair.primary;
    await pair.promote();
    await old.ask('CONFIG', 'SET', 'min-replicas-to-write', '1');
    await answering(false);
    leads();
    await answering(true);
    expect(await accept(keeper)).toMatchObject({ status: 'accepted' });
  });

  it('makes the group of those who map anew where it was lost', async () => {
    const { id } = (await accept(keeper)) as { id: string };
    expect(await keeper.nextDeliveries(everything)).toHaveLength(1);
    await pair.caughtUp();
    await pair.primary.kill();
    await answering(false);
    await pair.promote();
    expect(await pair.primary.ask('XGROUP', 'DESTROY', '{relay:0}:unmapped', 'map')).toBe(':1\r\n');
    leads();
    await answering(true);
    expect(await keeper.nextDeliveries(everything)).toMatchObject([{ id }]);
  });

  it('tells when the new one may lose what is accepted, and no more when it was set right', async () => {
    expect(keeper.warnings).toEqual([]);
    await pair.replica.ask('CONFIG', 'SET', 'appendonly', 'no');
    await becomesReplica();
    leads();
    await expect.poll(() => keeper.warnings, back).toEqual([expect.stringContaining('appendonly is no, not yes')]);
    await answering(true);
    expect(await accept(keeper)).toMatchObject({ status: 'accepted' });
    await pair.primary.ask('CONFIG', 'SET', 'appendonly', 'yes');
    await pair.primary.ask('CLIENT', 'KILL', 'TYPE', 'normal');
    await expect.poll(() => keeper.warnings, back).toEqual([]);
  });
});
