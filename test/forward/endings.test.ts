import { expect, test } from 'vitest';
import { until } from '../support/fake-clock.ts';
import { openLane } from '../support/lane.ts';

const HOUR = 3_600_000;

test('an event older than /track takes is buried without a request when /import is not used', async () => {
  await using lane = await openLane({ mixpanel: { import: 'never' }, giveUpAfterMs: 30 * 24 * HOUR });
  lane.put('stripe', 1, { time: lane.clock.now() - 121 * HOUR });
  lane.forwarder.start();
  await lane.drained();
  expect(lane.keeper.dead.map(({ letter }) => letter.reason)).toEqual(['too_old']);
  expect(lane.sandbox.state().requests).toBe(0);
});

test('an event near that limit goes before fresh ones of any source, oldest first, but not twice in a row', async () => {
  const batch = { eventsMax: 10, bytesMax: 1_900_000, lingerMs: 0 };
  await using lane = await openLane({ concurrency: 1, batch, mixpanel: { import: 'never' } });
  lane.put('fresh', 30);
  lane.put('old', 15, { time: lane.clock.now() - 118 * HOUR });
  lane.put('older', 5, { time: lane.clock.now() - 119 * HOUR });
  lane.forwarder.start();
  await lane.drained();
  const sources = lane.keeper.leases.map((lease) => [...new Set(lease.map((event) => event.source))].sort().join());
  expect(sources.slice(0, 3)).toEqual(['old,older', expect.any(String), expect.stringContaining('old')]);
  expect(lane.keeper.leases[0]?.slice(0, 5).every((event) => event.source === 'older')).toBe(true);
  expect(lane.keeper.leases[1]?.some((event) => event.source === 'fresh')).toBe(true);
});

test('an event that grows too old while the destination is paused is buried then, not when it is back', async () => {
  await using lane = await openLane({ mixpanel: { import: 'never' } });
  lane.sandbox.faults.order({ status: 401, times: 1000 });
  lane.put('stripe', 1, { time: lane.clock.now() - 119.5 * HOUR });
  lane.put('stripe', 1);
  lane.forwarder.start();
  await lane.attempted(1);
  for (let minute = 0; minute < 35; minute++) {
    const seen = lane.attempts.length;
    await lane.clock.advance(60_000);
    await lane.attempted(seen + 1);
  }
  await until(() => lane.keeper.dead.length === 1);
  // Each probe is one look at the oldest and one lease to send, not more.
  expect(lane.keeper.leases.length).toBeLessThanOrEqual(2 * lane.attempts.length + 1);
  expect(lane.keeper.dead[0]?.letter).toMatchObject({ reason: 'too_old', message: expect.stringContaining('401') });
  expect(lane.keeper.waiting()).toBe(1);
});

test('an event that could not be delivered within the time to give up is buried with the last answer', async () => {
  await using lane = await openLane({ giveUpAfterMs: 10 * 60_000 });
  lane.sandbox.faults.order({ scenario: 'html503', times: 1000 });
  lane.put('stripe', 3);
  lane.forwarder.start();
  for (let minute = 0; minute < 12 && lane.keeper.waiting() > 0; minute++) {
    await lane.attempted(minute + 1);
    await lane.clock.advance(61_000);
    await until(() => lane.keeper.waiting() === 0 || lane.attempts.length > minute + 1);
  }
  await lane.drained();
  expect(lane.keeper.dead.map(({ letter }) => letter.reason)).toEqual(['gave_up', 'gave_up', 'gave_up']);
  expect(lane.keeper.dead[0]?.letter.message).toContain('503 Service Temporarily Unavailable');
  expect(lane.keeper.dead[0]?.letter.attempts).toBeGreaterThan(5);
});

test('a settling that fails once is tried again and nothing is sent twice', async () => {
  await using lane = await openLane();
  lane.keeper.failing.settle = 1;
  lane.put('stripe', 5);
  lane.forwarder.start();
  await until(() => lane.troubles.length === 1);
  await lane.clock.advance(1000);
  await lane.drained();
  expect(lane.sandbox.state().events.raw).toBe(5);
});

test('when settling keeps failing the events come back after the lease and are one each after de-duplication', async () => {
  await using lane = await openLane({ leaseMs: 60_000 });
  lane.keeper.failing.settle = 3;
  lane.put('stripe', 5);
  lane.forwarder.start();
  for (const count of [1, 2]) {
    await until(() => lane.troubles.length === count);
    await lane.clock.advance(1000);
  }
  await until(() => lane.forwarder.status().inFlight === 0);
  expect(lane.keeper.waiting()).toBe(5);
  await lane.clock.advance(61_000);
  await lane.drained();
  expect(lane.sandbox.state().events).toMatchObject({ raw: 10, distinct: 5 });
  expect(lane.troubles).toEqual(['settle', 'settle', 'settle']);
});

test('a lease that fails is asked for again', async () => {
  await using lane = await openLane();
  lane.keeper.failing.lease = 2;
  lane.put('stripe', 5);
  lane.forwarder.start();
  await until(() => lane.troubles.length === 1);
  await lane.clock.advance(999);
  expect(lane.troubles).toEqual(['lease']);
  await lane.clock.advance(1001);
  await lane.drained();
  expect(lane.troubles).toEqual(['lease', 'lease']);
});

test('a batch whose lease ended in a wait is left to whoever leases its events next', async () => {
  await using lane = await openLane({ leaseMs: 60_000 });
  lane.sandbox.faults.order({ status: 503, headers: { 'retry-after': '60' } });
  lane.keeper.failing.extend = 1;
  lane.put('stripe', 5);
  lane.forwarder.start();
  await lane.attempted(1);
  await lane.clock.advance(60_000);
  await lane.drained();
  const [first, second] = lane.attempts;
  expect(second).toMatchObject({ attempt: 1, outcome: 'delivered' });
  expect(second?.batch).not.toBe(first?.batch);
});

test('nothing is sent once the lease of a batch is over, and the events come back', async () => {
  await using lane = await openLane({ leaseMs: 60_000 });
  lane.sandbox.faults.order({ status: 503 });
  lane.keeper.failing.extend = 1000;
  lane.clock.chance = 0.99;
  lane.put('stripe', 5);
  lane.forwarder.start();
  await lane.attempted(1);
  await lane.clock.advance(70_000);
  lane.keeper.failing.extend = 0;
  await lane.clock.advance(60_000);
  await lane.drained();
  expect(lane.sandbox.state().events.distinct).toBe(5);
});
