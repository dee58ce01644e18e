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

/** Redis is there and does not let the relay in: a password, a certificate. At the start only a person mends that. */
export class NotAdmittedError extends Error {
  override readonly name = 'NotAdmittedError';
}

/** Words of Redis' that pass by themselves where they were said: a slot on its way, a script that takes long. */
const passing = new Set(['TRYAGAIN', 'ASK', 'BUSY', 'UNKILLABLE', 'UNBLOCKED']);
/**
 * Words of a server that may not be the one to ask any more: a replica that was the primary, one that starts again or takes a copy of another,
 * one whose disk or whose replicas are gone. The address may lead to another by now, and only a new connection finds out.
 */
const elsewhere = new Set([
  'READONLY',
  'LOADING',
  'MASTERDOWN',
  'MISCONF',
  'NOREPLICAS',
  'CLUSTERDOWN',
  'MOVED',
  'NOAUTH',
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
  if (passing.has(word) || elsewhere.has(word))
    return new StoreUnavailableError(`Redis cannot do it now: ${error.message}`, options);
  if (word === 'CARRIED') return new StoreCarriedError(error.message.slice(word.length + 1), options);
  if (full.has(word)) return new BufferFullError(`Redis has no room: ${error.message}`, options);
  if (broken.has(word)) {
    const words = word === 'BROKEN' ? error.message.slice(word.length + 1) : error.message;
    return new StoreBrokenError(`What Redis holds cannot be read: ${words}`, options);
  }
  return error;
}

/** Whether another server may be there to ask, and a new connection would find it. */
export function isElsewhere(error: unknown): boolean {
  return elsewhere.has(replyWord(error));
}

/** As Node's `tls` calls a certificate whose issuer nobody here knows. */
const unknownIssuer = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

/** Why there is no connection, so that whoever reads it knows what to set right. Its words hold nothing of REDIS_URL. */
export function connectingTrouble(error: Error): Error {
  const { message } = error;
  const code = String((error as NodeJS.ErrnoException).code);
  const notAdmitted = (words: string) => new NotAdmittedError(words, { cause: error });
  switch (replyWord(error)) {
    case 'WRONGPASS':
    case 'NOPERM':
      return notAdmitted(`Redis refuses the user or the password of REDIS_URL (${message})`);
    case 'NOAUTH':
      return notAdmitted('Redis wants a password, and REDIS_URL has none');
  }
  if (unknownIssuer.has(code))
    return notAdmitted(
      `The certificate of Redis is not trusted (${message}): NODE_EXTRA_CA_CERTS names the file with the CA that signed it`,
    );
  if (/^CERT_|^ERR_TLS_CERT/.test(code)) return notAdmitted(`The certificate of Redis is not right (${message})`);
  // Of several addresses that a name has, none answered: what was wrong stands with each.
  if (message === '' && error instanceof AggregateError)
    return new Error(error.errors.map((one) => one.message).join(', '), { cause: error });
  return error;
}

/** Redis itself has no memory left, whatever our own bound says. */
export function isOutOfMemory(error: unknown): boolean {
  return error instanceof BufferFullError && replyWord(error.cause) === 'OOM';
}
