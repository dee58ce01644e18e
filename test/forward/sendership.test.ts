/** Several relays share one destination: one of them sends, and what it knows of the destination goes over to the next one. */
import { describe, expect, test } from 'vitest';
import { noteLengthMax } from '../../src/buffer/sendership.ts';
import { Ceilings } from '../../src/forward/ceiling.ts';
import { Circuit } from '../../src/forward/circuit.ts';
import type { Outcome } from '../../src/model.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { openLane } from '../support/lane.ts';
import { openSharing, type Request } from '../support/sharing.ts';

const broken: Outcome = { kind: 'retry', reason: 'server_error', message: 'HTTP 503', slowDown: false };
const tooMuch: Outcome = { kind: 'retry', reason: 'rate_limited', message: 'HTTP 429', slowDown: true };
const refused: Outcome = { kind: 'pause', reason: 'unauthorized', message: 'HTTP 401' };
const small = { eventsMax: 10, bytesMax: 1_900_000, lingerMs: 0 };

const eventsOf = (requests: readonly Request[]) => requests.reduce((sum, { events }) => sum + events, 0);

describe('the one that sends', () => {
  test('sends; the other one leases and sends nothing', async () => {
    await using sharing = openSharing();
    const { one, other } = sharing;
    one.put(5);
    other.put(5);
    await sharing.clock.advance(60_000);
    expect(sharing.requests.map(({ relay }) => relay)).toEqual(['one']);
    expect(one.keeper.waiting()).toBe(0);
    expect(other.keeper.leases).toEqual([]);
  });

  test('begins at once when it is told that it is the one', async () => {
    await using sharing = openSharing();
    const { other } = sharing;
    other.put(5);
    await sharing.clock.advance(10);
    expect(sharing.requests).toEqual([]);
    sharing.senders.make('other');
    await sharing.clock.advance(0);
    expect(sharing.requests).toEqual([{ relay: 'other', at: 10, events: 5 }]);
  });

  test('starts nothing when another one is it; what is in flight is settled, what is in hand given back', async () => {
    await using sharing = openSharing({ batch: small, concurrency: 1 });
    const { one } = sharing;
    const { promise, resolve } = Promise.withResolvers<void>();
    sharing.holding = promise;
    // Three batches go, one of them to be sent again.
    one.put(20);
    await sharing.clock.advance(0);
    sharing.senders.make('other');
    await sharing.clock.advance(0);
    expect(one.keeper.leased()).toBe(10);
    resolve();
    await sharing.clock.advance(60_000);
    expect(one.keeper.delivered.length).toBe(10);
    expect(one.keeper.leased()).toBe(0);
    expect(sharing.requests.length).toBe(1);
  });

  test('gives back what was to be sent again once another one sends', async () => {
    await using sharing = openSharing();
    const { one } = sharing;
    sharing.answers.push(broken);
    one.put(10);
    await sharing.clock.advance(100);
    expect(one.keeper.leased()).toBe(10);
    sharing.senders.make('other');
    await sharing.clock.advance(0);
    expect(one.keeper.leased()).toBe(0);
    await sharing.clock.advance(60_000);
    expect(sharing.requests.length).toBe(1);
  });

  test('starts nothing while it hears of nobody, keeps what is in hand, and goes on when it hears again', async () => {
    await using sharing = openSharing();
    const { one } = sharing;
    sharing.answers.push(broken);
    one.put(10);
    await sharing.clock.advance(100);
    sharing.senders.goAway();
    await sharing.clock.advance(20_000);
    expect(sharing.requests.length).toBe(1);
    expect(one.keeper.leased()).toBe(10);
    sharing.senders.comeBack();
    await sharing.clock.advance(0);
    expect(sharing.requests.map(({ at }) => at)).toEqual([0, 20_100]);
    expect(one.keeper.delivered.length).toBe(10);
  });

  test('does not send what it leased while it stopped being it', async () => {
    await using sharing = openSharing();
    const { one } = sharing;
    const lease = one.keeper.lease.bind(one.keeper);
    one.keeper.lease = async (request) => {
      const events = await lease(request);
      if (events.length > 0) sharing.senders.make('other');
      return events;
    };
    one.put(10);
    await sharing.clock.advance(0);
    expect(one.keeper.leases.length).toBe(1);
    expect(one.keeper.leased()).toBe(0);
    expect(sharing.requests).toEqual([]);
  });

  test('does not send an update that goes once when it stopped being it while that was begun, nor calls it begun', async () => {
    await using sharing = openSharing();
    const { one } = sharing;
    const begin = one.keeper.begin.bind(one.keeper);
    one.keeper.begin = async (positions) => {
      await begin(positions);
      sharing.senders.make('other');
    };
    one.put(1, 'profile_once');
    await sharing.clock.advance(0);
    expect(sharing.requests).toEqual([]);
    one.keeper.begin = begin;
    sharing.senders.make('one');
    await sharing.clock.advance(0);
    expect(one.keeper.delivered.length).toBe(1);
    expect(one.keeper.dead).toEqual([]);
  });

  test('resigns when it stops, after what was in flight has ended', async () => {
    await using sharing = openSharing();
    const { one } = sharing;
    const { promise, resolve } = Promise.withResolvers<void>();
    sharing.holding = promise;
    one.put(10);
    await sharing.clock.advance(0);
    const stopped = one.forwarder.stop();
    await sharing.clock.advance(100);
    expect(sharing.senders.resigned).toEqual([]);
    resolve();
    await stopped;
    expect(sharing.senders.resigned).toEqual(['one']);
    expect(one.keeper.delivered.length).toBe(10);
  });
});

