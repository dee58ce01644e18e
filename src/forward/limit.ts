/**
 * The limit of a destination, from runs that each ended with its 429. One run alone cannot tell a high rate from a limiter that
 * saves up much; several can, for they lasted differently long: with the right burst all of them tell one rate.
 */
import type { Taken } from './taken.ts';

export type Limit = {
  /** Events a second. */
  readonly rate: number;
  /** What the limiter saves up, of a second's rate. */
  readonly burstMs: number;
  /** How many of the newest runs tell this limit; 1: it rests on one run and on what is usual. */
  readonly runs: number;
  /** Runs agree on it; or one alone tells it, because the burst is known and enough is saved up for a climb to say what the limit is. */
  readonly known: boolean;
};

const BURSTS_MS = [0, 250, 500, 1_000, 2_000, 4_000];
/** Limits are told per second, and mostly kept by a bucket that holds one. */
const USUAL_BURST_MS = 1_000;
/** With less saved up a climb is refused before it was taken for long enough to tell a rate. */
const TELLING_BURST_MS = 500;
/** Runs that tell one limit differ by less (natural logarithms of rates). */
const AGREE = 0.05;
/** Nearer than this two bursts are not told apart. */
const NEAR = 0.02;

export function likelyLimit(runs: readonly Taken[], knownBurstMs: number | null): Limit {
  const usual = knownBurstMs ?? USUAL_BURST_MS;
  for (let count = runs.length; count > 1; count--) {
    const burstMs = burstOf(runs.slice(-count), candidates(knownBurstMs), usual);
    if (burstMs !== null) return { rate: middle(runs.slice(-count), burstMs), burstMs, runs: count, known: true };
  }
  return {
    rate: runs.at(-1)?.rate(usual) ?? 0,
    burstMs: usual,
    runs: 1,
    known: (knownBurstMs ?? 0) >= TELLING_BURST_MS,
  };
}

/** Once more than was thought is saved up. */
export function nextBurst(burstMs: number | null): number {
  const at = BURSTS_MS.indexOf(burstMs ?? USUAL_BURST_MS);
  return BURSTS_MS[Math.min(at + 1, BURSTS_MS.length - 1)] ?? USUAL_BURST_MS;
}

/** A limit may change, how it is kept does not: what is known is mended by a step, or a limit that rose would look like a burst. */
function candidates(knownBurstMs: number | null): readonly number[] {
  if (knownBurstMs === null) return BURSTS_MS;
  const at = BURSTS_MS.indexOf(knownBurstMs);
  return BURSTS_MS.slice(Math.max(0, at - 1), at + 2);
}

/** With which these runs agree best; null: they do not. */
function burstOf(runs: readonly Taken[], bursts: readonly number[], usual: number): number | null {
  const spreads = bursts.map((burstMs) => ({ burstMs, spread: spread(runs, burstMs) }));
  const least = Math.min(...spreads.map(({ spread }) => spread));
  if (least > AGREE) return null;
  const likely = spreads.filter(({ spread }) => spread <= least + NEAR).map(({ burstMs }) => burstMs);
  return likely.includes(usual) ? usual : (likely.at(-1) ?? null);
}

function spread(runs: readonly Taken[], burstMs: number): number {
  const rates = runs.map((run) => Math.log(run.rate(burstMs)));
  return Math.max(...rates) - Math.min(...rates);
}

function middle(runs: readonly Taken[], burstMs: number): number {
  return Math.exp(runs.reduce((sum, run) => sum + Math.log(run.rate(burstMs)), 0) / runs.length);
}
