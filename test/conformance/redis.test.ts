import { afterAll, beforeAll } from 'vitest';
import { openRedisBuffer, type RedisBuffer } from '../../src/buffer/redis/keeper.ts';
import { systemClock } from '../../src/clock.ts';
import { movedClock } from '../support/buffer-fixtures.ts';
import { inMemory } from '../support/memory-folder.ts';
import { RedisServer } from '../support/redis-server.ts';
import { type Harness, keepDeliveriesMs, keeperConforms } from './keeper.ts';
import { keeperEqualsModel } from './keeper-model.ts';
import { keeperReads } from './keeper-reading.ts';
import { keeperReplays } from './keeper-replays.ts';
import { keeperLearnsSecrets } from './keeper-secrets.ts';
import { keeperSelects } from './keeper-selections.ts';
import { keeperCountsUnmapped } from './keeper-unmapped.ts';
import { keeperTakesTurns } from './keeper-updates.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start({}, inMemory);
});
afterAll(() => server.remove());

/** Longer than any lease of these tests: what a crashed relay held is free after so long. */
const crashMs = 600_000;

async function harnessOf(shards: number): Promise<Harness> {
  await server.ask('FLUSHALL');
  const moved = movedClock();
  // Deadlines and looks around are real; everything that is kept or ends goes by the clock that the test moves.
  const clock = { ...moved, wait: systemClock.wait };
  let crashed = 0;
  const open = () =>
    openRedisBuffer({
      ...{ url: server.url, shards, durability: 'strict', bytesMax: 64 * 1024 * 1024, keepDeliveriesMs, clock },
      serverTime: () => moved.monotonic() + 1 + crashed,
      // What another relay claimed is taken over at once: after a crash there is only one.
      claimMs: 1,
      // What is asked here is not how fast a machine is that others use, too.
      acceptMs: 5_000,
    });
  return {
    clock: moved,
    open,
    async crashAndReopen(keeper) {
      await (keeper as RedisBuffer).crash();
      crashed += crashMs;
      return open();
    },
    async remove(keeper) {
      await (keeper as RedisBuffer).crash();
    },
  };
}

const redisHarness = () => harnessOf(1);
keeperConforms('Redis', redisHarness);
keeperLearnsSecrets('Redis', redisHarness);
keeperTakesTurns('Redis', redisHarness);
keeperCountsUnmapped('Redis', redisHarness);
keeperReads('Redis', redisHarness);
keeperReplays('Redis', redisHarness);
keeperSelects('Redis', redisHarness);
keeperEqualsModel('Redis', redisHarness, { runs: 30, commands: 50 });

// Over several shards a key's updates take turns among the sources of one shard only, so that the promises about them are not asked here.
const shardedHarness = () => harnessOf(3);
keeperConforms('Redis in three shards', shardedHarness);
keeperReads('Redis in three shards', shardedHarness);
keeperReplays('Redis in three shards', shardedHarness);
keeperSelects('Redis in three shards', shardedHarness);
