import { expect, test } from 'vitest';
import { until } from '../support/fake-clock.ts';
import { type Lane, type LaneOptions, openLane } from '../support/lane.ts';

/** Until the destination is asked again, and not longer: requests in flight have time-outs on the same clock. */
const again = (lane: Lane) => lane.clock.advance((lane.forwarder.status().nextAttemptAt ?? 0) - lane.clock.now());

const set = (id: string, value: unknown) => ({ $distinct_id: id, $set: { Plan: value } });
const add = (id: string, by = 1) => ({ $distinct_id: id, $add: { Orders: by } });

const sentTo = (lane: Lane) =>
  lane.sandbox.updates().map(({ record: { $distinct_id, ...rest } }) => [$distinct_id, Object.values(rest)[0]]);
const propertiesOf = (lane: Lane, id: string) =>
  lane.sandbox.profiles().find(({ distinct_id }) => distinct_id === id)?.properties;
const letters = (lane: Lane) => lane.keeper.dead.map(({ letter }) => letter.reason);
const requests = (lane: Lane) => lane.attempts.map(({ events, outcome }) => `${events} ${outcome}`);

async function started(options: LaneOptions, ...outputs: readonly object[]): Promise<Lane> {
  const lane = await openLane(options);
  lane.give(...outputs);
  lane.forwarder.start();
  return lane;
}

test('events, updates of people and of groups go in requests of their own kind', async () => {
  const group = { $group_key: 'company', $group_id: 'acme', $set: { Seats: 12 } };
  await using lane = await started({}, { event: 'Paid' }, set('a', 1), group, { event: 'Paid' }, set('b', 2));
  await lane.drained();
  expect(requests(lane).sort()).toEqual(['1 delivered', '2 delivered', '2 delivered']);
  expect(lane.sandbox.updates().map(({ endpoint }) => endpoint)).toEqual(['engage', 'engage', 'groups']);
  expect(lane.sandbox.state()).toMatchObject({ events: { raw: 2 }, updates: { applied: 3, invalid: 0, profiles: 3 } });
  expect(lane.sandbox.profiles()[0]).toMatchObject({ group_id: 'acme', properties: { Seats: 12 } });
});

test('updates of one person go one after the other, those of others go together', async () => {
  await using lane = await started({}, set('a', 1), set('a', 2), set('b', 1), set('a', 3), add('a'));
  await lane.drained();
  expect(lane.attempts.map(({ events }) => events)).toEqual([2, 1, 1, 1]);
  expect(sentTo(lane).filter(([id]) => id === 'a')).toEqual([
    ['a', { Plan: 1 }],
    ['a', { Plan: 2 }],
    ['a', { Plan: 3 }],
    ['a', { Orders: 1 }],
  ]);
});

test('a later update of a person waits while the first is tried again, and others do not overtake it', async () => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ scenario: 'html503', times: 2 });
  lane.give(set('a', 1), set('a', 2));
  lane.forwarder.start();
  for (const count of [1, 2]) {
    await lane.attempted(count);
    await again(lane);
  }
  await lane.drained();
  expect(sentTo(lane)).toEqual([
    ['a', { Plan: 1 }],
    ['a', { Plan: 2 }],
  ]);
});

test('a refused update is found by halving and its neighbours are delivered', async () => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ status: 400, body: '{"error":"bad"}', endpoint: 'engage', times: 2 });
  lane.give(set('a', 1), set('b', 2));
  lane.forwarder.start();
  await lane.drained();
  expect(letters(lane)).toEqual(['rejected']);
  expect(lane.keeper.delivered).toHaveLength(1);
});

test('each update that goes once has a request of its own', async () => {
  await using lane = await started({}, add('a'), add('b'), set('c', 1), { $distinct_id: 'd', $append: { List: 1 } });
  await lane.drained();
  expect(requests(lane)).toEqual(Array(4).fill('1 delivered'));
});

