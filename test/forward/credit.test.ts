/** A token that nobody knows is a paused destination with its events waiting, though `/track` would say yes to all of them. */
import { expect, test } from 'vitest';
import type { Recognition } from '../../src/destinations/contract.ts';
import { until } from '../support/fake-clock.ts';
import { type Lane, type LaneOptions, openLane, TOKEN } from '../support/lane.ts';

const HOUR = 3_600_000;
const known: LaneOptions = { mixpanel: { recognises: true }, sandbox: { tokens: [TOKEN] } };
const unknown: LaneOptions = { mixpanel: { recognises: true }, sandbox: { tokens: ['another'] } };
const asked = (lane: Lane) => lane.sandbox.state().requests - lane.attempts.length;
/** Asked so often, and refused each time. */
const refused = (lane: Lane, times: number) =>
  until(
    () => asked(lane) === times && (lane.forwarder.status().nextAttemptAt ?? 0) > lane.clock.now(),
    `${times} refusals`,
  );

test('a known token is asked about once at the start and then hourly, and events go', async () => {
  await using lane = await openLane(known);
  lane.put('shop', 3);
  lane.forwarder.start();
  await lane.drained();
  expect(asked(lane)).toBe(1);
  expect(lane.sandbox.state().events.raw).toBe(3);
  await lane.clock.advance(HOUR + 60_000);
  await until(() => asked(lane) === 2);
  expect(lane.forwarder.status()).toMatchObject({ state: 'ok', lastError: null });
  expect(lane.sandbox.state().records.invalid).toBe(0);
});

test('an unknown one pauses the destination before anything was sent; its events wait', async () => {
  await using lane = await openLane(unknown);
  lane.put('shop', 3);
  lane.forwarder.start();
  await until(() => lane.forwarder.status().state === 'paused');
  expect(lane.forwarder.status().lastError).toMatchObject({
    reason: 'token_refused',
    message: expect.stringContaining('401: Invalid credentials; /track would say yes'),
  });
  for (let minute = 1; minute <= 5; minute++) {
    await lane.clock.advance(60_000);
    await refused(lane, minute + 1);
  }
  expect(lane.attempts).toEqual([]);
  expect(lane.keeper.waiting()).toBe(3);
});

test('when the token is known again the events go, and the destination is well', async () => {
  await using lane = await openLane(known);
  lane.sandbox.faults.order({ scenario: 'tokenRevoked' });
  lane.put('shop', 3);
  lane.forwarder.start();
  await until(() => lane.forwarder.status().state === 'paused');
  lane.sandbox.faults.clear();
  await lane.clock.advance(60_000);
  await lane.drained();
  expect(lane.forwarder.status().state).toBe('ok');
  expect(lane.sandbox.state().events.distinct).toBe(3);
});

test('a token that is revoked while all goes well is found within the hour, and what comes then waits', async () => {
  await using lane = await openLane(known);
  lane.forwarder.start();
  await until(() => asked(lane) === 1);
  lane.sandbox.faults.order({ scenario: 'tokenRevoked' });
  await lane.clock.advance(HOUR + 60_000);
  await until(() => lane.forwarder.status().state === 'paused');
  lane.put('shop', 1);
  await lane.clock.advance(30_000);
  expect(lane.attempts).toEqual([]);
});

test('a 401 of a batch puts the token in question: it is asked about before the next events are risked', async () => {
  await using lane = await openLane({ ...known, mixpanel: { recognises: true, import: 'always' } });
  lane.put('shop', 1);
  lane.forwarder.start();
  await lane.drained();
  lane.sandbox.faults.order({ scenario: 'tokenRevoked' });
  lane.put('shop', 2);
  await lane.attempted(2);
  expect(lane.forwarder.status().state).toBe('paused');
  const before = asked(lane);
  await lane.clock.advance(60_000);
  await refused(lane, before + 1);
  expect(lane.attempts).toHaveLength(2);
  lane.sandbox.faults.clear();
  await lane.clock.advance(60_000);
  await lane.drained();
  expect(lane.keeper.dead).toEqual([]);
});

/** A destination that answers the question as told. */
function saying(answer: () => Promise<Recognition>): LaneOptions & { readonly questions: number[] } {
  const questions: number[] = [];
  const recognise = () => {
    questions.push(questions.length);
    return answer();
  };
  return { questions, destination: { recognise } };
}

test('a question that hangs holds the first events five seconds and no longer', async () => {
  await using lane = await openLane(saying(() => new Promise(() => undefined)));
  lane.put('shop', 1);
  lane.forwarder.start();
  await lane.clock.advance(4999);
  expect(lane.attempts).toEqual([]);
  await lane.clock.advance(1);
  await lane.drained();
});

test('no answer says nothing of the token: events go, and it is asked again in a minute', async () => {
  const options = saying(async () => ({ kind: 'unknown', answered: false }));
  await using lane = await openLane(options);
  lane.put('shop', 1);
  lane.forwarder.start();
  await lane.drained();
  expect(options.questions).toHaveLength(1);
  await lane.clock.advance(120_000);
  expect(options.questions.length).toBeGreaterThan(1);
  expect(lane.forwarder.status().state).toBe('ok');
});

test('an answer of somebody who does not know is asked for again in an hour only', async () => {
  const options = saying(async () => ({ kind: 'unknown', answered: true }));
  await using lane = await openLane(options);
  lane.forwarder.start();
  await lane.clock.advance(30 * 60_000);
  expect(options.questions).toHaveLength(1);
});

test('what was refused stays refused while nobody answers', async () => {
  let answer: Recognition = { kind: 'refused', message: 'who?' };
  const options = saying(async () => answer);
  await using lane = await openLane(options);
  lane.put('shop', 1);
  lane.forwarder.start();
  await until(() => lane.forwarder.status().state === 'paused');
  answer = { kind: 'unknown', answered: false };
  await lane.clock.advance(180_000);
  expect(options.questions.length).toBeGreaterThan(2);
  expect(lane.forwarder.status()).toMatchObject({ state: 'paused', lastError: { message: 'who?' } });
  expect(lane.attempts).toEqual([]);
});

test('events that wait for a known token are given up like any other', async () => {
  await using lane = await openLane({ ...unknown, giveUpAfterMs: 10 * 60_000 });
  lane.put('shop', 1);
  lane.forwarder.start();
  for (let minute = 0; minute < 12; minute++) {
    await refused(lane, minute + 1);
    await lane.clock.advance(60_000);
  }
  await until(() => lane.keeper.waiting() === 0);
  expect(lane.keeper.dead.map(({ letter }) => letter.reason)).toEqual(['gave_up']);
});

test('a question that throws is a bug and holds nobody up', async () => {
  const options = saying(async () => Promise.reject(new Error('a bug')));
  await using lane = await openLane(options);
  lane.put('shop', 1);
  lane.forwarder.start();
  await lane.drained();
  await lane.clock.advance(30 * 60_000);
  expect(options.questions.length).toBeLessThanOrEqual(31);
});
