/**
 * What the buffer counts, for health, metrics and probes: asked at most so often, however many ask, and never waited for
 * longer than a probe would. Null: the buffer did not answer.
 */
import type { BufferKeeper, BufferTally, UnmappedType } from '../buffer/contract.ts';
import type { Clock } from '../clock.ts';

/** A monitor that asks ten times a second must not become the buffer's main work. */
const FRESH_MS = 250;
/** Kubernetes gives a probe one second. */
const WAIT_MS = 800;

/** Types of one source that are shown. */
const TYPES_SHOWN = 50;

export type Cached<T> = {
  /** As of `freshMs` ago at the most. */
  get(freshMs?: number): Promise<T | null>;
  /** What was last seen, at once. */
  readonly last: T | null;
};
export type TallyCache = Cached<BufferTally>;
export type UnmappedCache = Cached<readonly UnmappedType[]>;

export function createTallyCache(buffer: Pick<BufferKeeper, 'tally'>, clock: Clock): TallyCache {
  return cached(() => buffer.tally(), clock);
}

export function createUnmappedCache(buffer: Pick<BufferKeeper, 'unmappedTypes'>, clock: Clock): UnmappedCache {
  return cached(() => buffer.unmappedTypes(TYPES_SHOWN), clock);
}

function cached<T>(answerOf: () => Promise<T>, clock: Clock): Cached<T> {
  let last: T | null = null;
  let asked = Number.NEGATIVE_INFINITY;
  let asking: Promise<T | null> | null = null;

  const ask = async (): Promise<T | null> => {
    const enough = new AbortController();
    try {
      const startedAt = clock.monotonic();
      const answer = await Promise.race([answerOf(), clock.wait(WAIT_MS, enough.signal).then(() => null)]);
      if (answer !== null) [last, asked] = [answer, startedAt];
      return answer;
    } catch {
      return null;
    } finally {
      enough.abort();
      asking = null;
    }
  };

  return {
    get: async (freshMs = FRESH_MS) => {
      if (last !== null && clock.monotonic() - asked < freshMs) return last;
      asking ??= ask();
      return asking;
    },
    get last() {
      return last;
    },
  };
}
