/** Whole lanes on one real Redis: three relays keep to one limit, also when the one that sends dies or Redis goes away. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RedisBuffer } from '../../src/buffer/redis/keeper.ts';
import { systemClock as clock } from '../../src/clock.ts';
import type { Destination } from '../../src/destinations/contract.ts';
import { createForwarder, type Forwarder } from '../../src/forward/forwarder.ts';
import type { Outcome } from '../../src/model.ts';
import { accept, emptiedRedis, mapAll } from '../support/redis-keeper.ts';

type Sent = { readonly relay: number; readonly at: number; readonly positions: readonly number[] };
type Relay = { readonly number: number; readonly buffer: RedisBuffer; readonly forwarder: Forwarder };

const rate = { count: 200, windowMs: 1_000 };
const leaseMs = 2_000;

describe('three relays on one Redis', () => {
  const redis = emptiedRedis();
  let relays: Relay[];
  let sent: Sent[];
  let answer: Outcome;
  /** Those whose requests never end: their relay is dead. */
  let dead: Set<number>;
  beforeEach(async () => {
    [sent, dead, answer] = [[], new Set(), { kind: 'delivered' }];
    relays = await Promise.all([0, 1, 2].map(open));
  });
  afterEach(async () => {
    await Promise.all(relays.map(({ forwarder }) => forwarder.stop()));
    await Promise.all(relays.map(({ buffer }) => buffer[Symbol.asyncDispose]()));
  });

  async function open(number: number): Promise<Relay> {
    const buffer = await redis.open();
    const destination: Destination = {
      ...{ name: 'mixpanel', address: 'test', eventAgeMaxMs: null, probe: null },
      sizeOf: ({ json }) => json.length,
      async send(events) {
        if (dead.has(number)) return new Promise(() => {});
        sent.push({ relay: number, at: clock.monotonic(), positions: events.map(({ position }) => position) });
        return { outcome: answer, status: 200, durationMs: 1, bytes: 0 };
      },
      [Symbol.asyncDispose]: async () => {},
    };
    const forwarder = createForwarder({
      ...{ buffer, destination, clock, leaseMs, concurrency: 10, giveUpAfterMs: 3_600_000, stopGraceMs: 100 },
      ...{ forwardRate: () => rate, sendership: buffer.sendership({ project: 'mixpanel', destination: 'mixpanel' }) },
      batch: { eventsMax: 20, bytesMax: 1_900_000, lingerMs: 0 },
      retry: { baseMs: 100, maxMs: 1_000, jitterMs: [0, 0] },
    });
    forwarder.start();
    return { number, buffer, forwarder };
  }

  async function put(count: number): Promise<void> {
    const [{ buffer }] = relays as [Relay];
    await accept(buffer, { key: `key-${clock.random()}` });
    await mapAll(buffer, count);
  }
  const waiting = async () => (await relays[0]?.buffer.tally())?.waitingByDestination.mixpanel ?? 0;
  const events = () => sent.reduce((sum, { positions }) => sum + positions.length, 0);
  const inFirstSecond = (some: readonly Sent[]) =>
    some.filter(({ at }) => at < (some[0]?.at ?? 0) + 1_000).reduce((sum, { positions }) => sum + positions.length, 0);

  it('send as fast as one may, and only one of them does', { timeout: 20_000 }, async () => {
    await put(1_000);
    await expect.poll(events, { timeout: 5_000 }).toBeGreaterThan(0);
    const [began, before] = [clock.monotonic(), events()];
    await expect.poll(events, { timeout: 8_000 }).toBe(1_000);
    const perSecond = ((1_000 - before) / (clock.monotonic() - began)) * 1_000;
    expect(new Set(sent.map(({ relay }) => relay)).size).toBe(1);
    expect(perSecond).toBeGreaterThan(rate.count * 0.9);
    expect(perSecond).toBeLessThan(rate.count * 1.05);
  });

  it('go on when the one that sends is killed, each event once, and no faster', { timeout: 30_000 }, async () => {
    await put(1_200);
    await expect.poll(events, { timeout: 5_000 }).toBeGreaterThan(300);
    const first = sent[0]?.relay ?? 0;
    const killedAt = clock.monotonic();
    dead.add(first);
    const [killed] = relays.splice(
      relays.findIndex(({ number }) => number === first),
      1,
    );
    await killed?.buffer.crash();
    const others = () => sent.filter(({ relay, at }) => relay !== first && at > killedAt);
    await expect.poll(() => others().length, { timeout: 6_000 }).toBeGreaterThan(0);
    expect((others()[0]?.at ?? 0) - killedAt).toBeLessThan(5_000);
    await expect.poll(waiting, { timeout: 15_000, interval: 200 }).toBe(0);
    expect(new Set(others().map(({ relay }) => relay)).size).toBe(1);
    expect(new Set(sent.flatMap(({ positions }) => positions)).size).toBe(1_200);
    // A full bucket would be as much again.
    expect(inFirstSecond(others())).toBeLessThan(rate.count * 1.3);
    void killed?.forwarder.stop();
  });

  it('send again within 3 s of the return of a killed Redis', { timeout: 30_000 }, async () => {
    await put(2_000);
    await expect.poll(events, { timeout: 5_000 }).toBeGreaterThan(100);
    await redis.server.kill();
    await clock.wait(4_000);
    const stood = events();
    await clock.wait(500);
    expect(events()).toBe(stood);
    await redis.server.startAgain();
    const backAt = clock.monotonic();
    await expect.poll(events, { timeout: 3_000, interval: 10 }).toBeGreaterThan(stood);
    expect(clock.monotonic() - backAt).toBeLessThan(3_000);
  });

  it('tell of a destination that fails on each of them, and when it is well again', { timeout: 20_000 }, async () => {
    answer = { kind: 'retry', reason: 'server_error', message: 'HTTP 503', slowDown: false };
    const states = () => relays.map(({ forwarder }) => forwarder.status().state);
    expect(states()).toEqual(['ok', 'ok', 'ok']);
    await put(10);
    await expect.poll(states, { timeout: 5_000 }).toEqual(['failing', 'failing', 'failing']);
    expect(relays.map(({ forwarder }) => forwarder.status().lastError?.message)).toEqual(Array(3).fill('HTTP 503'));
    answer = { kind: 'delivered' };
    await expect.poll(states, { timeout: 5_000 }).toEqual(['ok', 'ok', 'ok']);
  });
});
