/** The command `move`, as an operator runs it: what it refuses, what keeps relays out, and that it can end anywhere. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BufferKeeper } from '../../src/buffer/contract.ts';
import { openRedisBuffer } from '../../src/buffer/redis/keeper.ts';
import { openSqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { type MoveOptions, moveBuffer } from '../../src/cli/move.ts';
import { systemClock } from '../../src/clock.ts';
import { mapped, webhook } from '../support/buffer-fixtures.ts';
import { leaseAll } from '../support/carried.ts';
import { call } from '../support/cli-folders.ts';
import { Journey } from '../support/journey.ts';
import { inMemory } from '../support/memory-folder.ts';
import { type Environment, root, run, temporaryFolder } from '../support/program.ts';
import { RedisServer } from '../support/redis-server.ts';

const password = 'p4ss word/geheim';
let redis: RedisServer;
let url: string;
beforeAll(async () => {
  redis = await RedisServer.start({}, inMemory);
  await redis.ask('ACL', 'SETUSER', 'mover', 'on', `>${password}`, '~*', '&*', '+@all');
  url = `redis://mover:${encodeURIComponent(password)}@127.0.0.1:${redis.port}`;
});
afterAll(() => redis.remove());
beforeEach(() => redis.ask('FLUSHALL'));

const keepDeliveriesMs = 72 * 3_600_000;
const inFolder = (folder: string) =>
  openSqliteBuffer({ folder, clock: systemClock, bytesMax: 1024 ** 3, keepDeliveriesMs });
const inRedis = (shards = 1) =>
  openRedisBuffer({
    ...{ url, shards, durability: 'strict', bytesMax: 1024 ** 3, keepDeliveriesMs, clock: systemClock },
    acceptMs: 5_000,
  });
const move = (from: string, to: string, more: readonly string[] = [], env: Environment = {}) =>
  run(['move', '--from', from, '--to', to, ...more], env);

/** So many deliveries of two events each. */
async function fill(keeper: BufferKeeper, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, at) => keeper.accept(webhook(systemClock, { key: `k${at}` }))));
  for (;;) {
    const next = await keeper.nextDeliveries({ after: 0, limit: 500, bytesMax: 1e9 });
    if (next.length === 0) return;
    await keeper.commitMapped(next.map((delivery) => mapped(delivery, 2)));
  }
}

async function waiting(keeper: BufferKeeper): Promise<string[]> {
  const events = await leaseAll(keeper, { destination: 'mixpanel', source: 'shop', route: 'event' });
  return events.map(({ id }) => id);
}

async function filledFolder(place: string, count: number): Promise<string[]> {
  await using keeper = await inFolder(place);
  await fill(keeper, count);
  return await waiting(keeper);
}

describe('move', () => {
  it('prints what it counted on both sides, and no password', async () => {
    using folder = temporaryFolder('move');
    await filledFolder(folder.path, 3);
    const moved = await move(folder.path, url);
    expect(moved).toMatchObject({ code: 0 });
    expect(moved.out).toMatch(/^deliveries +3 +3$/m);
    expect(moved.out).toMatch(/^waiting events +6 +6$/m);
    expect(moved.out).toMatch(/^dedupe keys +3 +3$/m);
    expect(moved.err).toContain(`is in redis://127.0.0.1:${redis.port}/0 now`);
    expect(moved.out + moved.err).not.toMatch(/p4ss|geheim|mover/);
    const back = await move('REDIS_URL', join(folder.path, 'b'), ['--json'], { REDIS_URL: url });
    expect(JSON.parse(back.out)).toMatchObject({ same: true, counts: { from: { events: 6 }, to: { events: 6 } } });
    expect(back.out + back.err).not.toMatch(/p4ss|geheim|mover/);
  });

  it('says no password when Redis does not let it in', async () => {
    using folder = temporaryFolder('move');
    await filledFolder(folder.path, 1);
    const refused = await move(folder.path, url.replace('mover', 'stranger'));
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('cannot be used');
    expect(refused.err).not.toMatch(/p4ss|geheim|stranger/);
    // Nothing was begun.
    await (await inFolder(folder.path))[Symbol.asyncDispose]();
  });

  it('wants two places, each of them one, and not the same', async () => {
    const wrong: MoveOptions[] = [
      {},
      { from: 'data' },
      { from: 'data', to: './data' },
      { from: url, to: `redis://127.0.0.1:${redis.port}/0` },
      { from: 'data', to: 'https://example.com' },
      { from: 'data', to: 'REDIS_URL' },
      { from: 'data', to: 'other', shards: '2' },
      { from: 'data', to: url, shards: '0' },
      { unmark: 'data', to: url },
    ];
    for (const options of wrong) {
      const { code, err } = await call((context) => moveBuffer(options, context));
      expect([options, code]).toEqual([options, 2]);
      expect(err).not.toMatch(/p4ss|geheim/);
    }
  });

  it('does not begin with nothing, nor mixes two buffers', async () => {
    using folder = temporaryFolder('move');
    const nothing = await move(join(folder.path, 'nowhere'), url);
    expect(nothing).toMatchObject({ code: 1, err: expect.stringContaining('nothing to move') });
    const empty = await move(url, folder.path);
    expect(empty).toMatchObject({ code: 1, err: expect.stringContaining('nothing to move') });
    await filledFolder(folder.path, 1);
    {
      await using keeper = await inRedis();
      await fill(keeper, 1);
    }
    const mixed = await move(folder.path, url);
    expect(mixed).toMatchObject({ code: 1, err: expect.stringContaining('is not empty') });
  });
});

