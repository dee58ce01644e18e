import { expect, test } from 'vitest';
import { until } from '../support/fake-clock.ts';
import { openLane, TOKEN } from '../support/lane.ts';

test('three times 429 waits 2, 4 and 8 s and the jitter, and nothing else is sent meanwhile', async () => {
  await using lane = await openLane({ concurrency: 1 });
  lane.clock.chance = 0.5;
  lane.sandbox.faults.order({ scenario: 'flap429', times: 3 });
  lane.put('stripe', 10);
  lane.forwarder.start();
  for (const [count, waitMs] of [
    [1, 5000],
    [2, 7000],
    [3, 11_000],
  ] as const) {
    await lane.attempted(count);
    expect(lane.forwarder.status()).toMatchObject({ state: 'failing', nextAttemptAt: lane.clock.now() + waitMs });
    lane.put('github', 1);
    await lane.clock.advance(waitMs - 1);
    expect(lane.attempts).toHaveLength(count);
    await lane.clock.advance(1);
  }
  await lane.drained();
  expect(lane.forwarder.status()).toMatchObject({ state: 'ok', circuit: 0, nextAttemptAt: null });
  expect(lane.sandbox.state().events).toMatchObject({ raw: 13, distinct: 13 });
});

test('the batch that failed is sent again with the same events', async () => {
  await using lane = await openLane({ concurrency: 1 });
  lane.sandbox.faults.order({ scenario: 'html503' });
  lane.put('stripe', 10);
  lane.forwarder.start();
  await lane.attempted(1);
  lane.put('stripe', 5);
  await lane.clock.advance(3000);
  await lane.drained();
  expect(lane.attempts.map(({ batch, events, attempt }) => [batch, events, attempt])).toEqual([
    [lane.attempts[0]?.batch, 10, 1],
    [lane.attempts[0]?.batch, 10, 2],
    [lane.attempts[2]?.batch, 5, 1],
  ]);
});

test('Retry-After of 120 s is obeyed, with the leases kept for as long', async () => {
  await using lane = await openLane({ leaseMs: 130_000 });
  lane.sandbox.faults.order({ status: 429, headers: { 'retry-after': '120' } });
  lane.put('stripe', 10);
  lane.forwarder.start();
  await lane.attempted(1);
  await lane.clock.advance(119_999);
  expect(lane.attempts).toHaveLength(1);
  expect(lane.keeper.leased()).toBe(10);
  await lane.clock.advance(1);
  await lane.drained();
});

test('a wait longer than a lease gives the events back', async () => {
  await using lane = await openLane({ leaseMs: 60_000 });
  lane.sandbox.faults.order({ status: 429, headers: { 'retry-after': '120' } });
  lane.put('stripe', 10);
  lane.forwarder.start();
  await lane.attempted(1);
  expect(lane.keeper.leased()).toBe(0);
  await lane.clock.advance(120_000);
  await lane.drained();
  expect(lane.keeper.delivered[0]?.attempts).toBe(1);
});

test('a lost answer after everything was stored makes two raw copies and one event', async () => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ scenario: 'ambiguousAfterIngest' });
  lane.put('stripe', 3);
  lane.forwarder.start();
  await lane.attempted(1);
  expect(lane.attempts[0]).toMatchObject({ status: null, outcome: 'retry', reason: 'connection' });
  await lane.clock.advance(3000);
  await lane.drained();
  expect(lane.sandbox.state().events).toMatchObject({ raw: 6, distinct: 3 });
});

test('half a batch stored before a 500 is one event each after de-duplication', async () => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ scenario: 'partialIngestThen500' });
  lane.put('stripe', 10);
  lane.forwarder.start();
  await lane.attempted(1);
  await lane.clock.advance(3000);
  await lane.drained();
  expect(lane.sandbox.state().events).toMatchObject({ raw: 15, distinct: 10 });
});

test('one bad event among 2,000 is found by halving within its budget, with the words of the answer', async () => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ scenario: 'poisonRecord', index: 1234 });
  lane.put('stripe', 2000);
  lane.forwarder.start();
  await lane.drained();
  expect(lane.keeper.dead.map(({ letter }) => [letter.reason, letter.message, letter.attempts])).toEqual([
    ['rejected', '400: some data points in the request failed validation', expect.any(Number)],
  ]);
  expect(lane.keeper.dead[0]?.letter.eventJson).toContain('"number":1235');
  expect(lane.attempts.length).toBeLessThanOrEqual(1 + 22);
  expect(lane.sandbox.state().events).toMatchObject({ raw: 1999, distinct: 1999 });
});

test('when everything is refused, a pause comes after every 32 extra requests, and no good event is buried unseen', async () => {
  await using lane = await openLane({ leaseMs: 600_000 });
  lane.sandbox.faults.order({ status: 400, body: 'no', times: 1000 });
  lane.put('stripe', 64);
  lane.forwarder.start();
  const paused = () => until(() => lane.clock.waits().includes(10_000) && lane.forwarder.status().inFlight === 0);
  await paused();
  const before = lane.attempts.length;
  expect(before).toBeLessThanOrEqual(33);
  await lane.clock.advance(9999);
  expect(lane.attempts).toHaveLength(before);
  await lane.clock.advance(1);
  await paused();
  expect(lane.attempts.length - before).toBeGreaterThan(0);
  // The 32, and what was left of the budget before.
  expect(lane.attempts.length - before).toBeLessThanOrEqual(35);
  lane.sandbox.faults.clear();
  await lane.clock.advance(10_000);
  await lane.drained();
  const { length: buried } = lane.keeper.dead;
  expect(buried).toBeGreaterThan(0);
  expect(lane.sandbox.state().events.distinct).toBe(64 - buried);
});

