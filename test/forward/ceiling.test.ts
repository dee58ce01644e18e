import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ceilings, ceilingsByProject } from '../../src/forward/ceiling.ts';
import { bucketLimiter, Simulation } from '../support/limiter.ts';

/** Mixpanel's. */
const ceiling = { eventsPerSecond: 30_000, bytesPerMinute: 2_000_000_000 };
const BURST = 10_000;

type Sent = { readonly at: number; readonly amount: number };

/** The most in any window of that length. */
function highest(sent: readonly Sent[], windowMs: number): number {
  let most = 0;
  let sum = 0;
  let first = 0;
  for (const { at, amount } of sent) {
    sum += amount;
    while ((sent[first]?.at ?? 0) <= at - windowMs) sum -= sent[first++]?.amount ?? 0;
    most = Math.max(most, sum);
  }
  return most;
}

test('whatever is sent as soon as it may be, no second and no minute is above the ceiling', () => {
  const restMs = fc.oneof(
    { weight: 19, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 90_000 }) },
  );
  const loads = fc.array(fc.record({ events: fc.integer({ min: 1, max: 2000 }), restMs }), {
    minLength: 50,
    maxLength: 600,
  });
  const eventBytes = fc.oneof(fc.integer({ min: 50, max: 500 }), fc.integer({ min: 500, max: 4000 }));
  const lateMs = fc.integer({ min: 0, max: 20 });
  fc.assert(
    fc.property(loads, eventBytes, lateMs, (all, bytesEach, late) => {
      const ceilings = new Ceilings(ceiling);
      const events: Sent[] = [];
      const bytes: Sent[] = [];
      let now = 0;
      for (const { events: count, restMs: rest } of all) {
        now += rest;
        const size = count * bytesEach;
        // A timer is never early, and often late.
        const wait = ceilings.waitMs(count, size, now);
        if (wait > 0) now += wait + late;
        ceilings.take(count, size, now);
        events.push({ at: now, amount: count });
        bytes.push({ at: now, amount: size });
      }
      expect(highest(events, 1000)).toBeLessThanOrEqual(30_000 + BURST);
      expect(highest(bytes, 60_000)).toBeLessThanOrEqual(2_000_000_000);
    }),
    { numRuns: 200 },
  );
});

test('a destination that takes everything gets 30,000 events a second, not more and hardly less', () => {
  const simulation = new Simulation({
    limiter: bucketLimiter(Number.POSITIVE_INFINITY),
    ceilings: new Ceilings(ceiling),
  }).run(70);
  const sent = simulation.answers.map(({ at, events }) => ({ at, amount: events }));
  expect(highest(sent, 1000)).toBeLessThanOrEqual(30_000 + BURST);
  expect(highest(sent, 60_000)).toBeLessThanOrEqual(60 * 30_000 + BURST);
  expect(simulation.rateBetween(10, 70)).toBeGreaterThan(29_900);
});

test('large events are held to 2 GB a minute', () => {
  const simulation = new Simulation({
    ...{
      limiter: bucketLimiter(Number.POSITIVE_INFINITY),
      ceilings: new Ceilings(ceiling),
      eventBytes: 4000,
      eventsMax: 450,
    },
  }).run(70);
  const bytes = simulation.answers.map(({ at, events }) => ({ at, amount: events * 4000 }));
  expect(highest(bytes, 60_000)).toBeLessThanOrEqual(2_000_000_000);
  expect(highest(bytes, 60_000)).toBeGreaterThan(1_900_000_000);
});

test('a limit below the ceiling is found under it as well, and one above it is never asked for', () => {
  const limiter = bucketLimiter(40_000);
  const simulation = new Simulation({ limiter, ceilings: new Ceilings(ceiling) }).run(120);
  expect(simulation.refusedShare(0, 120)).toBe(0);
  limiter.rate = 10_000;
  simulation.run(120);
  expect(simulation.rateBetween(180, 240)).toBeGreaterThan(8500);
});

test('one request larger than a whole burst goes when there is a whole burst', () => {
  const ceilings = new Ceilings({ eventsPerSecond: 100, bytesPerMinute: 1_000_000 });
  expect(ceilings.waitMs(2000, 1000, 0)).toBe(0);
  ceilings.take(2000, 1000, 0);
  expect(ceilings.waitMs(1, 1, 0)).toBe(19_010);
});

test('two destinations of one project share its ceiling, and another project has its own', () => {
  const ceilingsOf = ceilingsByProject();
  const of = (project: string) => ceilingsOf({ ...ceiling, project });
  of('a').take(10_000, 1, 0);
  expect(of('a').waitMs(2000, 1, 0)).toBeGreaterThan(0);
  expect(of('b').waitMs(2000, 1, 0)).toBe(0);
});
