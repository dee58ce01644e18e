import { expect, test } from 'vitest';
import { createPace } from '../../src/forward/pace.ts';
import { until } from '../support/fake-clock.ts';
import { openLane } from '../support/lane.ts';

test('a source with a limit of 100/s sends a second of it at once and the rest at that pace', async () => {
  await using lane = await openLane({
    rates: { slow: { count: 100, windowMs: 1000 } },
    batch: { eventsMax: 2000, bytesMax: 1_900_000, lingerMs: 250 },
  });
  lane.put('slow', 1000);
  lane.forwarder.start();
  for (let second = 0; second <= 9; second++) {
    await passSecond(lane);
    expect(lane.keeper.delivered.length).toBeLessThanOrEqual(100 * (second + 2));
    expect(lane.keeper.delivered.length).toBeGreaterThanOrEqual(100 * second);
  }
  await passSecond(lane);
  await lane.drained();
  // Not one request for each event.
  expect(lane.attempts.length).toBeLessThan(60);
});

test('the limit of one source does not slow another', async () => {
  await using lane = await openLane({ rates: { slow: { count: 1, windowMs: 3_600_000 } } });
  lane.put('slow', 10);
  lane.put('quick', 5000);
  lane.forwarder.start();
  await until(() => lane.keeper.delivered.length === 5001);
  expect(lane.keeper.waiting()).toBe(9);
});

test('a bucket fills steadily to one second of its rate, and a debt is paid back first', () => {
  const pace = createPace(() => ({ count: 600, windowMs: 60_000 }));
  expect(pace.allowed('s', 0)).toBe(10);
  pace.taken('s', 15, 0);
  expect(pace.allowed('s', 0)).toBe(0);
  expect(pace.waitMs('s', 0)).toBe(600);
  expect(pace.allowed('s', 600)).toBe(1);
  expect(pace.allowed('s', 60_000)).toBe(10);
});

test('a source without a limit is never held', () => {
  const pace = createPace(() => null);
  pace.taken('s', 1_000_000, 0);
  expect(pace.allowed('s', 0)).toBe(Number.POSITIVE_INFINITY);
  expect(pace.waitMs('s', 0)).toBe(0);
});

test('a slow rate lets one event through at its time, not before', () => {
  const pace = createPace(() => ({ count: 7, windowMs: 3_600_000 }));
  pace.taken('s', 1, 0);
  const wait = pace.waitMs('s', 0);
  expect(wait).toBe(Math.ceil(3_600_000 / 7));
  expect(pace.allowed('s', wait - 1)).toBe(0);
  expect(pace.allowed('s', wait)).toBe(1);
});

test('few events wait for company until the linger is over', async () => {
  await using lane = await openLane({ batch: { eventsMax: 10, bytesMax: 1_900_000, lingerMs: 250 } });
  lane.put('stripe', 3);
  lane.forwarder.start();
  await lane.clock.advance(249);
  expect(lane.keeper.leased()).toBe(0);
  lane.put('github', 2);
  await lane.clock.advance(1);
  await lane.drained();
  expect(lane.attempts.map((attempt) => attempt.events)).toEqual([5]);
});

test('a full batch does not linger', async () => {
  await using lane = await openLane({ batch: { eventsMax: 10, bytesMax: 1_900_000, lingerMs: 250 } });
  lane.put('stripe', 10);
  lane.forwarder.start();
  await lane.drained();
  expect(lane.clock.monotonic()).toBe(0);
});

async function passSecond(lane: Awaited<ReturnType<typeof openLane>>): Promise<void> {
  for (let quarter = 0; quarter < 10; quarter++) {
    await lane.clock.advance(100);
    await until(() => lane.keeper.leased() === 0 && lane.forwarder.status().inFlight === 0);
  }
}
