/** A move that ends after any of its steps is run again, and ends as if nothing had been. */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Carrying } from '../../src/buffer/carrying.ts';
import type { BufferKeeper } from '../../src/buffer/contract.ts';
import { type Moved, move } from '../../src/buffer/moving.ts';
import { openRedisBuffer } from '../../src/buffer/redis/keeper.ts';
import { openSqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { systemClock } from '../../src/clock.ts';
import { type MovedClock, movedClock } from '../support/buffer-fixtures.ts';
import { carryingOf, contentOf, keepMs, moveFromTo, type Spot } from '../support/carried.ts';
import { fillStore } from '../support/filled-store.ts';
import { inMemory, memoryFolder } from '../support/memory-folder.ts';
import { RedisServer } from '../support/redis-server.ts';

let redis: RedisServer;
let folder: string;
let clock: MovedClock;
let expected: Record<string, unknown>;
beforeAll(async () => {
  redis = await RedisServer.start({}, inMemory);
});
afterAll(() => redis.remove());
beforeEach(async () => {
  await redis.ask('FLUSHALL');
  folder = await memoryFolder('carrying');
  clock = movedClock(Math.trunc(systemClock.now()) - keepMs - 3_600_000 - 60_000);
  await using keeper = await open(at('full'));
  await fillStore(keeper, clock);
});
afterEach(() => rm(folder, { recursive: true }));

const at = (name: string) => ({ folder: join(folder, name) });

async function open(spot: Spot): Promise<BufferKeeper> {
  const shared = { bytesMax: 64 * 1024 * 1024, keepDeliveriesMs: keepMs };
  if ('folder' in spot) return await openSqliteBuffer({ ...shared, folder: spot.folder, clock });
  return await openRedisBuffer({
    ...{ ...shared, url: spot.url, shards: spot.shards, durability: 'strict', acceptMs: 5_000, claimMs: 1 },
    clock: { ...clock, wait: systemClock.wait, monotonic: systemClock.monotonic },
  });
}

async function content(spot: Spot): Promise<Record<string, unknown>> {
  await using keeper = await open(spot);
  return await contentOf(keeper, clock);
}

/** Null: it has ended there, its step done; otherwise it has fewer steps. */
async function endedAfter(step: number, from: Spot, to: Spot): Promise<Moved | null> {
  let steps = 0;
  const ending = (carrying: Carrying): Carrying =>
    new Proxy(carrying, {
      get(target, name) {
        const method = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        if (name !== 'take' && name !== 'setMark') return method.bind(target);
        return async (...args: readonly unknown[]) => {
          steps += 1;
          await method.apply(target, args);
          if (steps === step) throw new Error('ended here');
        };
      },
    });
  await using source = await carryingOf(from, 'from', clock);
  await using target = await carryingOf(to, 'to', clock);
  try {
    return await move({ from: ending(source), to: ending(target) }, clock, () => {});
  } catch (error) {
    expect((error as Error).message).toBe('ended here');
    return null;
  }
}

/** At each step in turn, each time with a source and a target of its own. Answers how many there are. */
async function endEverywhere(target: (step: number) => Promise<Spot>): Promise<number> {
  for (let step = 1; ; step++) {
    const from = at(`from ${step}`);
    await cp(at('full').folder, from.folder, { recursive: true });
    const to = await target(step);
    if (await endedAfter(step, from, to)) return step - 1;
    await expectNobodyServesTwice(from, to);
    expect(await moveFromTo(from, to, clock)).toMatchObject({ same: true });
    expect([step, await content(to)]).toEqual([step, expected]);
    await expect(open(from)).rejects.toThrow('was moved to');
  }
}

/** A relay starts on one of the two at the most, and on the target only if all is there. */
async function expectNobodyServesTwice(from: Spot, to: Spot): Promise<void> {
  const serves = (spot: Spot) =>
    open(spot).then(
      async (keeper) => {
        const { items } = await keeper.deliveries({}, { limit: 1 });
        await keeper[Symbol.asyncDispose]();
        return items.length > 0;
      },
      () => false,
    );
  expect((await serves(from)) && (await serves(to))).toBe(false);
}

beforeEach(async () => {
  await cp(at('full').folder, at('once').folder, { recursive: true });
  await moveFromTo(at('once'), at('whole'), clock);
  expected = await content(at('whole'));
});

it('after any of its steps, from a folder to a folder', async () => {
  expect(await endEverywhere(async (step) => at(`to ${step}`))).toBeGreaterThan(12);
}, 240_000);

it('after any of its steps, from a folder to Redis', async () => {
  const steps = await endEverywhere(async () => {
    await redis.ask('FLUSHALL');
    return { url: redis.url, shards: 1 };
  });
  expect(steps).toBeGreaterThan(12);
}, 240_000);
