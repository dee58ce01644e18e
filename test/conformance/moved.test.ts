/** A keeper that is moved to another store wherever a crash may happen, from a data folder to Redis and back, is still the same keeper. */
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect } from 'vitest';
import type { BufferKeeper } from '../../src/buffer/contract.ts';
import { openRedisBuffer, type RedisBuffer } from '../../src/buffer/redis/keeper.ts';
import { openSqliteBuffer, type SqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { systemClock } from '../../src/clock.ts';
import { movedClock } from '../support/buffer-fixtures.ts';
import { moveFromTo, type Spot } from '../support/carried.ts';
import { inMemory, memoryFolder } from '../support/memory-folder.ts';
import { RedisServer } from '../support/redis-server.ts';
import { type Harness, keepDeliveriesMs } from './keeper.ts';
import { keeperEqualsModel } from './keeper-model.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start({}, inMemory);
});
afterAll(() => server.remove());

async function movedHarness(): Promise<Harness> {
  await server.ask('FLUSHALL');
  // Keys end by the server's clock, too.
  const moved = movedClock(Math.trunc(systemClock.now()));
  const folders: string[] = [];
  const newFolder = async (): Promise<Spot> => {
    const folder = await memoryFolder('moved');
    folders.push(folder);
    return { folder };
  };
  let spot = await newFolder();
  const open = (): Promise<BufferKeeper> => {
    const shared = { bytesMax: 64 * 1024 * 1024, keepDeliveriesMs };
    if ('folder' in spot) return openSqliteBuffer({ ...shared, folder: spot.folder, clock: moved });
    return openRedisBuffer({
      ...{ ...shared, url: spot.url, shards: spot.shards, durability: 'strict' },
      clock: { ...moved, wait: systemClock.wait },
      ...{ serverTime: () => moved.monotonic() + 1, claimMs: 1, acceptMs: 5_000 },
    });
  };
  return {
    clock: moved,
    open,
    async crashAndReopen(keeper) {
      await (keeper as RedisBuffer | SqliteBuffer).crash();
      const from = spot;
      spot = 'folder' in from ? { url: server.url, shards: 1 } : await newFolder();
      const { counts } = await moveFromTo(from, spot, moved, keepDeliveriesMs);
      expect(counts.to).toEqual(counts.from);
      const reopened = await open();
      // What is left in Redis is of no use to the next move.
      if ('url' in from) await server.ask('FLUSHALL');
      return reopened;
    },
    async remove(keeper) {
      await (keeper as RedisBuffer | SqliteBuffer).crash();
      for (const folder of folders) await rm(folder, { recursive: true });
    },
  };
}

keeperEqualsModel('A keeper that moves', movedHarness, { runs: 20, commands: 60 });
