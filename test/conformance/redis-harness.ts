/** A keeper of a real Redis, whose clock a test moves; another keeper finds all again after a crash. */
import { openRedisBuffer, type RedisBuffer } from '../../src/buffer/redis/keeper.ts';
import { systemClock } from '../../src/clock.ts';
import { movedClock } from '../support/buffer-fixtures.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { type Harness, keepDeliveriesMs } from './keeper.ts';

/** Longer than any lease of these tests: what a crashed relay held is free after so long. */
const crashMs = 600_000;

/** A keeper of a Redis that is emptied for it. */
export async function harnessOf(server: RedisServer, shards: number): Promise<Harness> {
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
