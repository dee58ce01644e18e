/** How long anybody waits for a shared count, and what is remembered of it here. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openRedisCounters } from '../../src/buffer/redis/counters.ts';
import { systemClock } from '../../src/clock.ts';
import { SharedCounting } from '../../src/intake/shared-counting.ts';
import { SharedStore } from '../../src/intake/shared-store.ts';
import { WindowStore } from '../../src/intake/window-store.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { RedisServer } from '../support/redis-server.ts';

const silent = () => new Promise<never>(() => {});
const counters = { prefix: 'test:', command: silent };

describe('asking for a shared count', () => {
  function asking() {
    const clock = createFakeClock();
    const turns: string[] = [];
    const counting = new SharedCounting({
      ...{ counters, clock },
      turned: ({ shared, why }) => void turns.push(`${shared ? 'shared' : 'apart'}: ${why}`),
    });
    return { clock, counting, turns };
  }
  /** Nobody answered its first question. */
  async function apart() {
    const made = asking();
    const asked = made.counting.ask(silent);
    await made.clock.advance(40);
    await asked;
    return made;
  }

  it('waits 40 ms for an answer and not longer', async () => {
    const { clock, counting, turns } = asking();
    let answered = false;
    const asked = counting.ask(silent).then((answer) => {
      answered = true;
      return answer;
    });
    await clock.advance(39);
    expect(answered).toBe(false);
    await clock.advance(1);
    expect(await asked).toBeNull();
    expect(turns).toEqual(['apart: no answer within 40 ms']);
  });

  it('gives the answer that comes in time, and leaves no wait behind', async () => {
    const { clock, counting, turns } = asking();
    expect(await counting.ask(async () => ({ totalHits: 7 }))).toEqual({ totalHits: 7 });
    expect([counting.shared, turns, clock.waits()]).toEqual([true, [], []]);
  });

  it('takes a failure for no answer and never rejects', async () => {
    const { counting, turns } = asking();
    expect(await counting.ask(() => Promise.reject(new Error('Redis is away')))).toBeNull();
    expect(turns).toEqual(['apart: Redis is away']);
  });

  it('asks nobody while it is apart, and waits for nothing', async () => {
    const { clock, counting } = await apart();
    let asked = 0;
    const question = () => {
      asked += 1;
      return silent();
    };
    for (let at = 0; at < 100; at++) expect(await counting.ask(question)).toBeNull();
    expect([asked, clock.waits()]).toEqual([0, []]);
  });

  it('tries one question after the pause, whose answer nobody waits for, and shares again', async () => {
    const { clock, counting, turns } = await apart();
    await clock.advance(500);
    let asked = 0;
    const answer = Promise.withResolvers<object>();
    const question = () => {
      asked += 1;
      return answer.promise;
    };
    for (let at = 0; at < 5; at++) expect(await counting.ask(question)).toBeNull();
    expect(asked).toBe(1);
    answer.resolve({});
    await clock.advance(1);
    expect(turns).toEqual(['apart: no answer within 40 ms', 'shared: Redis answers']);
    expect(await counting.ask(async () => ({}))).toEqual({});
  });

  it('stays apart for another pause when the trial is slow, too', async () => {
    const { clock, counting } = await apart();
    await clock.advance(500);
    await counting.ask(silent);
    await clock.advance(40);
    let asked = 0;
    const question = async () => {
      asked += 1;
      return {};
    };
    await clock.advance(499);
    await counting.ask(question);
    expect([counting.shared, asked]).toEqual([false, 0]);
    await clock.advance(1);
    await counting.ask(question);
    await clock.advance(0);
    expect([counting.shared, asked]).toEqual([true, 1]);
  });

  it('lets only so many wait at once', async () => {
    const { counting } = asking();
    const answer = Promise.withResolvers<object>();
    const waiting = Array.from({ length: 5_000 }, () => counting.ask(() => answer.promise));
    expect(await counting.ask(silent)).toBeNull();
    expect(counting.shared).toBe(true);
    answer.resolve({});
    expect(await Promise.all(waiting)).not.toContain(null);
  });
});