test.each([
  ['its connection broke after it was taken', { closeAfterIngest: true }, 1],
  ['its connection broke before', { closeBefore: true }, undefined],
  ['it was answered 500 when it had been taken', { status: 500, ingest: 'all' }, 1],
  ['it was answered 503', { status: 503 }, undefined],
  ['it was answered 408', { status: 408 }, undefined],
  ['it was answered with a page', { status: 200, body: '<html>' }, undefined],
] as const)('an $add is a dead letter and never sent again when %s', async (_name, fault, orders) => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ ...fault, endpoint: 'engage' });
  lane.give(add('a'));
  lane.forwarder.start();
  await until(() => lane.keeper.dead.length === 1);
  lane.give(set('a', 2));
  await again(lane);
  await lane.drained();
  expect(letters(lane)).toEqual(['unknown_outcome']);
  expect(lane.keeper.dead[0]?.letter).toMatchObject({ attempts: 1, message: expect.any(String) });
  expect(propertiesOf(lane, 'a')?.Orders).toBe(orders);
  expect(propertiesOf(lane, 'a')?.Plan).toBe(2);
});

test('an $add whose answer does not come in time is a dead letter', async () => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ delayMs: 31_000, endpoint: 'engage' });
  lane.give(add('a'));
  lane.forwarder.start();
  await until(() => lane.clock.waits().includes(31_000));
  await lane.clock.advance(32_000);
  await lane.drained();
  expect(letters(lane)).toEqual(['unknown_outcome']);
});

test.each([429, 401])('an $add that was refused with %i is sent again and counts once', async (status) => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ status, endpoint: 'engage', times: 2 });
  lane.give(add('a'), add('a'));
  lane.forwarder.start();
  for (const count of [1, 2]) {
    await lane.attempted(count);
    await again(lane);
  }
  await lane.drained();
  expect(letters(lane)).toEqual([]);
  expect(propertiesOf(lane, 'a')).toEqual({ Orders: 2 });
});

test('an $add that finds nobody listening waits and counts once', async () => {
  await using lane = await openLane();
  await lane.sandbox.close();
  lane.give(add('a'));
  lane.forwarder.start();
  await lane.attempted(1);
  expect(lane.attempts[0]).toMatchObject({ status: null, outcome: 'retry' });
  expect(lane.keeper.waiting()).toBe(1);
  expect(letters(lane)).toEqual([]);
});

test.each([
  [{ status: 400, body: '{"error":"bad operator"}' }, 'rejected', 'bad operator'],
  [{ status: 200, body: '{"error":"bad operator","status":0}' }, 'rejected', 'bad operator'],
  [{ status: 413 }, 'too_large', '413'],
])('an $add that is refused for what it is (%j) is buried with the words', async (fault, reason, words) => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ ...fault, endpoint: 'engage' });
  lane.give(add('a'));
  lane.forwarder.start();
  await lane.drained();
  expect(lane.keeper.dead.map(({ letter }) => letter)).toMatchObject([
    { reason, message: expect.stringContaining(words) },
  ]);
});

test('while the destination fails one $add is risked, and the others wait behind a question that risks none', async () => {
  await using lane = await openLane({ concurrency: 1 });
  lane.sandbox.faults.order({ status: 503, endpoint: 'engage', times: 4 });
  lane.give(...Array.from({ length: 10 }, (_, index) => add(`user-${index}`)));
  lane.forwarder.start();
  await lane.attempted(1);
  for (let minute = 0; minute < 5; minute++) {
    await again(lane);
    await until(() => lane.forwarder.status().inFlight === 0);
  }
  await lane.drained();
  expect(letters(lane)).toEqual(['unknown_outcome']);
  expect(lane.sandbox.state().updates).toMatchObject({ applied: 9, profiles: 9 });
});

