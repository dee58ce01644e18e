import { expect, test } from 'vitest';
import { Circuit } from '../../src/forward/circuit.ts';
import type { Outcome } from '../../src/model.ts';
import { createFakeClock, until } from '../support/fake-clock.ts';
import { openLane } from '../support/lane.ts';

const retry = { baseMs: 2000, maxMs: 60_000, jitterMs: [1000, 5000] as const };
const answered = { events: 2000, durationMs: 40 };
const full = { events: 2000, bytes: 1_000_000 };
const delivered: Outcome = { kind: 'delivered' };
const tooMuch: Outcome = { kind: 'retry', reason: 'rate_limited', message: '429', slowDown: true };
const broken: Outcome = { kind: 'retry', reason: 'server_error', message: '503', slowDown: false };

test('requests in flight begin with one, double with each round of answers, and are never more than ten', async () => {
  await using lane = await openLane({ batch: { eventsMax: 10, bytesMax: 1_900_000, lingerMs: 0 } });
  lane.sandbox.faults.order({ delayMs: 1000, times: 100 });
  lane.put('stripe', 400);
  lane.forwarder.start();
  const inFlight = () => lane.clock.waits().filter((ms) => ms === 1000).length;
  for (const expected of [1, 2, 4, 8, 10, 10]) {
    await until(() => inFlight() === expected, `${expected} requests in flight`);
    expect(lane.forwarder.status().inFlight).toBe(expected);
    await lane.clock.advance(1000);
  }
  for (let round = 0; round < 3 && lane.keeper.waiting() > 0; round++) {
    await until(() => lane.keeper.waiting() === 0 || inFlight() > 0);
    await lane.clock.advance(1000);
  }
  await lane.drained();
});

test('after a 429 one request goes at a time, and each success allows one more', () => {
  const clock = createFakeClock();
  const circuit = new Circuit({ clock, concurrency: 10, retry, eventsMax: 2000 });
  circuit.settle(circuit.begin(full), tooMuch, answered);
  const seen: number[] = [circuit.slots()];
  for (let success = 0; success < 11; success++) {
    circuit.settle(circuit.begin(full), delivered, answered);
    seen.push(circuit.slots());
  }
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10]);
});

test('after a 503 one request asks, and its success allows all again', () => {
  const circuit = new Circuit({ clock: createFakeClock(), concurrency: 10, retry, eventsMax: 2000 });
  for (let success = 0; success < 10; success++) circuit.settle(circuit.begin(full), delivered, answered);
  circuit.settle(circuit.begin(full), broken, answered);
  expect(circuit.slots()).toBe(1);
  circuit.settle(circuit.begin(full), delivered, answered);
  expect(circuit.slots()).toBe(10);
});

test('ten requests that fail together are one failure', () => {
  const clock = createFakeClock();
  const circuit = new Circuit({ clock, concurrency: 10, retry, eventsMax: 2000 });
  const tickets = Array.from({ length: 10 }, () => circuit.begin(full));
  for (const ticket of tickets) circuit.settle(ticket, broken, answered);
  expect(circuit.waitMs()).toBe(3000);
});

