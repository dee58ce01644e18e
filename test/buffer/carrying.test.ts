/** What is moved from one store to another is there as it was; relays and moves keep out of one another's way. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BufferKeeper } from '../../src/buffer/contract.ts';
import { openRedisBuffer, type RedisBuffer } from '../../src/buffer/redis/keeper.ts';
import { openSqliteBuffer, type SqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { systemClock } from '../../src/clock.ts';
import { type MovedClock, movedClock, webhook } from '../support/buffer-fixtures.ts';
import { contentOf, keepMs, moveFromTo, type Spot } from '../support/carried.ts';
import { fillStore } from '../support/filled-store.ts';
import { inMemory, memoryFolder } from '../support/memory-folder.ts';
import { RedisServer } from '../support/redis-server.ts';

let one: RedisServer;
let other: RedisServer;
beforeAll(async () => {
  [one, other] = await Promise.all([RedisServer.start({}, inMemory), RedisServer.start({}, inMemory)]);
});
afterAll(() => Promise.all([one.remove(), other.remove()]));

let clock: MovedClock;
let folder: string;
const keepers: (RedisBuffer | SqliteBuffer)[] = [];
beforeEach(async () => {
  await Promise.all([one.ask('FLUSHALL'), other.ask('FLUSHALL')]);
  folder = await memoryFolder('carrying');
  // What fillStore leaves is of just now by the server's clock, which ends keys.
  clock = movedClock(Math.trunc(systemClock.now()) - keepMs - 3_600_000 - 60_000);
});
afterEach(async () => {
  await closeAll();
  await rm(folder, { recursive: true });
});

const inFolder = (name: string): Spot => ({ folder: join(folder, name) });
const inOne = (shards: number): Spot => ({ url: one.url, shards });
const inOther = (shards: number): Spot => ({ url: other.url, shards });

async function open(spot: Spot, options: { bytesMax?: number } = {}): Promise<BufferKeeper> {
  const shared = { bytesMax: 64 * 1024 * 1024, keepDeliveriesMs: keepMs, ...options };
  const keeper =
    'folder' in spot
      ? await openSqliteBuffer({ ...shared, folder: spot.folder, clock })
      : await openRedisBuffer({
          ...{ ...shared, url: spot.url, shards: spot.shards, durability: 'strict', acceptMs: 5_000, claimMs: 1 },
          clock: { ...clock, wait: systemClock.wait, monotonic: systemClock.monotonic },
        });
  keepers.push(keeper);
  return keeper;
}

async function closeAll(): Promise<void> {
  for (const keeper of keepers.splice(0)) await keeper[Symbol.asyncDispose]();
}

/** What the keeper of a place tells; no relay is there afterwards. */
async function content(spot: Spot): Promise<Record<string, unknown>> {
  const found = await contentOf(await open(spot), clock);
  await closeAll();
  return found;
}

async function fill(spot: Spot): Promise<Record<string, unknown>> {
  await fillStore(await open(spot), clock);
  await closeAll();
  return await content(spot);
}

/** As it is once a replay that was still selecting is over. */
function cut(before: Record<string, unknown>): Record<string, unknown> {
  const replays = (before.replays as { id: string }[]).map((replay) =>
    replay.id === 'rpl_selects' ? { ...replay, state: 'cancelled', endedAt: Math.trunc(clock.now()) } : replay,
  );
  return { ...before, replays };
}

