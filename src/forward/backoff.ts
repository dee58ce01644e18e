/** How long to wait after so many failures in a row: doubling from the base to the most, plus chance so that many do not come back together. */
export type RetrySettings = {
  readonly baseMs: number;
  readonly maxMs: number;
  readonly jitterMs: readonly [min: number, max: number];
};

/** Doubling further changes nothing and would overflow in the end. */
const DOUBLINGS_MAX = 30;

/** `failures` counts from 1; `chance` is in [0, 1). */
export function backoffMs(failures: number, retry: RetrySettings, chance: number): number {
  const doublings = Math.min(Math.max(failures - 1, 0), DOUBLINGS_MAX);
  const [least, most] = retry.jitterMs;
  return Math.min(retry.baseMs * 2 ** doublings, retry.maxMs) + least + chance * (most - least);
}