test('waits double from 2 s and end at 60 s, jitter apart', async () => {
  const clock = createFakeClock();
  const circuit = new Circuit({ clock, concurrency: 10, retry, eventsMax: 2000 });
  const waits: number[] = [];
  for (let failure = 0; failure < 8; failure++) {
    circuit.settle(circuit.begin(full), broken, answered);
    waits.push(circuit.waitMs() - 1000);
    await clock.advance(circuit.waitMs());
  }
  expect(waits).toEqual([2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test('a success that was on its way before the failure does not end the wait', () => {
  const circuit = new Circuit({ clock: createFakeClock(), concurrency: 10, retry, eventsMax: 2000 });
  const [first, second] = [circuit.begin(full), circuit.begin(full)];
  circuit.settle(first, broken, answered);
  circuit.settle(second, delivered, answered);
  expect(circuit.waitMs()).toBe(3000);
  expect(circuit.status()).toMatchObject({ state: 'failing', lastSuccessAt: expect.any(Number) });
});

test('a late 429 still lengthens the wait by its Retry-After', () => {
  const circuit = new Circuit({ clock: createFakeClock(), concurrency: 10, retry, eventsMax: 2000 });
  const [first, second] = [circuit.begin(full), circuit.begin(full)];
  circuit.settle(first, broken, answered);
  circuit.settle(second, { ...tooMuch, retryAfterMs: 90_000 } as Outcome, answered);
  expect(circuit.waitMs()).toBe(90_000);
});

test('the metric tells closed, open and half-open apart', async () => {
  const clock = createFakeClock();
  const circuit = new Circuit({ clock, concurrency: 10, retry, eventsMax: 2000 });
  const seen = [circuit.status().circuit];
  circuit.settle(circuit.begin(full), broken, answered);
  seen.push(circuit.status().circuit);
  await clock.advance(3000);
  const ticket = circuit.begin(full);
  seen.push(circuit.status().circuit);
  circuit.settle(ticket, delivered, answered);
  seen.push(circuit.status().circuit);
  expect(seen).toEqual([0, 2, 1, 0]);
});

test('a late failure from before a recovery opens again: its batch must not be sent without a wait', async () => {
  const clock = createFakeClock();
  const circuit = new Circuit({ clock, concurrency: 10, retry, eventsMax: 2000 });
  const [first, late] = [circuit.begin(full), circuit.begin(full)];
  circuit.settle(first, broken, answered);
  await clock.advance(3000);
  circuit.settle(circuit.begin(full), delivered, answered);
  expect(circuit.waitMs()).toBe(0);
  circuit.settle(late, broken, answered);
  expect(circuit.waitMs()).toBe(3000);
});

test('a 429 that comes while the next batch is being leased holds that batch back as well', async () => {
  await using lane = await openLane({ batch: { eventsMax: 10, bytesMax: 1_900_000, lingerMs: 0 } });
  lane.put('stripe', 10);
  lane.forwarder.start();
  // Its answer allows two at a time.
  await lane.attempted(1);
  const { lease } = lane.keeper;
  lane.keeper.lease = async (request) => {
    await lane.clock.wait(100);
    return await lease(request);
  };
  lane.sandbox.faults.order({ status: 429, delayMs: 50 });
  lane.put('stripe', 20);
  await until(() => lane.clock.waits().includes(100));
  await lane.clock.advance(100);
  await until(() => lane.clock.waits().includes(50) && lane.clock.waits().includes(100), 'a request and a lease');
  await lane.clock.advance(50);
  await lane.attempted(2);
  await lane.clock.advance(2900);
  expect(lane.attempts.map(({ status }) => status)).toEqual([200, 429]);
  lane.keeper.lease = lease;
  await lane.clock.advance(1000);
  for (let step = 0; step < 20 && lane.keeper.waiting() > 0; step++) {
    await until(() => lane.forwarder.status().inFlight === 0);
    await lane.clock.advance(1000);
  }
  await lane.drained();
});

test('events are not leased without end while parts of split batches wait', async () => {
  await using lane = await openLane({ concurrency: 1, batch: { eventsMax: 32, bytesMax: 1_900_000, lingerMs: 0 } });
  lane.sandbox.faults.order({ status: 400, body: 'no', times: 100_000 });
  lane.put('stripe', 1000);
  lane.forwarder.start();
  await until(() => lane.clock.waits().includes(10_000) && lane.forwarder.status().inFlight === 0);
  expect(lane.keeper.leased()).toBeGreaterThan(0);
  expect(lane.keeper.leased()).toBeLessThanOrEqual(64);
  expect(lane.keeper.waiting()).toBeGreaterThan(900);
  await lane.forwarder.stop();
  expect(lane.keeper.leased()).toBe(0);
});
