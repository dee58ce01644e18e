/** A Redis that would lose what is accepted is not started on, unless its operator says so. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { accept, RedisKeepers } from '../support/redis-keeper.ts';
import { RedisServer } from '../support/redis-server.ts';

describe('starting on Redis', () => {
  let server: RedisServer;
  let keepers: RedisKeepers;
  beforeAll(async () => {
    server = await RedisServer.start();
    keepers = new RedisKeepers(server);
  });
  afterAll(() => server.remove());
  afterEach(async () => {
    await keepers.crashAll();
    await server.ask('CONFIG', 'SET', 'appendonly', 'yes', 'appendfsync', 'always', 'maxmemory-policy', 'noeviction');
    await server.ask('FLUSHALL');
  });

  it('starts on one that is set right, and has nothing to warn of', async () => {
    expect((await keepers.open()).warnings).toEqual([]);
  });

  for (const [setting, value, words] of [
    ['appendfsync', 'everysec', /appendfsync is everysec, not always/],
    ['appendonly', 'no', /appendonly is no, not yes/],
    ['maxmemory-policy', 'allkeys-lru', /maxmemory-policy is allkeys-lru, not noeviction/],
  ] as const)
    it(`refuses ${setting} ${value}, and warns of it where losing is accepted`, async () => {
      await server.ask('CONFIG', 'SET', setting, value);
      await expect(keepers.open()).rejects.toMatchObject({
        name: 'UsageError',
        exitCode: 1,
        message: expect.stringMatching(words),
      });
      const keeper = await keepers.open({ durability: 'accept-loss' });
      expect(keeper.warnings).toEqual([expect.stringMatching(words)]);
      expect(await accept(keeper)).toMatchObject({ status: 'accepted' });
    });

  it('refuses one that hides its settings, in words', async () => {
    await server.ask('ACL', 'SETUSER', 'limited', 'on', '>secret', '~*', '&*', '+@all', '-config');
    const url = server.url.replace('redis://', 'redis://limited:secret@');
    await expect(keepers.open({ url })).rejects.toThrow(/CONFIG is forbidden/);
    expect((await keepers.open({ url, durability: 'accept-loss' })).warnings).toHaveLength(1);
  });

  it("refuses keys that are somebody else's, at once", async () => {
    await server.ask('SET', '{relay:0}:meta', 'somebody else');
    await expect(keepers.open()).rejects.toThrow(/Redis cannot be used: What Redis holds cannot be read: WRONGTYPE/);
  });

  it('refuses keys of a format or a number of shards it does not know', async () => {
    await keepers.open();
    await keepers.crashAll();
    await expect(keepers.open({ shards: 2 })).rejects.toThrow(/were made with 1 shards, RELAY_REDIS_SHARDS says 2/);
    await server.ask('HSET', '{relay:0}:meta', 'format', '999');
    await expect(keepers.open()).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(/^Redis cannot be used: .* read: the keys are of format 999, .*trackrelay move/),
    });
  });
});
