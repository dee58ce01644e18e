/** Old events through the real sender: to `/import` when they are old as they are sent, each record settled by its own answer. */
import { expect, test } from 'vitest';
import { until } from '../support/fake-clock.ts';
import { type Lane, openLane } from '../support/lane.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const month = { giveUpAfterMs: 30 * DAY };

const arrivals = (lane: Lane) =>
  lane.sandbox.copies().map(({ endpoint, record }) => `${endpoint} ${String(record.properties.number)}`);
const letters = (lane: Lane) => lane.keeper.dead.map(({ event, letter }) => [event.id, letter.reason, letter.message]);

test('old and fresh events go in requests of their own, and all arrive', async () => {
  await using lane = await openLane({ concurrency: 1 });
  lane.put('shop', 2);
  lane.put('shop', 2, { time: lane.clock.now() - 6 * DAY });
  lane.put('shop', 1);
  lane.forwarder.start();
  await lane.drained();
  expect(lane.attempts.map(({ events, outcome }) => [events, outcome])).toEqual([
    [3, 'delivered'],
    [2, 'delivered'],
  ]);
  expect(arrivals(lane)).toEqual(['track 1', 'track 2', 'track 5', 'import 3', 'import 4']);
  expect(lane.keeper.delivered).toHaveLength(5);
});

test('an event that gets old while the destination is down goes to /import when it is up again, as the same event', async () => {
  await using lane = await openLane(month);
  lane.sandbox.faults.order({ status: 503, ingest: 'all', body: 'stored, but who knows' });
  lane.sandbox.faults.order({ status: 503, times: 1000 });
  lane.put('shop', 1, { time: lane.clock.now() - 107 * HOUR });
  lane.put('shop', 1);
  lane.forwarder.start();
  await lane.attempted(1);
  for (let hour = 0; hour < 2; hour++) {
    const seen = lane.attempts.length;
    await lane.clock.advance(HOUR);
    await until(() => lane.attempts.length > seen && lane.forwarder.status().inFlight === 0);
  }
  lane.sandbox.faults.clear();
  await lane.clock.advance(70_000);
  await lane.drained();
  expect(arrivals(lane).slice(0, 2)).toEqual(['track 1', 'track 2']);
  expect(arrivals(lane).slice(2).sort()).toEqual(['import 1', 'track 2']);
  // The copy that /track had stored and the one at /import are one event.
  expect(lane.sandbox.state().events).toMatchObject({ raw: 4, distinct: 2 });
  expect(lane.keeper.dead).toEqual([]);
});

test('a batch in hand is divided when part of it gets old between two attempts', async () => {
  await using lane = await openLane({
    concurrency: 1,
    retry: { baseMs: HOUR, maxMs: HOUR, jitterMs: [0, 0] },
    leaseMs: 4 * HOUR,
  });
  lane.sandbox.faults.order({ status: 503 });
  lane.put('shop', 1);
  lane.put('shop', 1, { time: lane.clock.now() - 107.5 * HOUR });
  lane.put('shop', 1);
  lane.forwarder.start();
  await lane.attempted(1);
  await lane.clock.advance(HOUR);
  await lane.drained();
  expect(lane.attempts.map(({ events, outcome, attempt }) => [events, outcome, attempt])).toEqual([
    [3, 'retry', 1],
    [2, 'delivered', 2],
    [1, 'delivered', 2],
  ]);
  expect(arrivals(lane)).toEqual(['track 1', 'track 3', 'import 2']);
});

test('with never the old event is a dead letter and /import is not asked; with always it takes all', async () => {
  for (const use of ['never', 'always'] as const) {
    await using lane = await openLane({ concurrency: 1, mixpanel: { import: use } });
    lane.put('shop', 1, { time: lane.clock.now() - 6 * DAY });
    lane.put('shop', 1);
    lane.forwarder.start();
    await lane.drained();
    expect(arrivals(lane)).toEqual(use === 'never' ? ['track 2'] : ['import 1', 'import 2']);
    expect(lane.keeper.dead.map(({ letter }) => letter.reason)).toEqual(use === 'never' ? ['too_old'] : []);
  }
});

test('one bad record among many is a dead letter in its own words, and its siblings are sent once', async () => {
  await using lane = await openLane({ mixpanel: { import: 'always' } });
  lane.sandbox.faults.order({ scenario: 'poisonRecord', index: 700 });
  lane.put('shop', 2000);
  lane.forwarder.start();
  await lane.drained();
  expect(lane.attempts).toMatchObject([
    { events: 2000, status: 400, outcome: 'partial', message: "1 of 2000, the first: 400: 'properties' is invalid" },
  ]);
  expect(letters(lane)).toEqual([['evt_701-0', 'rejected', "400: 'properties' is invalid"]]);
  expect(lane.sandbox.state().events).toMatchObject({ raw: 1999, distinct: 1999 });
  expect(lane.keeper.delivered).toHaveLength(1999);
});

test('half a batch stored before a 500 is one event each', async () => {
  await using lane = await openLane({ mixpanel: { import: 'always' } });
  lane.sandbox.faults.order({ scenario: 'partialIngestThen500' });
  lane.put('shop', 10);
  lane.forwarder.start();
  await lane.attempted(1);
  await lane.clock.advance(3000);
  await lane.drained();
  expect(lane.sandbox.state().events).toMatchObject({ raw: 15, distinct: 10 });
});

test('a stop in the middle gives back what is not settled, and nothing is lost or buried', async () => {
  await using lane = await openLane({ mixpanel: { import: 'always' }, stopGraceMs: 1000 });
  lane.sandbox.faults.order({ delayMs: 60_000 });
  lane.put('shop', 5);
  lane.forwarder.start();
  await until(() => lane.forwarder.status().inFlight === 1 && lane.clock.waits().includes(60_000));
  const stopped = lane.forwarder.stop();
  await lane.clock.advance(3000);
  await stopped;
  expect([lane.keeper.waiting(), lane.keeper.leased(), lane.keeper.dead.length]).toEqual([5, 0, 0]);
});

test('a merge goes to /import however young it is, and an $identify to /track', async () => {
  await using lane = await openLane({ concurrency: 1, identity: 'original' });
  lane.give(
    { event: '$identify', properties: { $identified_id: 'a', $anon_id: 'b' } },
    { event: '$merge', properties: { $distinct_ids: ['a', 'b'] } },
  );
  lane.forwarder.start();
  await lane.drained();
  expect(lane.sandbox.copies().map(({ endpoint, record }) => `${endpoint} ${record.event}`)).toEqual([
    'track $identify',
    'import $merge',
  ]);
  expect(lane.keeper.delivered).toHaveLength(2);
});