describe('what goes over to the next one', () => {
  test('is a wait that the destination asked for: the next one waits for the rest of it', async () => {
    await using sharing = openSharing();
    const { one, other } = sharing;
    sharing.answers.push({ ...tooMuch, retryAfterMs: 60_000 });
    one.put(10);
    other.put(10);
    await sharing.clock.advance(20_000);
    sharing.senders.make('other');
    await sharing.clock.advance(39_999);
    expect(sharing.requests.length).toBe(1);
    await sharing.clock.advance(1);
    expect(sharing.requests.slice(1)).toEqual([{ relay: 'other', at: 60_000, events: 10 }]);
  });

  test('is a pause, and a pause that is over makes nobody wait', async () => {
    await using sharing = openSharing();
    const { one, other } = sharing;
    sharing.answers.push(refused);
    one.put(10);
    await sharing.clock.advance(1_000);
    sharing.senders.make(null);
    await sharing.clock.advance(99_000);
    other.put(10);
    sharing.senders.make('other');
    expect(other.forwarder.status()).toMatchObject({ state: 'paused' });
    await sharing.clock.advance(0);
    expect(sharing.requests.at(-1)).toEqual({ relay: 'other', at: 100_000, events: 10 });
    expect(other.forwarder.status()).toMatchObject({ state: 'ok' });
  });

  test('is how often it failed: the next wait is the longer one', async () => {
    await using sharing = openSharing();
    const { one, other } = sharing;
    sharing.answers.push(broken, broken, broken);
    one.put(10);
    other.put(10);
    // 2 s and 1 s, then 4 s and 1 s.
    await sharing.clock.advance(3_500);
    sharing.senders.make('other');
    await sharing.clock.advance(40_000);
    expect(sharing.requests.map(({ relay, at }) => `${relay} ${at}`)).toEqual([
      'one 0',
      'one 3000',
      'other 8000',
      'other 17000',
    ]);
  });

  test('is the rate that was found', async () => {
    await using sharing = openSharing({ sender: null });
    const { one, other } = sharing;
    const limit = { rate: 100, burstMs: 1_000, sure: true };
    const state = { state: 'ok', since: 0, failures: 0, waitMs: 0, lastError: null, lastSuccessAt: null };
    sharing.senders.write(JSON.stringify({ by: 'one before', ...state, limit }));
    other.put(3_000);
    sharing.senders.make('other');
    await sharing.clock.advance(10_000);
    const events = eventsOf(sharing.requests);
    expect(events).toBeGreaterThan(900);
    expect(events).toBeLessThan(1_100);
    expect(one.forwarder.status()).toMatchObject({ rateLimit: 100 });
  });

  test('is the rate that a 429 tells, also when its wait is not over yet', async () => {
    const clock = createFakeClock();
    const retry = { baseMs: 2_000, maxMs: 60_000, jitterMs: [0, 0] as const };
    const [one, other] = [0, 1].map(() => new Circuit({ clock, concurrency: 1, retry, eventsMax: 200 })) as [
      Circuit,
      Circuit,
    ];
    const load = { events: 200, bytes: 1_000 };
    const answered = { events: 200, durationMs: 0 };
    for (let request = 0; request < 30; request++) {
      one.settle(one.begin(load), { kind: 'delivered' }, answered);
      await clock.advance(100);
    }
    expect(one.note().limit).toBe(null);
    one.settle(one.begin(load), tooMuch, answered);
    const note = one.note();
    await clock.advance(3_000);
    one.eventsMax();
    expect(note.limit?.rate).toBeCloseTo(one.note().limit?.rate ?? 0);
    other.goOnFrom(note, 0);
    expect(other.status()).toMatchObject({ state: 'failing', rateLimit: note.limit?.rate });
  });

  test('is nothing where nobody met a limit', async () => {
    await using sharing = openSharing({ sender: null });
    const { other } = sharing;
    other.put(3_000);
    sharing.senders.make('other');
    await sharing.clock.advance(100);
    expect(eventsOf(sharing.requests)).toBe(3_000);
  });

  test('is not what cannot be read: then it begins as if there were nothing', async () => {
    for (const text of ['', '{', 'null', '[]', '{"state":"failing","waitMs":-1}', '{"state":"gone","waitMs":1e99}']) {
      await using sharing = openSharing({ sender: null });
      const { other } = sharing;
      sharing.senders.write(text);
      expect(other.forwarder.status()).toMatchObject({ state: 'ok' });
      other.put(10);
      sharing.senders.make('other');
      await sharing.clock.advance(0);
      expect(sharing.requests.length).toBe(1);
    }
  });

  test('is short, whatever the destination answered', async () => {
    await using sharing = openSharing();
    const { one } = sharing;
    sharing.answers.push({ ...refused, message: '"\u0001€'.repeat(10_000) });
    one.put(1);
    await sharing.clock.advance(0);
    expect(sharing.senders.notes.length).toBeGreaterThan(1);
    for (const note of sharing.senders.notes) expect(note.length).toBeLessThan(noteLengthMax);
  });

  test('is noted when it changes, and else once in two seconds', async () => {
    await using sharing = openSharing({ batch: small, concurrency: 1 });
    const { one } = sharing;
    for (let round = 0; round < 100; round++) {
      one.put(1);
      await sharing.clock.advance(100);
    }
    expect(sharing.requests.length).toBe(100);
    expect(sharing.senders.notes.length).toBeGreaterThanOrEqual(5);
    expect(sharing.senders.notes.length).toBeLessThanOrEqual(7);
    const before = sharing.senders.notes.length;
    sharing.answers.push(broken);
    one.put(1);
    await sharing.clock.advance(0);
    expect(sharing.senders.notes.length).toBe(before + 1);
  });
});

