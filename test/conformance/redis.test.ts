import { afterAll, beforeAll } from 'vitest';
import { inMemory } from '../support/memory-folder.ts';
import { RedisServer } from '../support/redis-server.ts';
import { keeperConforms } from './keeper.ts';
import { keeperEqualsModel } from './keeper-model.ts';
import { keeperReads } from './keeper-reading.ts';
import { keeperReplays } from './keeper-replays.ts';
import { keeperLearnsSecrets } from './keeper-secrets.ts';
import { keeperSelects } from './keeper-selections.ts';
import { keeperCountsUnmapped } from './keeper-unmapped.ts';
import { keeperTakesTurns } from './keeper-updates.ts';
import { harnessOf } from './redis-harness.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start({}, inMemory);
});
afterAll(() => server.remove());

const redisHarness = () => harnessOf(server, 1);
keeperConforms('Redis', redisHarness);
keeperLearnsSecrets('Redis', redisHarness);
keeperTakesTurns('Redis', redisHarness);
keeperCountsUnmapped('Redis', redisHarness);
keeperReads('Redis', redisHarness);
keeperReplays('Redis', redisHarness);
keeperSelects('Redis', redisHarness);
keeperEqualsModel('Redis', redisHarness, { runs: 40, commands: 80 });

// Over several shards a key's updates take turns among the sources of one shard only, so that the promises about them are not asked here.
const shardedHarness = () => harnessOf(server, 3);
keeperConforms('Redis in three shards', shardedHarness);
keeperReads('Redis in three shards', shardedHarness);
keeperReplays('Redis in three shards', shardedHarness);
keeperSelects('Redis in three shards', shardedHarness);
