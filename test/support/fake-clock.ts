/**
 * A clock that stands until it is moved. `advance` resolves the waits that fall due on the way, in order, and lets what they
 * woke run before it moves on, so that a wait begun by another is met too.
 */
import type { Clock } from '../../src/clock.ts';

export type FakeClock = Clock & {
  advance(ms: number): Promise<void>;
  /** What still waits, as milliseconds from now, soonest first. */
  waits(): readonly number[];
  /** Set what `random` gives from now on. */
  chance: number;
};

/** 2026-03-01T12:00:00Z: any moment that is not today. */
export const FAKE_NOW = 1_772_366_400_000;

export function createFakeClock(start = FAKE_NOW): FakeClock {
  let passed = 0;
  const sleepers = new Set<{ readonly due: number; wake(): void }>();
  const soonest = () => [...sleepers].sort((a, b) => a.due - b.due)[0];
  return {
    chance: 0,
    now: () => start + passed,
    monotonic: () => passed,
    random() {
      return this.chance;
    },
    wait: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const sleeper = {
          due: passed + ms,
          wake() {
            sleepers.delete(sleeper);
            signal?.removeEventListener('abort', sleeper.wake);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', sleeper.wake, { once: true });
      }),
    async advance(ms) {
      const until = passed + ms;
      await settleTasks();
      for (let next = soonest(); next && next.due <= until; next = soonest()) {
        passed = Math.max(passed, next.due);
        next.wake();
        await settleTasks();
      }
      passed = until;
      await settleTasks();
    },
    waits: () => [...sleepers].map((sleeper) => sleeper.due - passed).sort((a, b) => a - b),
  };
}

/** Lets promises and what they start run; real sockets need `until` instead. */
async function settleTasks(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Polls a condition that depends on real sockets or threads; bounded. */
export async function until(condition: () => boolean, what = 'the condition'): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what} did not come true within 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
