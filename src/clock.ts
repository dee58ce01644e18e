/**
 * The only place that knows the time and chance. Everything else is handed a Clock, so that tests can move it.
 * `now` is wall-clock time (ms since the epoch) and may jump; `monotonic` never goes back and is for delays.
 */
import { randomBytes } from 'node:crypto';

export type Clock = {
  /** Wall-clock milliseconds. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. */
  monotonic(): number;
  /** Resolves after `ms`, or as soon as the signal aborts (it never rejects: waiting cut short is no error). */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
  /** A number in [0, 1). */
  random(): number;
};

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  wait: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done, { once: true });
    }),
  random: () => Math.random(),
};

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
let pool = new Uint8Array(0);
let taken = 0;

/**
 * `prefix_` + 26 characters: 10 of time (ms, so that ids sort by age) and 16 of chance (80 bits, from the
 * operating system, taken 4 KB at a time because one call costs more than the id). The shape of a ULID.
 */
export function newId(prefix: string, now: number): string {
  let time = '';
  for (let rest = now, place = 0; place < 10; place++) {
    time = ALPHABET[rest % 32] + time;
    rest = Math.floor(rest / 32);
  }
  if (taken + 16 > pool.length) {
    pool = randomBytes(4096);
    taken = 0;
  }
  let chance = '';
  for (let place = 0; place < 16; place++) chance += ALPHABET[(pool[taken++] as number) & 31];
  return `${prefix}_${time}${chance}`;
}
