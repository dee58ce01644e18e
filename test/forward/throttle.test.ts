/** The controller against models of limiters, in simulated time. */
import { expect, test } from 'vitest';
import {
  bucketLimiter,
  type Limiter,
  Simulation,
  type SimulationOptions,
  secondsLimiter,
  slidingLimiter,
} from '../support/limiter.ts';

/** Chance of a test: the jitter of the waits; the same each time. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
}

function simulate(limiter: Limiter, options: Partial<SimulationOptions> = {}): Simulation {
  return new Simulation({ limiter, chance: dice(7), ...options });
}

/** What is taken of the limit, and refused of the requests, from the 60th to the 180th second after now. */
function afterAMinute(simulation: Simulation, limiter: Limiter): { taken: number; refused: number } {
  const from = simulation.now / 1000;
  simulation.run(180);
  return {
    taken: simulation.rateBetween(from + 60, from + 180) / limiter.rate,
    refused: simulation.refusedShare(from + 60, from + 180),
  };
}

test.each([
  { rate: 100, roundTripMs: 40, least: 0.85 },
  { rate: 1000, roundTripMs: 40, least: 0.85 },
  { rate: 1000, roundTripMs: 300, least: 0.85 },
  { rate: 10_000, roundTripMs: 5, least: 0.85 },
  // Ten requests in flight are slow to fill a long way.
  { rate: 10_000, roundTripMs: 300, least: 0.8 },
])(
  'a limit of $rate/s behind $roundTripMs ms is found within a minute, and again when it doubles, halves, doubles',
  ({ rate, roundTripMs, least }) => {
    const limiter = bucketLimiter(rate);
    const simulation = simulate(limiter, { roundTripMs });
    for (const factor of [1, 2, 0.5, 2]) {
      limiter.rate *= factor;
      const { taken, refused } = afterAMinute(simulation, limiter);
      expect(taken).toBeGreaterThan(least);
      expect(refused).toBeLessThan(0.01);
    }
  },
);

test.each([600, 1000, 10_000])(
  'of a limit of %i/s nine tenths are taken, whatever the chance of the waits, when it has stood, doubled and halved',
  (rate) => {
    const shares: number[] = [];
    for (let seed = 1; seed <= 10; seed++) {
      const limiter = bucketLimiter(rate);
      const simulation = simulate(limiter, { chance: dice(seed) });
      for (const factor of [1, 2, 0.5]) {
        limiter.rate *= factor;
        shares.push(afterAMinute(simulation, limiter).taken);
      }
    }
    // One wait of 3 to 7 s in a minute, which is how the limit is kept in sight, costs 5 to 12 % of it.
    expect(shares.reduce((sum, share) => sum + share) / shares.length).toBeGreaterThanOrEqual(0.9);
  },
);

test.each([
  ['a bucket of three tenths of a second', bucketLimiter(2000, 0.3), 0.75],
  ['a bucket of two seconds', bucketLimiter(2000, 2), 0.8],
  ['a bucket of ten seconds', bucketLimiter(2000, 10), 0.9],
  ['seconds of the clock', secondsLimiter(2000), 0.6],
  ['any second', slidingLimiter(2000), 0.6],
] as const)('a limiter of another kind (%s) is kept to as well', (_kind, limiter, least) => {
  const simulation = simulate(limiter);
  const { taken, refused } = afterAMinute(simulation, limiter);
  expect(taken).toBeGreaterThan(least);
  expect(refused).toBeLessThan(0.01);
});

test('a limit of one batch in ten seconds is met with small requests, not with the same large one for ever', () => {
  const limiter = bucketLimiter(200, 1);
  const simulation = simulate(limiter);
  const { taken, refused } = afterAMinute(simulation, limiter);
  expect(simulation.answers[0]).toMatchObject({ events: 2000, taken: false });
  expect(taken).toBeGreaterThan(0.85);
  expect(refused).toBeLessThan(0.01);
});

test('nothing goes in the wait after a 429, and then half of what is right at first', () => {
  const limiter = bucketLimiter(1000);
  const simulation = simulate(limiter).run(200);
  const refusedAt = simulation.answers.findLast(({ taken, at }) => !taken && at < 190_000)?.at ?? 0;
  const next = simulation.answers.find(({ at }) => at > refusedAt + 100)?.at ?? 0;
  expect(next - refusedAt).toBeGreaterThanOrEqual(3000);
  const from = next / 1000;
  expect(simulation.rateBetween(from + 0.05, from + 0.45) / limiter.rate).toBeLessThan(0.75);
  expect(simulation.rateBetween(from + 1, from + 3) / limiter.rate).toBeGreaterThan(0.9);
});

test('a Retry-After of two minutes is waited out', () => {
  const limiter = bucketLimiter(1000);
  const simulation = simulate(limiter, { refusal: { retryAfterMs: 120_000 } }).run(125);
  const [first, second] = simulation.answers.filter(({ taken }) => !taken);
  expect(first?.at).toBeLessThan(1000);
  expect((second?.at ?? Number.POSITIVE_INFINITY) - (first?.at ?? 0)).toBeGreaterThanOrEqual(120_000);
  expect(simulation.rateBetween(5, 120)).toBe(0);
});

test('without a limit nothing is held back, and requests stay as large as they may be', () => {
  const simulation = simulate(bucketLimiter(Number.POSITIVE_INFINITY)).run(10);
  expect(simulation.circuit.status().rateLimit).toBeNull();
  expect(new Set(simulation.answers.map(({ events }) => events))).toEqual(new Set([2000]));
  // Ten requests in each round trip of 40 ms.
  expect(simulation.rateBetween(1, 10)).toBeGreaterThan(450_000);
});

test('while little waits the limit is not tried, however long', () => {
  const limiter = bucketLimiter(1000);
  let quiet = false;
  let last = 0;
  // Five requests a second then, of fifty events: a quarter of what may go.
  const pressed = (now: number) => {
    if (!quiet) return true;
    if (now % 200 !== 0 || now === last) return false;
    last = now;
    return true;
  };
  const simulation = simulate(limiter, { pressed }).run(60);
  quiet = true;
  simulation.run(600);
  expect(simulation.refusedShare(70, 660)).toBe(0);
});

test('a limit that was lifted is forgotten by climbing, twice as fast each second', () => {
  const limiter = bucketLimiter(1000);
  const simulation = simulate(limiter).run(60);
  limiter.rate = Number.POSITIVE_INFINITY;
  simulation.run(120);
  expect(simulation.rateBetween(175, 180)).toBeGreaterThan(100_000);
});

test('after half an hour in which everything was refused the whole rate is back in seconds', () => {
  const limiter = bucketLimiter(1e9);
  const simulation = simulate(limiter).run(10);
  limiter.rate = 1e-9;
  simulation.run(1800);
  expect(simulation.rateBetween(20, 1810)).toBe(0);
  limiter.rate = 1e9;
  simulation.run(70);
  const back = simulation.answers.find(({ at, taken }) => taken && at > 1_810_000)?.at ?? Number.NaN;
  expect(simulation.rateBetween(back / 1000 + 2, back / 1000 + 4)).toBeGreaterThan(400_000);
});
