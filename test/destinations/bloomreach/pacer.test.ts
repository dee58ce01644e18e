import { expect, test } from 'vitest';
import { createPacer } from '../../../src/destinations/bloomreach/pacer.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const never = new AbortController().signal;

function setUp() {
  const clock = createFakeClock();
  const pacer = createPacer(clock);
  const granted: number[] = [];
  const ask = async (waitMaxMs = 60_000) => {
    const turn = await pacer.turn(waitMaxMs, never);
    if (turn.granted) granted.push(clock.monotonic());
    return turn;
  };
  return { clock, pacer, granted, ask };
}

/** The most that left within any second. */
function mostInASecond(times: readonly number[]): number {
  return Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1000).length));
}

test('no second holds all of a hundred requests, and the average is over ninety', async () => {
  const { clock, granted, ask } = setUp();
  for (let n = 0; n < 400; n++) void ask();
  await clock.advance(4000);
  expect(granted.length).toBeGreaterThan(360);
  expect(granted.length).toBeLessThan(370);
  expect(mostInASecond(granted)).toBeLessThanOrEqual(93);
  expect(mostInASecond(granted)).toBeGreaterThan(90);
});

test('a rest earns a few at once and no more', async () => {
  const { clock, granted, ask } = setUp();
  await clock.advance(10_000);
  for (let n = 0; n < 20; n++) void ask();
  await clock.advance(0);
  expect(granted).toHaveLength(2);
});

test('turns come in the order they were asked for', async () => {
  const { clock, pacer } = setUp();
  const order: number[] = [];
  for (let n = 0; n < 12; n++) void pacer.turn(60_000, never).then(() => order.push(n));
  await clock.advance(1000);
  expect(order).toEqual([...Array(12).keys()]);
});

test('who would wait longer than he may is told how long at once, and takes no turn from others', async () => {
  const { clock, granted, ask } = setUp();
  for (let n = 0; n < 50; n++) void ask();
  await clock.advance(0);
  const told = await ask(100);
  expect(told).toMatchObject({ granted: false });
  expect(told.granted === false && told.waitMs).toBeGreaterThan(400);
  expect(clock.waits()).toHaveLength(48);
  await clock.advance(1000);
  expect(granted).toHaveLength(50);
});

test('after a hold nobody leaves until it is over, and then not all at once', async () => {
  const { clock, pacer, granted, ask } = setUp();
  for (let n = 0; n < 30; n++) void ask();
  await clock.advance(0);
  pacer.hold(2000);
  await clock.advance(1999);
  expect(granted).toHaveLength(2);
  await clock.advance(1);
  expect(granted).toHaveLength(3);
  await clock.advance(1000);
  expect(granted).toHaveLength(30);
});

test('a hold longer than the wait one may have refuses those who wait already', async () => {
  const { clock, pacer, ask } = setUp();
  for (let n = 0; n < 2; n++) await ask();
  const waiting = ask(1000);
  pacer.hold(120_000);
  await clock.advance(100);
  expect(await waiting).toMatchObject({ granted: false });
});

test('a shorter hold does not end a longer one', async () => {
  const { clock, pacer, granted, ask } = setUp();
  pacer.hold(5000);
  pacer.hold(1000);
  void ask();
  await clock.advance(4999);
  expect(granted).toEqual([]);
  await clock.advance(1);
  expect(granted).toHaveLength(1);
});

test('a signal ends the wait', async () => {
  const { clock, pacer, ask } = setUp();
  for (let n = 0; n < 2; n++) await ask();
  const stop = new AbortController();
  const waiting = pacer.turn(60_000, stop.signal);
  stop.abort();
  await waiting;
  expect(clock.waits()).toEqual([]);
});

test('a machine that stood still does not send at once what it missed', async () => {
  const { clock } = setUp();
  let passed = 0;
  // Every timer is kept up to a whole standstill, as when nothing ran for 300 ms.
  const still = createPacer({
    ...clock,
    monotonic: () => passed,
    wait: async (ms, signal) => {
      await clock.wait(Math.ceil((passed + ms) / 300) * 300 - passed, signal);
    },
  });
  const left: number[] = [];
  for (let n = 0; n < 300; n++) void still.turn(60_000, never).then(() => left.push(passed));
  for (; passed < 4500; passed++) await clock.advance(1);
  expect(left).toHaveLength(300);
  expect(mostInASecond(left)).toBeLessThanOrEqual(93);
});
