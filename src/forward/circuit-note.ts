/**
 * What a sender writes down of its destination's circuit, for the next sender and for those who look. Times of day are for show;
 * what is waited for is told as a length, because the relays' clocks may disagree.
 */
import type { CircuitStatus, LastError } from './circuit.ts';
import type { FoundLimit } from './throttle.ts';

export type CircuitNote = {
  readonly state: CircuitStatus['state'];
  readonly since: number;
  /** In a row: how long the next wait is. */
  readonly failures: number;
  /** From the moment of the note on. */
  readonly waitMs: number;
  readonly lastError: LastError | null;
  readonly lastSuccessAt: number | null;
  readonly limit: FoundLimit | null;
};

/** As it is read: with the id of the relay that wrote it. */
export type SenderNote = CircuitNote & { readonly by: string };

/** Enough to know what is the matter; the log has the whole of it. */
const MESSAGE_LENGTH_MAX = 500;
/** A note is from a relay, maybe of another version: nothing in it may stop this one for ever. */
const WAIT_MAX_MS = 24 * 3_600_000;

export function writeNote(note: CircuitNote, by: string): string {
  const { lastError } = note;
  const error = lastError && { ...lastError, message: lastError.message.slice(0, MESSAGE_LENGTH_MAX) };
  return JSON.stringify({ by, ...note, lastError: error });
}

/** Null: it cannot be read. */
export function readNote(text: string): SenderNote | null {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return null;
  }
  return isNote(read) ? { ...read, waitMs: Math.min(read.waitMs, WAIT_MAX_MS) } : null;
}

export function statusOf(note: CircuitNote, ageMs: number, now: number): CircuitStatus {
  const { state, since, lastError, lastSuccessAt, limit } = note;
  return {
    ...{ state, since, lastError, lastSuccessAt },
    circuit: state === 'ok' ? 0 : 2,
    nextAttemptAt: state === 'ok' ? null : now + Math.max(0, note.waitMs - ageMs),
    rateLimit: limit?.rate ?? null,
  };
}

const STATES: ReadonlySet<unknown> = new Set(['ok', 'failing', 'paused']);
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isCount = (value: unknown) => typeof value === 'number' && value >= 0 && value < Number.MAX_SAFE_INTEGER;
const orNull = (value: unknown, is: (value: unknown) => boolean) => value === null || is(value);

function isNote(read: unknown): read is SenderNote {
  if (!isObject(read)) return false;
  const { by, state, since, failures, waitMs, lastError, lastSuccessAt, limit } = read;
  if (typeof by !== 'string' || !STATES.has(state) || ![since, failures, waitMs].every(isCount)) return false;
  return orNull(lastSuccessAt, isCount) && orNull(lastError, isError) && orNull(limit, isLimit);
}

function isError(read: unknown): boolean {
  return isObject(read) && typeof read.reason === 'string' && typeof read.message === 'string' && isCount(read.at);
}

function isLimit(read: unknown): boolean {
  if (!isObject(read) || typeof read.sure !== 'boolean') return false;
  return isCount(read.rate) && read.rate !== 0 && orNull(read.burstMs, isCount);
}
