/** The whole lane, from the queue over a socket to a sandbox that takes so many events a second. */
import { expect, test } from 'vitest';
import { until } from '../support/fake-clock.ts';
import { type Lane, openLane } from '../support/lane.ts';

const STEP_MS = 50;

async function pass(lane: Lane, seconds: number): Promise<void> {
  for (let step = 0; step < (seconds * 1000) / STEP_MS; step++) {
    await lane.clock.advance(STEP_MS);
    await until(() => lane.forwarder.status().inFlight === 0, 'answers');
  }
}

/** Of the attempts after `from` (seconds): events a second that were taken, and the share of 429. */
function since(lane: Lane, from: number): { taken: number; refused: number } {
  const attempts = lane.attempts.filter(({ at }) => at >= from * 1000);
  const taken = attempts.reduce((sum, { outcome, events }) => sum + (outcome === 'delivered' ? events : 0), 0);
  const refused = attempts.filter(({ status }) => status === 429).length;
  return { taken: taken / (lane.clock.monotonic() / 1000 - from), refused: refused / attempts.length };
}

test('twenty sources behind a limit get the most of it, each its share, and a quiet one is not kept waiting', async () => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ rateLimit: { eventsPerSecond: 200 } });
  const sources = Array.from({ length: 20 }, (_, index) => `source-${index}`);
  for (const source of sources) lane.put(source, 2000);
  lane.forwarder.start();
  await pass(lane, 60);
  const before = lane.keeper.delivered.length;
  lane.put('quiet', 1);
  await pass(lane, 45);
  const { taken, refused } = since(lane, 60);
  expect(taken).toBeGreaterThan(0.8 * 200);
  expect(refused).toBeLessThan(0.01);
  const quiet = lane.keeper.delivered.findIndex(({ source }) => source === 'quiet');
  expect(quiet - before).toBeLessThan(50);
  const counts = sources.map((source) => lane.keeper.delivered.filter((event) => event.source === source).length);
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(50);
  expect(lane.forwarder.status().rateLimit).toBeGreaterThan(100);
  expect(lane.sandbox.state().events.raw).toBe(lane.sandbox.state().events.distinct);
});

test('a limit far below one full batch is met by cutting the batch, and every event arrives once', async () => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ rateLimit: { eventsPerSecond: 100 } });
  lane.put('stripe', 4000);
  lane.forwarder.start();
  await pass(lane, 60);
  expect(lane.attempts[0]).toMatchObject({ events: 2000, status: 429 });
  expect(lane.attempts.findLast(({ status }) => status === 200)?.events).toBeLessThan(50);
  expect(lane.keeper.delivered.length).toBeGreaterThan(1500);
  expect(lane.keeper.dead).toEqual([]);
  expect(lane.sandbox.state().events.raw).toBe(lane.keeper.delivered.length);
});

test.each(['seconds', 'date'] as const)('Retry-After as %s is waited out by everybody', async (retryAfter) => {
  await using lane = await openLane({ leaseMs: 300_000 });
  lane.sandbox.faults.order({ rateLimit: { eventsPerSecond: 20, burstSeconds: 100, retryAfter } });
  // The bucket is full at first: it is emptied, and the next batch has to wait for a whole one.
  lane.put('stripe', 4000);
  lane.forwarder.start();
  await lane.attempted(2);
  expect(lane.attempts.map(({ status }) => status)).toEqual([200, 429]);
  await lane.clock.advance(99_000);
  expect(lane.attempts).toHaveLength(2);
  await lane.clock.advance(5000);
  await until(() => lane.attempts.length > 2);
  expect(lane.attempts[2]).toMatchObject({ status: 200 });
});
