/**
 * What can be wrong with Redis, by what to do about it: wait and try again, wait for room, or give up for good.
 * A reply's first word says which (an error reply is a word and its explanation).
 */
import { BufferFullError } from '../contract.ts';

/** Away, silent, starting, or not the one to ask just now. It may have done what it was asked: asking again must be harmless. */
export class StoreUnavailableError extends Error {
  override readonly name: string = 'StoreUnavailableError';
}

/** Away already when it was to be asked: it has done nothing. */
export class NeverAskedError extends StoreUnavailableError {
  override readonly name = 'NeverAskedError';
}

/** What is kept there is not ours to read: nothing mends that but a person. */
export class StoreBrokenError extends Error {
  override readonly name: string = 'StoreBrokenError';
}

/** What is kept there is another place's now, or only half there (../carrying.ts); the message says what to do. */
export class StoreCarriedError extends StoreBrokenError {
  override readonly name = 'StoreCarriedError';
}

/** Words of Redis' that pass by themselves: a restart, a failover, a disk that comes back, a slot on its way. */
const passing = new Set([
  'LOADING',
  'READONLY',
  'MISCONF',
  'MASTERDOWN',
  'NOREPLICAS',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'MOVED',
  'ASK',
  'BUSY',
  'UNKILLABLE',
  // A password that is being changed: wrong at this moment, which the start has shown it was not always.
  'NOAUTH',
  'WRONGPASS',
]);
/** `BROKEN`: said by our own scripts. */
const broken = new Set(['WRONGTYPE', 'BROKEN']);
/** `FULL`: said by our own scripts. */
const full = new Set(['OOM', 'FULL']);

export function replyWord(error: unknown): string {
  return error instanceof Error ? (error.message.split(' ', 1)[0] ?? '') : '';
}

/** An error reply as one of ours; any other is a bug and stays what it is. */
export function troubleOf(error: Error): Error {
  const word = replyWord(error);
  const options = { cause: error };
  if (passing.has(word)) return new StoreUnavailableError(`Redis cannot do it now: ${error.message}`, options);
  if (word === 'CARRIED') return new StoreCarriedError(error.message.slice(word.length + 1), options);
  if (full.has(word)) return new BufferFullError(`Redis has no room: ${error.message}`, options);
  if (broken.has(word)) return new StoreBrokenError(`What Redis holds cannot be read: ${error.message}`, options);
  return error;
}

/** Redis itself has no memory left, whatever our own bound says. */
export function isOutOfMemory(error: unknown): boolean {
  return error instanceof BufferFullError && replyWord(error.cause) === 'OOM';
}