describe('a window that all relays count', () => {
  function window() {
    const clock = createFakeClock();
    return { clock, store: new WindowStore({ name: 'test', windowMs: 1_000, keysMax: 2, clock }) };
  }

  it('goes on here from what all have counted, and ends when theirs does', async () => {
    const { clock, store } = window();
    store.ask('a');
    expect(store.adopt('a', 10, 300).totalHits).toBe(10);
    expect(store.increment('a').totalHits).toBe(11);
    await clock.advance(299);
    expect(store.hits('a')).toBe(11);
    await clock.advance(1);
    expect(store.hits('a')).toBe(0);
  });

  it('adds to what all have counted what only this relay did, and hands it over once', () => {
    const { store } = window();
    store.increment('a');
    store.increment('a');
    store.ask('a');
    expect(store.adopt('a', 5, 900).totalHits).toBe(7);
    expect([store.handOver('a'), store.handOver('a')]).toEqual([2, 0]);
    expect(store.hits('a')).toBe(7);
  });

  it('takes nothing over into the next window', async () => {
    const { clock, store } = window();
    store.increment('a');
    await clock.advance(600);
    store.ask('a');
    expect(store.adopt('a', 1, 1_000).totalHits).toBe(1);
    expect(store.handOver('a')).toBe(0);
  });

  it('counts what is on its way, until it is known what came of it', () => {
    const { store } = window();
    store.ask('a');
    store.ask('a');
    expect(store.hits('a')).toBe(2);
    store.adopt('a', 1, 1_000);
    expect(store.hits('a')).toBe(2);
    store.missed('a');
    expect(store.hits('a')).toBe(2);
  });

  it('has no room for a new key while as many run as there may be', async () => {
    const { clock, store } = window();
    store.increment('a');
    store.increment('b');
    expect([store.hasRoomFor('a'), store.hasRoomFor('c')]).toEqual([true, false]);
    await clock.advance(1_000);
    expect(store.hasRoomFor('c')).toBe(true);
  });
});

describe('the count of a limiter on a real Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.remove());
  beforeEach(() => server.ask('FLUSHALL'));

  /** As one relay has it. */
  async function relay(limit: number, keysMax = 1) {
    const redis = openRedisCounters({ url: server.url, clock: systemClock });
    await vi.waitFor(() => redis.command(['PING']), { timeout: 5_000, interval: 5 });
    const counting = new SharedCounting({ counters: redis, clock: systemClock, waitMs: 10_000 });
    const windows = new WindowStore({ name: 'test', windowMs: 60_000, keysMax, clock: systemClock });
    const store = new SharedStore({ counting, windows, limit, clock: systemClock });
    store.init({ windowMs: 60_000 } as Parameters<typeof store.init>[0]);
    return { store, counting, redis, [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose]() };
  }

  it('makes no more keys than there may be for a crowd of addresses', async () => {
    await using one = await relay(10, 50);
    for (let at = 0; at < 500; at++) await one.store.increment(`203.0.113.${at}`);
    expect(one.counting.shared).toBe(true);
    expect(await server.ask('DBSIZE')).toBe(':50\r\n');
  });

  it('holds a large limit over three relays to within five in a hundred, with few questions', async () => {
    await using stack = new AsyncDisposableStack();
    const relays = await Promise.all([relay(8_000), relay(8_000), relay(8_000)]);
    for (const each of relays) stack.use(each);
    const asked = relays.map(({ redis }) => vi.spyOn(redis, 'command'));
    let taken = 0;
    const send = async ({ store }: (typeof relays)[number]) => {
      for (let at = 0; at < 400; at++) if ((await store.increment('acme')).totalHits <= 8_000) taken += 1;
    };
    await Promise.all(relays.flatMap((each) => Array.from({ length: 10 }, () => send(each))));
    expect(taken).toBeGreaterThanOrEqual(7_600);
    expect(taken).toBeLessThanOrEqual(8_400);
    for (const spy of asked) expect(spy.mock.calls.length).toBeLessThan(2_000);
  });

  it('makes nobody wait for a large limit that is far away, but for the first of a window', async () => {
    await using one = await relay(8_000);
    const first = [one.store.increment('acme'), one.store.increment('acme')];
    for (const answer of first) expect(answer).toBeInstanceOf(Promise);
    expect(await Promise.all(first)).toMatchObject([{ totalHits: 1 }, { totalHits: 2 }]);
    server.freeze();
    try {
      for (let at = 3; at <= 20; at++) expect(one.store.increment('acme')).toMatchObject({ totalHits: at });
    } finally {
      server.thaw();
    }
  });

  it('lets nothing through on credit when the limit is small', async () => {
    await using one = await relay(399);
    await one.store.increment('acme');
    expect(one.store.increment('acme')).toBeInstanceOf(Promise);
  });
});