describe('a limit of ours', () => {
  const rates = { shop: { count: 100, windowMs: 1_000 } };

  test('holds through a takeover: the bucket of the next one begins empty', async () => {
    await using sharing = openSharing({ rates });
    const { one, other } = sharing;
    one.put(1_000);
    other.put(1_000);
    await sharing.clock.advance(5_000);
    const before = eventsOf(sharing.requests);
    expect(before).toBeGreaterThan(400);
    sharing.senders.make('other');
    await sharing.clock.advance(1_000);
    const after = eventsOf(sharing.requests) - before;
    expect(after).toBeGreaterThan(90);
    expect(after).toBeLessThanOrEqual(100);
  });

  test('is not slower for a moment in which nobody was heard of', async () => {
    await using sharing = openSharing({ rates });
    const { one } = sharing;
    await sharing.clock.advance(5_000);
    sharing.senders.goAway();
    await sharing.clock.advance(10);
    sharing.senders.comeBack();
    one.put(100);
    await sharing.clock.advance(0);
    expect(eventsOf(sharing.requests)).toBe(100);
  });

  test('is the ceiling of the project, too; it is full for one that sent all along', async () => {
    const ceiling = { eventsPerSecond: 1_000, bytesPerMinute: 1e9 };
    const sent = async (beganMs: number) => {
      await using sharing = openSharing({ batch: small, ceilings: new Ceilings(ceiling), sender: null });
      const { one: relay } = sharing;
      if (beganMs > 0) sharing.senders.make('one');
      await sharing.clock.advance(beganMs);
      relay.put(5_000);
      sharing.senders.make('one');
      await sharing.clock.advance(1_000);
      return eventsOf(sharing.requests);
    };
    const [newOne, oldOne] = [await sent(0), await sent(10_000)];
    expect(newOne).toBeGreaterThan(900);
    expect(newOne).toBeLessThanOrEqual(1_000);
    expect(oldOne).toBeGreaterThan(1_900);
  });
});

