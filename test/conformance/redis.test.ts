import { afterAll, beforeAll } from 'vitest';
import type { BufferKeeper } from '../../src/buffer/contract.ts';
import { openRedisBuffer, type RedisBuffer } from '../../src/buffer/redis/keeper.ts';
import { systemClock } from '../../src/clock.ts';
import { movedClock } from '../support/buffer-fixtures.ts';
import { RedisServer } from '../support/redis-server.ts';
import { type Harness, keepDeliveriesMs } from './keeper.ts';
import { keeperTakesTurns } from './keeper-updates.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.remove());

/** Longer than any lease of these tests: what a crashed relay held is free after so long. */
const crashMs = 600_000;

async function redisHarness(): Promise<Harness> {
  await server.ask('FLUSHALL');
  const moved = movedClock();
  // Deadlines and looks around are real; everything that is kept or ends goes by the clock that the test moves.
  const clock = { ...moved, wait: systemClock.wait };
  let crashed = 0;
  const open = async () =>
    (await openRedisBuffer({
      ...{ url: server.url, shards: 1, durability: 'strict', bytesMax: 64 * 1024 * 1024, keepDeliveriesMs, clock },
      serverTime: () => moved.monotonic() + 1 + crashed,
      // What another relay claimed is taken over at once: after a crash there is only one.
      claimMs: 1,
    })) as unknown as BufferKeeper;
  return {
    clock: moved,
    open,
    async crashAndReopen(keeper) {
      await (keeper as unknown as RedisBuffer).crash();
      crashed += crashMs;
      return open();
    },
    async remove(keeper) {
      await (keeper as unknown as RedisBuffer).crash();
    },
  };
}

keeperTakesTurns('Redis', redisHarness);
