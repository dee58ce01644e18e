/** Waits for work, but not longer than this. What is not done by then goes on unwatched. */
import type { Clock } from '../clock.ts';

export async function within(clock: Clock, ms: number, work: Promise<void>): Promise<void> {
  const ended = new AbortController();
  await Promise.race([work, clock.wait(ms, ended.signal)]);
  ended.abort();
}