describe('the status', () => {
  test('is the same on every relay: failing, why, and when it is asked again', async () => {
    await using sharing = openSharing();
    const { one, other } = sharing;
    sharing.answers.push(broken);
    expect(other.forwarder.status()).toMatchObject({ state: 'ok', lastError: null });
    one.put(10);
    await sharing.clock.advance(1_000);
    const { circuit: _, inFlight: __, ...status } = one.forwarder.status();
    expect(status).toMatchObject({ state: 'failing', nextAttemptAt: sharing.clock.now() + 2_000 });
    expect(other.forwarder.status()).toMatchObject(status);
    await sharing.clock.advance(2_000);
    expect(other.forwarder.status()).toMatchObject({ state: 'ok', nextAttemptAt: null, circuit: 0 });
  });

  test('is the newest one that is known while nobody is heard of', async () => {
    await using sharing = openSharing();
    const { one, other } = sharing;
    sharing.answers.push(refused);
    one.put(10);
    await sharing.clock.advance(1_000);
    sharing.senders.goAway();
    for (const relay of [one, other]) expect(relay.forwarder.status()).toMatchObject({ state: 'paused' });
  });

  test('of a relay that sent before is not what it knew then', async () => {
    await using sharing = openSharing();
    const { one, other } = sharing;
    sharing.answers.push(broken);
    one.put(10);
    await sharing.clock.advance(1_000);
    sharing.senders.make('other');
    other.put(10);
    await sharing.clock.advance(2_000);
    expect(other.forwarder.status()).toMatchObject({ state: 'ok' });
    expect(one.forwarder.status()).toMatchObject({ state: 'ok' });
    sharing.senders.make('one');
    await sharing.clock.advance(0);
    expect(one.forwarder.status()).toMatchObject({ state: 'ok' });
  });

  test('names the relay that sends, on each of them', async () => {
    await using sharing = openSharing();
    const whom = () => [sharing.one, sharing.other].map(({ forwarder }) => forwarder.status().sender);
    await sharing.clock.advance(0);
    expect(whom()).toEqual(['one', 'one']);
    sharing.senders.make('other');
    await sharing.clock.advance(0);
    expect(whom()).toEqual(['other', 'other']);
  });

  test('names nobody while nobody is heard of, and not the one before once that has heard that it is no more', async () => {
    await using sharing = openSharing();
    const { one, other } = sharing;
    await sharing.clock.advance(0);
    sharing.senders.goAway();
    expect([one, other].map(({ forwarder }) => forwarder.status().sender)).toEqual([null, null]);
    sharing.senders.comeBack();
    // One that begins and has not said so yet.
    sharing.senders.make('a third');
    expect(one.forwarder.status().sender).toBe(null);
  });

  test('names nobody where the buffer is one relay’s alone', async () => {
    await using alone = await openLane();
    expect(alone.forwarder.status()).not.toHaveProperty('sender');
  });
});