test('200 with 0 is no success: the event is buried with the answer', async () => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ status: 200, body: '0' });
  lane.put('stripe', 1);
  lane.forwarder.start();
  await lane.drained();
  expect(lane.keeper.dead.map(({ letter }) => letter.message)).toEqual(['200: 0']);
  expect(lane.keeper.delivered).toHaveLength(0);
});

test('200 with a page nobody understands is tried three times, then buried', async () => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ status: 200, body: '<html>Welcome</html>', times: 3 });
  lane.put('stripe', 2);
  lane.forwarder.start();
  for (const count of [1, 2, 3]) {
    await lane.attempted(count);
    // Longer than the backoff, shorter than the patience with a request that begins meanwhile.
    await lane.clock.advance(10_000);
  }
  await lane.drained();
  expect(lane.keeper.dead.map(({ letter }) => [letter.reason, letter.message])).toEqual([
    ['unreadable_answer', '200: Welcome'],
    ['unreadable_answer', '200: Welcome'],
  ]);
});

test('null as an answer twice and then a right one delivers', async () => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ scenario: 'nullBody', times: 2 });
  lane.put('stripe', 2);
  lane.forwarder.start();
  for (const count of [1, 2]) {
    await lane.attempted(count);
    await lane.clock.advance(60_000);
  }
  await lane.drained();
  expect(lane.keeper.delivered).toHaveLength(2);
});

test.each([401, 403, 404, 405, 301, 414, 415])(
  '%i pauses: the events wait in the buffer and one request a minute asks',
  async (status) => {
    await using lane = await openLane();
    lane.sandbox.faults.order({ status, body: '{"error":"no"}', times: 3 });
    lane.put('stripe', 10);
    lane.forwarder.start();
    await lane.attempted(1);
    expect(lane.forwarder.status()).toMatchObject({
      state: 'paused',
      circuit: 2,
      lastError: { message: `${status}: no` },
    });
    expect(lane.keeper.leased()).toBe(0);
    for (const count of [2, 3]) {
      await lane.clock.advance(59_999);
      expect(lane.attempts).toHaveLength(count - 1);
      await lane.clock.advance(1);
      await lane.attempted(count);
    }
    await lane.clock.advance(60_000);
    await lane.drained();
    expect(lane.forwarder.status().state).toBe('ok');
    expect(lane.keeper.dead).toHaveLength(0);
  },
);

test('413 halves and remembers: later batches are smaller from the start', async () => {
  await using lane = await openLane({ concurrency: 1 });
  lane.sandbox.faults.order({ status: 413, body: '<html>too large</html>' });
  lane.put('stripe', 100, { padding: 1000 });
  lane.forwarder.start();
  await lane.drained();
  expect(lane.attempts.map((attempt) => attempt.events)).toEqual([100, 50, 50]);
  const half = (lane.attempts[0]?.bytes ?? 0) / 2;
  lane.put('stripe', 100, { padding: 1000 });
  await lane.drained();
  expect(lane.attempts.slice(3).length).toBeGreaterThan(1);
  expect(Math.max(...lane.attempts.slice(3).map((attempt) => attempt.bytes))).toBeLessThanOrEqual(half * 1.1);
});

test('batches grow again with success after a 413', async () => {
  await using lane = await openLane({ concurrency: 1 });
  lane.sandbox.faults.order({ status: 413, body: 'too large' });
  lane.forwarder.start();
  const requests: number[] = [];
  for (let round = 0; round < 25; round++) {
    const before = lane.attempts.length;
    lane.put('stripe', 100, { padding: 1000 });
    await lane.drained();
    requests.push(lane.attempts.length - before);
  }
  expect(requests[1]).toBeGreaterThan(1);
  expect(requests.at(-1)).toBe(1);
});

test('a single event that gets 413 is buried as too large', async () => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ status: 413, body: '{"error":"request exceeds max limit"}' });
  lane.put('stripe', 1);
  lane.forwarder.start();
  await lane.drained();
  expect(lane.keeper.dead.map(({ letter }) => [letter.reason, letter.message])).toEqual([
    ['too_large', '413: request exceeds max limit'],
  ]);
});

test('a request that gets no answer in 30 s is broken off and sent again', async () => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ scenario: 'slow' });
  lane.put('stripe', 1);
  lane.forwarder.start();
  // The sandbox's wait and the request's own deadline.
  await until(() => lane.clock.waits().length >= 3);
  await lane.clock.advance(30_000);
  await lane.attempted(1);
  expect(lane.attempts[0]).toMatchObject({ reason: 'timeout', status: null });
  await lane.clock.advance(3000);
  await lane.drained();
});

test('the token is in no attempt, letter or status, even when the destination repeats it', async () => {
  await using lane = await openLane();
  lane.sandbox.faults.order({ status: 400, body: `{"error":"bad ${TOKEN}"}` });
  lane.put('stripe', 1);
  lane.forwarder.start();
  await lane.drained();
  const told = JSON.stringify([lane.attempts, lane.settled, lane.keeper.dead, lane.forwarder.status()]);
  expect(told).toContain('400: bad [token]');
  expect(told).not.toContain(TOKEN);
});