describe('a move', () => {
  it('carries everything from a data folder to Redis and back', async () => {
    const before = await fill(inFolder('a'));
    const { counts, same, cut: cancelled } = await moveFromTo(inFolder('a'), inOne(1), clock);
    expect(counts.to).toEqual(counts.from);
    expect(same).toBe(true);
    expect(Math.min(...Object.values(counts.to))).toBeGreaterThan(0);
    expect(cancelled).toEqual(['rpl_selects']);
    expect(await content(inOne(1))).toEqual(cut(before));
    expect(await moveFromTo(inOne(1), inFolder('b'), clock)).toMatchObject({ same: true, cut: [] });
    expect(await content(inFolder('b'))).toEqual(cut(before));
  });

  it('carries everything from Redis to a data folder, and on to another', async () => {
    const before = await fill(inOne(1));
    expect(await moveFromTo(inOne(1), inFolder('a'), clock)).toMatchObject({ same: true });
    expect(await content(inFolder('a'))).toEqual(cut(before));
    expect(await moveFromTo(inFolder('a'), inFolder('b'), clock)).toMatchObject({ same: true });
    expect(await content(inFolder('b'))).toEqual(cut(before));
  });

  it('carries everything from one Redis to another in more shards, and in fewer', async () => {
    const before = await fill(inFolder('a'));
    await moveFromTo(inFolder('a'), inOne(3), clock);
    const inShards = await content(inOne(3));
    expect(withoutTurns(inShards)).toEqual(withoutTurns(cut(before)));
    for (const [from, to] of [
      [inOne(3), inOther(2)],
      [inOther(2), inFolder('b')],
      [inFolder('b'), inFolder('c')],
    ] as const) {
      const { counts, same } = await moveFromTo(from, to, clock);
      expect(counts.to).toEqual(counts.from);
      expect(same).toBe(true);
      expect(withoutTurns(await content(to))).toEqual(withoutTurns(cut(before)));
    }
    // In one place again the updates of a key take turns again, whatever their source.
    expect(await content(inFolder('c'))).toEqual(cut(before));
  });

  it('knows a repeat of what came before it, also when its delivery has given way', async () => {
    const small = await open(inFolder('a'), { bytesMax: 1024 * 1024 });
    const big = (key: string) => webhook(clock, { key, body: new Uint8Array(60_000), receivedAt: clock.now() });
    const ids: string[] = [];
    clock.advance(keepMs + 3_600_000);
    for (let at = 0; at < 40; at++) {
      const accepted = await small.accept(big(`k${at}`));
      if (accepted.status === 'accepted') ids.push(accepted.id);
      const next = await small.nextDeliveries({ after: 0, limit: 10, bytesMax: 1e9 });
      await small.commitMapped(next.map((delivery) => ({ delivery, state: 'skipped', events: [], dead: [] })));
    }
    expect(await small.delivery(ids[0] ?? '')).toBeNull();
    await closeAll();
    const hops = [inFolder('a'), inOne(3), inFolder('b'), inOther(2), inFolder('c')] as const;
    for (const [at, to] of hops.entries()) {
      const from = hops[at - 1];
      if (!from) continue;
      expect(await moveFromTo(from, to, clock)).toMatchObject({ same: true });
      const keeper = await open(to);
      for (const key of [0, 1, 39])
        expect(await keeper.accept(big(`k${key}`))).toEqual({ status: 'duplicate', id: ids[key] });
      await closeAll();
    }
    const last = await open(inFolder('c'));
    expect((await last.accept(big('new'))).status).toBe('accepted');
    clock.advance(keepMs + 1);
    await last.sweep();
    expect((await last.accept(big('k0'))).status).toBe('accepted');
  });

  it('gives what comes later later positions', async () => {
    await fill(inFolder('a'));
    for (const [from, to] of [
      [inFolder('a'), inOne(2)],
      [inOne(2), inFolder('b')],
    ] as const) {
      await moveFromTo(from, to, clock);
      const keeper = await open(to);
      const all = { after: 0, limit: 1_000, bytesMax: 1e9 };
      const before = await keeper.nextDeliveries(all);
      clock.advance(1);
      const accepted = await keeper.accept(webhook(clock));
      const after = await keeper.nextDeliveries(all);
      expect(after.map(({ id }) => id)).toEqual([...before.map(({ id }) => id), (accepted as { id: string }).id]);
      await closeAll();
    }
  });
});

/** Over several shards a key's updates take turns among the sources of one shard only. */
function withoutTurns({ leases, ...rest }: Record<string, unknown>): Record<string, unknown> {
  const plain = Object.entries(leases as object).filter(([lane]) => lane.endsWith(' event'));
  return { ...rest, leases: Object.fromEntries(plain) };
}