describe('a relay and a move', () => {
  it('keep out of one another: the move refuses while a relay uses either side', async () => {
    using folder = temporaryFolder('move');
    await filledFolder(folder.path, 1);
    {
      await using _relay = await inFolder(folder.path);
      const held = await move(folder.path, url);
      expect(held).toMatchObject({ code: 1, err: expect.stringContaining('is held by another relay: pid') });
    }
    {
      await using relay = await inRedis();
      const used = await move(folder.path, url);
      expect(used).toMatchObject({ code: 1, err: expect.stringContaining('stop them all, then move') });
      // And did it no harm.
      expect((await relay.accept(webhook(systemClock))).status).toBe('accepted');
    }
    await redis.ask('FLUSHALL');
    expect(await move(folder.path, url)).toMatchObject({ code: 0 });
  });

  it('a relay refuses to start on what was moved away, until its mark is taken away', async () => {
    using folder = temporaryFolder('move');
    const ids = await filledFolder(folder.path, 1);
    expect(await move(folder.path, url)).toMatchObject({ code: 0 });
    const served = await run(['serve'], { RELAY_DATA_DIR: folder.path, RELAY_PORT: '0', RELAY_ADMIN_PORT: '0' });
    expect(served.code).toBe(1);
    expect(served.err).toContain(`was moved to redis://127.0.0.1:${redis.port}/0`);
    expect(served.err).toContain('`trackrelay move --unmark`');
    const second = await move(folder.path, join(folder.path, 'b'));
    expect(second).toMatchObject({ code: 1, err: expect.stringContaining('was moved to') });
    expect(await run(['move', '--unmark', folder.path])).toMatchObject({ code: 0 });
    await using keeper = await inFolder(folder.path);
    expect(await waiting(keeper)).toEqual(ids);
  });

  it('the same of Redis: nobody starts on it, and one that comes back to it stops', async () => {
    using folder = temporaryFolder('move');
    {
      await using keeper = await inRedis(2);
      await fill(keeper, 1);
    }
    const late = await inRedis(2);
    await Promise.all([0, 1].map((shard) => redis.ask('HSET', `{relay:${shard}}:meta`, 'carried', 'it was moved')));
    // Not even what it asks for before it has looked around.
    const asked = [
      late.accept(webhook(systemClock)),
      leaseAll(late, { destination: 'mixpanel', source: 'shop', route: 'event' }),
    ];
    for (const one of await Promise.allSettled(asked))
      expect(one).toMatchObject({ status: 'rejected', reason: { message: 'it was moved' } });
    expect((await late.failed).message).toBe('it was moved');
    await expect(late.accept(webhook(systemClock))).rejects.toThrow('it was moved');
    await late.crash();
    await expect(inRedis(2)).rejects.toThrow('it was moved');
    await Promise.all([0, 1].map((shard) => redis.ask('HDEL', `{relay:${shard}}:meta`, 'carried')));
    expect(await move(url, folder.path)).toMatchObject({ code: 0 });
    await expect(inRedis(2)).rejects.toThrow(`was moved to ${folder.path}`);
    expect(await run(['move', '--unmark', url])).toMatchObject({ code: 0 });
    await (await inRedis(2))[Symbol.asyncDispose]();
  });
});

