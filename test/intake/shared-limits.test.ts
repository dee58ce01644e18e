/** Limits over several relays, on a real Redis: together they keep to one rate; when it is slow or gone each keeps to it by itself. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openRedisCounters, type RedisCounters } from '../../src/buffer/redis/counters.ts';
import { systemClock } from '../../src/clock.ts';
import { SharedCounting } from '../../src/intake/shared-counting.ts';
import type { Rate } from '../../src/model.ts';
import { RedisServer } from '../support/redis-server.ts';
import { type Door, type DoorChange, openDoor, post, signed, source } from './door.ts';

const perMinute = (count: number): Rate => ({ count, windowMs: 60_000 });
/** Where it is asked how much goes through, and not how fast a machine is that others use, too. */
const patientMs = 10_000;
/** What a request may take that nobody makes wait: a held one would take as long as Redis is away. */
const promptMs = 1_500;

let server: RedisServer;
let open: AsyncDisposableStack;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.remove());
beforeEach(async () => {
  await server.ask('FLUSHALL');
  open = new AsyncDisposableStack();
});
afterEach(() => open.disposeAsync());

/** Only the monotonic hand moves. */
function movable() {
  let at = 1_000;
  return { clock: { ...systemClock, monotonic: () => at }, move: (ms: number) => (at += ms) };
}

async function counters(): Promise<RedisCounters> {
  const made = open.use(openRedisCounters({ url: server.url, clock: systemClock }));
  await vi.waitFor(() => made.command(['PING']), { timeout: 5_000, interval: 5 });
  return made;
}

/** As Redis has it. */
async function countOf(key: string): Promise<number> {
  const [, count = '0'] = (await server.ask('GET', `{relay:limits}:${key}`)).split('\r\n');
  return Number(count);
}

type RelayChange = DoorChange & { readonly accept?: never; readonly rate?: Rate };
type Relay = Door & {
  readonly counting: SharedCounting;
  /** From now on it waits no longer than it does outside of tests. */
  readonly hurry: () => void;
};

async function relay(change: RelayChange = {}): Promise<Relay> {
  const { rate = perMinute(100), clock = systemClock, ...rest } = change;
  let waitMs = patientMs;
  const patience = {
    get waitMs() {
      return waitMs;
    },
  };
  const counting = new SharedCounting(Object.assign(patience, { counters: await counters(), clock }));
  const limits = { accept: rate, forward: null };
  const door = await openDoor({ clock, sources: [source({ limits })], shared: counting, ...rest });
  open.use(door);
  const hurry = () => {
    waitMs = 40;
  };
  return { ...door, counting, hurry };
}

/** So many webhooks, some at a time; how many of them were taken. */
async function takenOf(doors: readonly Door[], count: number, headers?: Record<string, string>): Promise<number> {
  const statuses: number[] = [];
  const ask = async (first: number) => {
    for (let at = first; at < count; at += 12)
      statuses.push((await post(doors[at % doors.length] as Door, '{}', headers)).status);
  };
  await Promise.all(Array.from({ length: 12 }, (_, first) => ask(first)));
  expect(statuses.filter((status) => status !== 200 && status !== 429 && status !== 401)).toEqual([]);
  return statuses.filter((status) => status !== 429).length;
}

async function promptly(door: Door, headers = signed('{}')): Promise<number> {
  const began = performance.now();
  const { status } = await post(door, '{}', headers);
  expect(performance.now() - began).toBeLessThan(promptMs);
  return status;
}

async function statusesOf(door: Door, count: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let at = 0; at < count; at++) statuses.push(await promptly(door));
  return statuses;
}

/** Requests find out by themselves that Redis is back. */
async function sharedAgain(door: Relay, move: (ms: number) => void): Promise<void> {
  const look = async () => {
    move(500);
    await post(door, '{}');
    expect(door.counting.shared).toBe(true);
  };
  await vi.waitFor(look, { timeout: 5_000, interval: 20 });
}

