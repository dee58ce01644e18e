/** A Redis Cluster of two nodes: each shard is found on its node, and works there as on a Redis of its own. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { shardOf } from '../../src/buffer/redis/keys.ts';
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
});