describe('a move that is killed', () => {
  it('goes on when it is run again, whenever it was, and nothing is there twice', async () => {
    using folder = temporaryFolder('move');
    const a = join(folder.path, 'a');
    const ids = await filledFolder(a, 2_500);
    const started = systemClock.monotonic();
    expect((await move(a, join(folder.path, 'whole'))).code).toBe(0);
    const wholeMs = systemClock.monotonic() - started;
    expect((await run(['move', '--unmark', a])).code).toBe(0);
    let killed = 0;
    for (let round = 1; round <= 6; round++) {
      const env = { PATH: '/usr/bin:/bin' };
      const child = spawn(process.execPath, [join(root, 'src/main.ts'), 'move', '--from', a, '--to', url], { env });
      const ended = once(child, 'exit');
      // From before its first write until about its end.
      await systemClock.wait((wholeMs * (round + 2)) / 7);
      child.kill('SIGKILL');
      const [code] = (await ended) as [number | null];
      if (code === 0) break;
      killed += 1;
      // What is half there is nobody's to serve, and the other half neither, once both have been marked.
      const begun = (await redis.ask('HGET', '{relay:0}:meta', 'move')).includes('arriving');
      if (!begun) continue;
      await expect(inRedis()).rejects.toThrow('was begun');
      await expect(inFolder(a)).rejects.toThrow('is being moved');
    }
    expect(killed).toBeGreaterThan(1);
    const last = await move(a, url);
    expect(last).toMatchObject({ code: 0, out: expect.stringMatching(/^waiting events +5000 +5000$/m) });
    await using keeper = await inRedis();
    expect(await waiting(keeper)).toEqual(ids);
    expect((await keeper.tally()).sources.shop).toMatchObject({ accepted: 2_500, created: 5_000, waiting: 5_000 });
    expect(await keeper.accept(webhook(systemClock, { key: 'k7' }))).toMatchObject({ status: 'duplicate' });
  }, 60_000);

  it('that was over says so, and gives nothing a second time after relays worked on', async () => {
    using folder = temporaryFolder('move');
    await filledFolder(folder.path, 5);
    expect((await move(folder.path, url)).code).toBe(0);
    {
      await using keeper = await inRedis();
      const events = await leaseAll(keeper, { destination: 'mixpanel', source: 'shop', route: 'event' });
      await keeper.settle(events.map(({ position }) => ({ position, state: 'delivered' })));
    }
    const again = await move(folder.path, url);
    expect(again).toMatchObject({ code: 0, err: expect.stringContaining('was over before') });
    await using keeper = await inRedis();
    expect(await waiting(keeper)).toEqual([]);
    expect((await keeper.tally()).sources.shop).toMatchObject({ delivered: 10, waiting: 0 });
  });
});

it('what waited in a folder is delivered from Redis, each once, and what comes again is a repeat', async () => {
  await using journey = await Journey.open('moved');
  journey.sandbox.faults.order({ status: 503, times: 1_000_000 });
  await journey.start();
  const { webhook: first, answer } = await journey.sendFresh();
  await journey.sendMany(300);
  await journey.stop();
  journey.sandbox.faults.clear();
  expect((await move(journey.dataDir, url, ['--shards', '2'])).code).toBe(0);
  await journey.start({ REDIS_URL: url, RELAY_REDIS_SHARDS: '2' });
  const id = (JSON.parse(answer.text) as { delivery: string }).delivery;
  expect(JSON.parse((await journey.sendThis(first)).text)).toEqual({ delivery: id, status: 'duplicate' });
  await journey.sendMany(50);
  await journey.settled();
  expect(journey.oracle.differences(journey.sandbox)).toEqual([]);
  const { raw, distinct } = journey.sandbox.state().events;
  expect([raw, distinct]).toEqual([351, 351]);
}, 120_000);