describe('three relays with one Redis', () => {
  it('take together what one may take of a source, to within five in a hundred', async () => {
    const doors = [await relay(), await relay(), await relay()];
    const taken = await takenOf(doors, 240);
    expect(taken).toBeGreaterThanOrEqual(95);
    expect(taken).toBeLessThanOrEqual(105);
  });

  it('would take three times as much if each counted for itself', async () => {
    const limits = { accept: perMinute(100), forward: null };
    const alone = () => openDoor({ sources: [source({ limits })] }).then((door) => open.use(door));
    expect(await takenOf([await alone(), await alone(), await alone()], 360)).toBe(300);
  });

  it('stop listening to an address at what it was refused by all of them, to within five in a hundred', async () => {
    const refusedPerAddress = perMinute(100);
    const each = () => relay({ rate: perMinute(10_000), refusedPerAddress });
    const doors = [await each(), await each(), await each()];
    let refused = 0;
    for (let at = 0; at < 130; at++) {
      // Counting is nobody's wait: here each refusal is in Redis before the next comes.
      await vi.waitFor(async () => expect(await countOf('address:60000:127.0.0.1')).toBe(refused), {
        interval: 1,
        timeout: 15_000,
      });
      if ((await post(doors[at % 3] as Door, '{}', signed('{ }'))).status === 401) refused += 1;
    }
    expect(refused).toBeGreaterThanOrEqual(95);
    expect(refused).toBeLessThanOrEqual(105);
    for (const door of doors) expect((await post(door, '{}')).status).toBe(429);
  });

  it('never count good webhooks on their address', async () => {
    const doors = [await relay({ refusedPerAddress: perMinute(2) }), await relay({ refusedPerAddress: perMinute(2) })];
    expect(await takenOf(doors, 40)).toBe(40);
  });

  it('refuse with the same words as one alone, with the time that is left for all', async () => {
    const doors = [await relay({ rate: perMinute(1) }), await relay({ rate: perMinute(1) })];
    await post(doors[0] as Door, '{}');
    await server.ask('PEXPIRE', '{relay:limits}:source:acme:60000:acme', '30000');
    const { status, headers, body } = await post(doors[1] as Door, '{}');
    expect([status, body.code]).toEqual([429, 'limited']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(25);
    expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(30);
    expect(headers.get('ratelimit')).toBe(`"acme"; r=0; t=${headers.get('retry-after')}`);
    expect(headers.get('ratelimit-policy')).toMatch(/^"acme"; q=1; w=60; pk=:[\w+/=]+:$/);
  });

  it('begin anew when the rate gets another window', async () => {
    const before = await relay({ rate: { count: 1, windowMs: 3_600_000 } });
    expect(await statusesOf(before, 2)).toEqual([200, 429]);
    expect(await statusesOf(await relay({ rate: perMinute(1) }), 2)).toEqual([200, 429]);
  });

  it('go on together when Redis forgot their scripts', async () => {
    const [one, other] = [await relay({ rate: perMinute(3) }), await relay({ rate: perMinute(3) })];
    expect(await statusesOf(one, 1)).toEqual([200]);
    await server.ask('SCRIPT', 'FLUSH');
    expect(await statusesOf(one, 1)).toEqual([200]);
    expect(await statusesOf(other, 2)).toEqual([200, 429]);
    expect(one.counting.shared).toBe(true);
  });

  it('leave nothing in Redis that does not end with its window', async () => {
    const door = await relay();
    await post(door, '{}');
    await post(door, '{}', signed('{ }'));
    await vi.waitFor(async () => expect(await server.ask('DBSIZE')).toBe(':2\r\n'), { interval: 5, timeout: 15_000 });
    for (const key of ['source:acme:60000:acme', 'address:60000:127.0.0.1']) {
      const left = Number((await server.ask('PTTL', `{relay:limits}:${key}`)).slice(1));
      expect(left).toBeGreaterThan(50_000);
      expect(left).toBeLessThanOrEqual(60_000);
    }
  });
});

describe('a relay whose Redis', () => {
  it('stands still answers at once, and limits from where all were', async () => {
    const { clock, move } = movable();
    const change = { rate: perMinute(5), clock };
    const [one, other] = [await relay(change), await relay(change)];
    expect([await promptly(one), await promptly(other), await promptly(one)]).toEqual([200, 200, 200]);
    one.hurry();
    server.freeze();
    try {
      expect(await statusesOf(one, 4)).toEqual([200, 200, 429, 429]);
      expect(one.counting.shared).toBe(false);
    } finally {
      server.thaw();
    }
    await sharedAgain(other, move);
  });

  it('stands still makes only the first wait', async () => {
    const { clock, move } = movable();
    const door = await relay({ rate: perMinute(100), clock });
    await post(door, '{}');
    door.hurry();
    server.freeze();
    try {
      await post(door, '{}');
      const asked = vi.spyOn(door.counting.counters, 'command');
      await statusesOf(door, 5);
      expect(asked).not.toHaveBeenCalled();
      move(500);
      await statusesOf(door, 5);
      expect(asked).toHaveBeenCalledOnce();
    } finally {
      server.thaw();
    }
  });

  it('is gone refuses neither everyone nor no one, and says nothing on the console', async () => {
    const said = (['log', 'warn', 'error'] as const).map((word) => vi.spyOn(console, word));
    const { clock, move } = movable();
    const door = await relay({ rate: perMinute(3), refusedPerAddress: perMinute(4), clock });
    await server.kill();
    try {
      expect(await statusesOf(door, 4)).toEqual([200, 200, 200, 429]);
      // Of the address one was refused by now.
      for (let at = 0; at < 4; at++) expect(await promptly(door, signed('{ }'))).toBe(401);
      expect(await promptly(door, signed('{ }'))).toBe(429);
      move(60_001);
      expect(await promptly(door)).toBe(200);
      const late = await relayWithoutRedis();
      expect(await statusesOf(late, 4)).toEqual([200, 200, 200, 429]);
      for (const word of said) expect(word).not.toHaveBeenCalled();
    } finally {
      await server.startAgain();
      for (const word of said) word.mockRestore();
    }
  });

  /** Started while there is none. */
  async function relayWithoutRedis(): Promise<Door> {
    const shared = new SharedCounting({
      counters: open.use(openRedisCounters({ url: server.url, clock: systemClock })),
      clock: systemClock,
    });
    const limits = { accept: perMinute(3), forward: null };
    return open.use(await openDoor({ sources: [source({ limits })], shared }));
  }

  it('comes back counts with the others again, by itself', async () => {
    const { clock, move } = movable();
    const change = { rate: perMinute(200), clock };
    const [one, other] = [await relay(change), await relay(change)];
    await server.kill();
    expect(await promptly(one)).toBe(200);
    expect(one.counting.shared).toBe(false);
    await server.startAgain();
    await sharedAgain(one, move);
    await sharedAgain(other, move);
    move(60_001);
    await server.ask('FLUSHALL');
    const taken = await takenOf([one, other], 300);
    expect(taken).toBeGreaterThanOrEqual(190);
    expect(taken).toBeLessThanOrEqual(210);
  });

  it('comes back hears what was taken without it', async () => {
    const { clock, move } = movable();
    const [one, other] = [await relay({ rate: perMinute(50), clock }), await relay({ rate: perMinute(50) })];
    expect(await promptly(one)).toBe(200);
    one.hurry();
    server.freeze();
    try {
      expect(await takenOf([one], 40)).toBe(40);
    } finally {
      server.thaw();
    }
    await sharedAgain(one, move);
    // Its next webhook hands over what the ones before it took.
    await post(one, '{}');
    await vi.waitFor(async () => expect(await countOf('source:acme:60000:acme')).toBeGreaterThan(40), {
      interval: 5,
      timeout: 15_000,
    });
    // Those that were asked while it stood still it counts a second time: at most as many as came at once.
    expect(await takenOf([other], 20)).toBeLessThan(10);
  });

  it('has no memory left counts by itself', async () => {
    const door = await relay({ rate: perMinute(2) });
    await server.ask('CONFIG', 'SET', 'maxmemory', '1');
    try {
      expect(await statusesOf(door, 3)).toEqual([200, 200, 429]);
      expect(door.counting.shared).toBe(false);
    } finally {
      await server.ask('CONFIG', 'SET', 'maxmemory', '0');
    }
  });
});
