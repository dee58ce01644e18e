/** One answer that speaks of each event: each is settled by its own verdict, and none is lost or sent again in vain. */
import { array, assert, constant, constantFrom, integer, oneof, property } from 'fast-check';
import { expect, test } from 'vitest';
import { sortByVerdict } from '../../src/forward/verdicts.ts';
import type { LeasedEvent, Outcome, Verdict } from '../../src/model.ts';
import { until } from '../support/fake-clock.ts';
import { type LaneOptions, openLane } from '../support/lane.ts';

const ok: Verdict = { kind: 'delivered' };
const bad = (message: string): Verdict => ({ kind: 'dead', reason: 'rejected', message });
const later = (attemptsMax: number): Verdict => ({
  kind: 'retry',
  reason: 'unreadable_answer',
  message: '?',
  attemptsMax,
});

/** A destination that answers with these, one a request; then everything is delivered. */
function answering(
  ...answers: readonly (Outcome | readonly Verdict[])[]
): LaneOptions & { readonly asked: string[][] } {
  const left = [...answers];
  const asked: string[][] = [];
  return {
    asked,
    concurrency: 1,
    destination: {
      async send(events) {
        asked.push(events.map(({ id }) => id));
        const next = left.shift() ?? { kind: 'delivered' };
        const outcome = 'kind' in next ? next : ({ kind: 'partial', verdicts: next } as const);
        return { outcome, status: 200, durationMs: 1, bytes: 1 };
      },
    },
  };
}

const ids = (events: readonly { readonly id: string }[]) => events.map(({ id }) => id);

test('each event is settled by its own verdict, and nothing is sent again', async () => {
  const options = answering([ok, bad('no name'), ok, { kind: 'dead', reason: 'blocked', message: 'not authorized' }]);
  await using lane = await openLane(options);
  lane.put('stripe', 4);
  lane.forwarder.start();
  await lane.drained();
  expect(ids(lane.keeper.delivered)).toEqual(['evt_1-0', 'evt_3-0']);
  expect(
    lane.keeper.dead.map(({ event, letter }) => [event.id, letter.reason, letter.message, letter.attempts]),
  ).toEqual([
    ['evt_2-0', 'rejected', 'no name', 1],
    ['evt_4-0', 'blocked', 'not authorized', 1],
  ]);
  expect(options.asked).toHaveLength(1);
  expect(lane.attempts).toMatchObject([
    { outcome: 'partial', reason: 'rejected', message: '2 of 4, the first: no name', events: 4 },
  ]);
  expect(lane.settled.map(({ state, reason, events }) => [state, reason, events.length])).toEqual([
    ['delivered', null, 2],
    ['dead', 'rejected', 1],
    ['dead', 'blocked', 1],
  ]);
});

test('dead letters with the same words are told together', async () => {
  await using lane = await openLane(answering([bad('x'), ok, bad('x'), bad('y')]));
  lane.put('stripe', 4);
  lane.forwarder.start();
  await lane.drained();
  expect(lane.settled.filter(({ state }) => state === 'dead').map(({ events }) => events.length)).toEqual([2, 1]);
});

test('what is to go again goes alone, after a wait in which the others are not held up', async () => {
  const options = answering([ok, later(3), bad('x'), later(3)]);
  await using lane = await openLane(options);
  lane.put('stripe', 4);
  lane.forwarder.start();
  await until(() => lane.keeper.waiting() === 2);
  expect(lane.forwarder.status().state).toBe('ok');
  lane.put('github', 1);
  await until(() => options.asked.length === 2);
  await lane.clock.advance(2999);
  expect(options.asked).toEqual([['evt_1-0', 'evt_2-0', 'evt_3-0', 'evt_4-0'], ['evt_5-0']]);
  await lane.clock.advance(1);
  await lane.drained();
  expect(options.asked[2]).toEqual(['evt_2-0', 'evt_4-0']);
  expect(lane.keeper.delivered).toHaveLength(4);
  expect(lane.keeper.dead).toHaveLength(1);
});

test('an event that is put off again and again becomes a dead letter, after as many requests as the verdict allows', async () => {
  const options = answering([ok, later(3)], [later(3)], [later(3)]);
  await using lane = await openLane(options);
  lane.put('stripe', 2);
  lane.forwarder.start();
  for (const count of [1, 2, 3]) {
    await lane.attempted(count);
    await lane.clock.advance(10_000);
  }
  await lane.drained();
  expect(options.asked).toEqual([['evt_1-0', 'evt_2-0'], ['evt_2-0'], ['evt_2-0']]);
  expect(lane.keeper.dead.map(({ letter }) => [letter.reason, letter.attempts])).toEqual([['unreadable_answer', 3]]);
});

test('events an answer is silent about go once more and are then buried; verdicts too many mean nothing', async () => {
  const options = answering([ok], [], []);
  await using lane = await openLane(options);
  lane.put('stripe', 2);
  lane.forwarder.start();
  await lane.attempted(1);
  await lane.clock.advance(10_000);
  await lane.drained();
  expect(options.asked).toEqual([['evt_1-0', 'evt_2-0'], ['evt_2-0']]);
  expect(lane.keeper.dead.map(({ letter }) => letter.message)).toEqual(['The answer says nothing of this event.']);
  const more = answering([ok, ok, bad('of whom?')]);
  await using other = await openLane(more);
  other.put('stripe', 2);
  other.forwarder.start();
  await other.drained();
  expect(other.keeper.delivered).toHaveLength(2);
});

test('all of an answer is settled at once: a store that fails is asked again with the whole of it', async () => {
  await using lane = await openLane(answering([ok, bad('x')]));
  lane.keeper.failing.settle = 1;
  lane.put('stripe', 2);
  lane.forwarder.start();
  await until(() => lane.clock.waits().includes(1000));
  expect(lane.keeper.waiting()).toBe(2);
  await lane.clock.advance(1000);
  await lane.drained();
  expect(lane.keeper.delivered).toHaveLength(1);
  expect(lane.keeper.dead).toHaveLength(1);
});

test('an answer that delivers something closes an open circuit', async () => {
  const down = { kind: 'retry', reason: 'server_error', message: '503', slowDown: false } as const;
  await using lane = await openLane(answering(down, [bad('x'), ok]));
  lane.put('stripe', 2);
  lane.forwarder.start();
  await lane.attempted(1);
  expect(lane.forwarder.status().state).toBe('failing');
  await lane.clock.advance(3000);
  await lane.drained();
  expect(lane.forwarder.status()).toMatchObject({ state: 'ok', lastSuccessAt: lane.clock.now() });
});

test('for any events and verdicts each event comes out exactly once, and only what the answer says is delivered', () => {
  const verdict = oneof(constant(ok), constant(bad('x')), integer({ min: 1, max: 4 }).map(later));
  const check = property(
    integer({ min: 0, max: 30 }),
    array(verdict, { maxLength: 40 }),
    constantFrom(1, 2, 3, 4, 5),
    (count, verdicts, strikes) => {
      const events = Array.from({ length: count }, (_, position) => ({ position }) as LeasedEvent);
      const { delivered, dead, again } = sortByVerdict(events, verdicts, strikes);
      const out = [...delivered, ...again, ...dead.map(({ event }) => event)].map(({ position }) => position);
      expect(out.toSorted((a, b) => a - b)).toEqual(events.map(({ position }) => position));
      for (const { position } of delivered) expect(verdicts[position]).toEqual(ok);
      expect(delivered).toHaveLength(verdicts.slice(0, count).filter(({ kind }) => kind === 'delivered').length);
      if (strikes >= 4) expect(again).toEqual([]);
    },
  );
  assert(check);
});
