import { expect, test } from 'vitest';
import { until } from '../support/fake-clock.ts';
import { openLane } from '../support/lane.ts';

const small = { eventsMax: 10, bytesMax: 1_900_000, lingerMs: 0 };

test('stopping under load lets requests in flight end, settles them and leaves nothing leased', async () => {
  await using lane = await openLane({ batch: small });
  lane.put('stripe', 5000);
  lane.forwarder.start();
  await until(() => lane.attempts.length > 5);
  await lane.forwarder.stop();
  expect(lane.keeper.leased()).toBe(0);
  expect(lane.keeper.delivered.length + lane.keeper.waiting()).toBe(5000);
  expect(lane.sandbox.state().events.raw).toBe(lane.keeper.delivered.length);
  const requests = lane.sandbox.state().requests;
  lane.put('stripe', 10);
  await lane.clock.advance(60_000);
  expect(lane.sandbox.state().requests).toBe(requests);
});

test('a request that does not end is cut off after the grace and its events are given back', async () => {
  await using lane = await openLane({ stopGraceMs: 5000 });
  lane.sandbox.faults.order({ scenario: 'slow' });
  lane.put('stripe', 10);
  lane.forwarder.start();
  await until(() => lane.clock.waits().includes(31_000));
  const stopped = lane.forwarder.stop();
  await lane.clock.advance(4999);
  expect(lane.keeper.leased()).toBe(10);
  await lane.clock.advance(1);
  await stopped;
  expect(lane.keeper.leased()).toBe(0);
  expect(lane.keeper.waiting()).toBe(10);
  expect(lane.clock.monotonic()).toBe(5000);
});

test('stopping while everybody waits gives the batch in hand back at once', async () => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ scenario: 'html503' });
  lane.put('stripe', 10);
  lane.forwarder.start();
  await lane.attempted(1);
  expect(lane.keeper.leased()).toBe(10);
  await lane.forwarder.stop();
  expect(lane.keeper.leased()).toBe(0);
  expect(lane.clock.monotonic()).toBe(0);
});

test('stopping twice is stopping once, and before the start it is nothing', async () => {
  await using lane = await openLane();
  const [first, second] = [lane.forwarder.stop(), lane.forwarder.stop()];
  expect(first).toBe(second);
  await first;
  lane.forwarder.start();
  lane.put('stripe', 1);
  await lane.clock.advance(1000);
  expect(lane.sandbox.state().requests).toBe(0);
});
