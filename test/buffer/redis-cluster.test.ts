/** A Redis Cluster of two nodes: each shard is found on its node, and works there as on a Redis of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openRedisCounters } from '../../src/buffer/redis/counters.ts';
import { shardOf } from '../../src/buffer/redis/keys.ts';
import { systemClock } from '../../src/clock.ts';
import { SharedCounting } from '../../src/intake/shared-counting.ts';
import { SharedStore } from '../../src/intake/shared-store.ts';
import { WindowStore } from '../../src/intake/window-store.ts';
import { moveFromTo } from '../support/carried.ts';
import { accept, deliver, lease, mapAll, RedisKeepers } from '../support/redis-keeper.ts';
import { freePort, RedisServer } from '../support/redis-server.ts';

const shards = 4;
const slots = 16_384;
const sources = Array.from({ length: 12 }, (_, at) => `source-${at}`);
const together = { timeout: 15_000, interval: 50 };

async function startNode(): Promise<{ server: RedisServer; bus: number }> {
  const bus = await freePort();
  return { server: await RedisServer.start({ 'cluster-enabled': 'yes', 'cluster-port': String(bus) }), bus };
}

describe('a cluster', () => {
  let one: RedisServer;
  let other: RedisServer;
  let keepers: RedisKeepers;
  beforeAll(async () => {
    const [first, second] = await Promise.all([startNode(), startNode()]);
    one = first.server;
    other = second.server;
    await one.ask('CLUSTER', 'ADDSLOTSRANGE', '0', String(slots / 2 - 1));
    await other.ask('CLUSTER', 'ADDSLOTSRANGE', String(slots / 2), String(slots - 1));
    await one.ask('CLUSTER', 'MEET', '127.0.0.1', String(other.port), String(second.bus));
    const known = async () => (await Promise.all([one, other].map((node) => node.ask('CLUSTER', 'INFO')))).join('');
    await vi.waitFor(async () => expect((await known()).match(/cluster_state:ok/g)).toHaveLength(2), together);
    keepers = new RedisKeepers(one);
  }, 30_000);
  afterAll(() => Promise.all([one.remove(), other.remove()]));
  afterEach(() => keepers.crashAll());

  const keysOf = async (node: RedisServer) => Number((await node.ask('DBSIZE')).slice(1));

  it('holds shards on both its nodes, and each keeps its sources from the webhook to the settled event', async () => {
    const keeper = await keepers.open({ shards });
    expect(new Set(sources.map((source) => shardOf(source, shards))).size).toBe(shards);
    for (const source of sources)
      expect(await accept(keeper, { source, key: 'k' })).toMatchObject({ status: 'accepted' });
    for (const source of sources)
      expect(await accept(keeper, { source, key: 'k' })).toMatchObject({ status: 'duplicate' });
    await mapAll(keeper, 2);
    const leased = await lease(keeper, { turns: sources.map((source) => ({ source, eventsMax: 10 })) });
    expect(leased.map(({ source }) => source)).toEqual(sources.flatMap((source) => [source, source]));
    await deliver(keeper, leased);
    const { sources: counts } = await keeper.tally();
    for (const source of sources)
      expect(counts[source]).toMatchObject({ accepted: 1, mapped: 1, delivered: 2, waiting: 0 });
    expect(Math.min(await keysOf(one), await keysOf(other))).toBeGreaterThan(10);
  });

  it('counts what relays share in one place, whichever node they were told of', async () => {
    const shared = [one, other].map(({ url }) => {
      const counters = openRedisCounters({ url, clock: systemClock });
      return { counters, counting: new SharedCounting({ counters, clock: systemClock, waitMs: 10_000 }) };
    });
    try {
      const stores = shared.map(({ counting }) => {
        const windows = new WindowStore({ name: 'test', windowMs: 60_000, keysMax: 1, clock: systemClock });
        const store = new SharedStore({ counting, windows, limit: 100, clock: systemClock });
        store.init({ windowMs: 60_000 } as Parameters<typeof store.init>[0]);
        return { store, counting };
      });
      // Each is led to the node at its first question, and until then counts by itself.
      const found = async () => {
        for (const { store } of stores) await store.increment('acme');
        expect(stores.map(({ counting }) => counting.shared)).toEqual([true, true]);
      };
      await vi.waitFor(found, together);
      const { totalHits } = await (stores[0] as (typeof stores)[0]).store.increment('acme');
      expect((await (stores[1] as (typeof stores)[0]).store.increment('acme')).totalHits).toBe(totalHits + 1);
    } finally {
      await Promise.all(shared.map(({ counters }) => counters[Symbol.asyncDispose]()));
    }
  });

  it('is moved from and to, whichever node is named', async () => {
    await Promise.all([one, other].map((node) => node.ask('FLUSHALL')));
    const folder = await mkdtemp(join(tmpdir(), 'cluster-'));
    try {
      const keeper = await keepers.open({ shards });
      for (const source of sources) await accept(keeper, { source, key: 'k' });
      await mapAll(keeper, 2);
      await keepers.crashAll();
      expect(await moveFromTo({ url: other.url, shards }, { folder })).toMatchObject({
        same: true,
        counts: { to: { deliveries: sources.length, 'waiting events': 2 * sources.length } },
      });
      await Promise.all([one, other].map((node) => node.ask('FLUSHALL')));
      expect(await moveFromTo({ folder }, { url: one.url, shards: 3 })).toMatchObject({ same: true });
      const moved = await keepers.open({ shards: 3 });
      const leased = await lease(moved, { turns: sources.map((source) => ({ source, eventsMax: 10 })) });
      expect(leased.map(({ source }) => source)).toEqual(sources.flatMap((source) => [source, source]));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