test('what was begun when the relay was killed is a dead letter, what was only leased is sent', async () => {
  await using lane = await openLane();
  lane.give(add('a'), add('b'));
  const leased = await lane.keeper.lease({
    ...{ destination: 'mixpanel', route: 'profile_once', bytesMax: 1e6, leaseMs: 60_000 },
    turns: [{ source: 'shop', eventsMax: 10 }],
  });
  await lane.keeper.begin(leased.slice(0, 1).map(({ position }) => position));
  lane.keeper.crash();
  lane.forwarder.start();
  await lane.drained();
  expect(lane.keeper.dead.map(({ event, letter }) => [event.update?.key, letter.reason, letter.attempts])).toEqual([
    ['profile:a', 'unknown_outcome', 1],
  ]);
  expect(sentTo(lane)).toEqual([['b', { Orders: 1 }]]);
});

test('nothing is sent when it cannot be written down that it will be, and it goes later', async () => {
  await using lane = await openLane();
  lane.keeper.failing.begin = 1;
  lane.give(add('a'));
  lane.forwarder.start();
  await lane.drained();
  expect(lane.troubles).toEqual(['begin']);
  expect(propertiesOf(lane, 'a')).toEqual({ Orders: 1 });
});

test('an $add whose settling keeps failing is a dead letter in the end, and counts once', async () => {
  await using lane = await openLane({ leaseMs: 60_000 });
  lane.keeper.failing.settle = 3;
  lane.give(add('a'));
  lane.forwarder.start();
  for (const count of [1, 2]) {
    await until(() => lane.troubles.length === count);
    await lane.clock.advance(1000);
  }
  await until(() => lane.forwarder.status().inFlight === 0);
  await lane.clock.advance(61_000);
  await lane.drained();
  expect(letters(lane)).toEqual(['unknown_outcome']);
  expect(propertiesOf(lane, 'a')).toEqual({ Orders: 1 });
});

test('a stop that cuts off an $add buries it, and gives back a $set', async () => {
  await using lane = await openLane({ stopGraceMs: 1000 });
  // Requests go one at a time until one was answered.
  lane.put('stripe', 1);
  lane.forwarder.start();
  await lane.drained();
  lane.sandbox.faults.order({ delayMs: 600_000, endpoint: 'engage', times: 2 });
  lane.give(add('a'), set('b', 1));
  await until(() => lane.clock.waits().filter((ms) => ms === 600_000).length === 2);
  const stopped = lane.forwarder.stop();
  await lane.clock.advance(1000);
  await stopped;
  expect(letters(lane)).toEqual(['unknown_outcome']);
  expect([lane.keeper.waiting(), lane.keeper.leased()]).toEqual([1, 0]);
});

test('an update is never too old for its time, but given up like any other', async () => {
  await using lane = await openLane({ giveUpAfterMs: 10 * 24 * 3_600_000 });
  lane.give(set('a', 1));
  await lane.clock.advance(6 * 24 * 3_600_000);
  lane.forwarder.start();
  await lane.drained();
  expect(propertiesOf(lane, 'a')).toEqual({ Plan: 1 });
  await using late = await openLane();
  late.give(set('a', 1), add('b'));
  await late.clock.advance(73 * 3_600_000);
  late.forwarder.start();
  await until(() => late.keeper.dead.length > 0);
  await late.clock.advance(10);
  await late.drained();
  expect(letters(late)).toEqual(['gave_up', 'gave_up']);
});

test('the pace of a source counts its events and updates together', async () => {
  await using lane = await openLane({ rates: { shop: { count: 2, windowMs: 1000 } } });
  lane.give({ event: 'Paid' }, { event: 'Paid' }, set('a', 1), add('b'));
  lane.forwarder.start();
  await until(() => lane.keeper.delivered.length === 2);
  await lane.clock.advance(999);
  expect(lane.keeper.waiting()).toBeGreaterThan(0);
  await lane.clock.advance(1000);
  await lane.drained();
});

test('a flood of updates that go once does not shut events out', async () => {
  await using lane = await openLane({ concurrency: 1 });
  lane.give(...Array.from({ length: 50 }, (_, index) => add(`user-${index}`)));
  lane.put('stripe', 10);
  lane.forwarder.start();
  await lane.drained();
  const events = lane.attempts.findIndex(({ events }) => events === 10);
  expect(events).toBeGreaterThanOrEqual(0);
  expect(events).toBeLessThan(10);
});
