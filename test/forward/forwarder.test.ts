import { expect, test } from 'vitest';
import { openLane, TOKEN } from '../support/lane.ts';

test('2,001 events go in two requests and arrive once each', async () => {
  await using lane = await openLane();
  lane.put('stripe', 2001);
  lane.forwarder.start();
  await lane.drained();
  expect(lane.attempts.map((attempt) => attempt.events).sort()).toEqual([1, 2000]);
  expect(lane.sandbox.state().events).toMatchObject({ raw: 2001, distinct: 2001 });
  expect(lane.keeper.delivered).toHaveLength(2001);
});

test('2,000 events go in one request, with gzip, ip=0 and the token in each event', async () => {
  await using lane = await openLane();
  lane.put('stripe', 2000);
  lane.forwarder.start();
  await lane.drained();
  expect(lane.attempts).toHaveLength(1);
  expect(lane.sandbox.state().lastRequest).toMatchObject({ gzip: true, ip: '0', records: 2000 });
  expect(lane.sandbox.copies().every((copy) => copy.record.properties.token === TOKEN)).toBe(true);
});

test('2,000 events of 1.2 KB are divided by bytes, and the size that was counted is the size that was sent', async () => {
  await using lane = await openLane();
  lane.put('stripe', 2000, { padding: 1024 });
  lane.forwarder.start();
  await lane.drained();
  expect(lane.attempts).toHaveLength(2);
  expect(Math.max(...lane.attempts.map((attempt) => attempt.bytes))).toBeLessThanOrEqual(1_900_000);
  expect(lane.sandbox.state().events.distinct).toBe(2000);
});

test('the same as a form is divided by its encoded bytes', async () => {
  await using lane = await openLane({ format: 'form' });
  lane.put('stripe', 2000, { padding: 1024 });
  lane.forwarder.start();
  await lane.drained();
  expect(Math.max(...lane.attempts.map((attempt) => attempt.bytes))).toBeLessThanOrEqual(1_900_000);
  expect(lane.sandbox.state().events.distinct).toBe(2000);
});

test('an event larger than a request is buried without a request, and its siblings go on', async () => {
  await using lane = await openLane({ batch: { eventsMax: 2000, bytesMax: 10_000, lingerMs: 0 } });
  lane.put('stripe', 1, { padding: 11_000 });
  lane.put('stripe', 1);
  lane.forwarder.start();
  await lane.drained();
  expect(lane.keeper.dead.map((dead) => dead.letter.reason)).toEqual(['too_large']);
  expect(lane.sandbox.state()).toMatchObject({ requests: 1, events: { raw: 1 } });
});
