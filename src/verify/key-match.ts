/** What providers with a proof of their own have in common: keys of one kind, compared in constant time. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { Preparation } from './checker.ts';
import { type Chunks, decodeSignature, type Key } from './keys.ts';
import { urlMissing } from './message.ts';

/** Which secret signed one of these texts; -1: none. Every key is tried on every text, whichever fits. */
export function fittingSecret(keys: readonly Key[], messages: readonly Chunks[], signature: string): number {
  let secret = -1;
  for (const key of keys) {
    const bytes = decodeSignature(signature, key.digest);
    if (bytes === null) continue;
    for (const message of messages) if (key.matches(message, [bytes])) secret = key.secret;
  }
  return secret;
}

/** Equal or not, telling nothing of either in the time it takes. */
export function sameText(one: string, other: string): boolean {
  return timingSafeEqual(hash('sha256', one, 'buffer'), hash('sha256', other, 'buffer'));
}

/** The URL that the provider signs; when nothing says it, that is a problem of the configuration. */
export function urlNeeded({ urlOf, problems }: Preparation): (target: string) => string {
  if (urlOf === null) problems.push(urlMissing);
  return urlOf ?? (() => '');
}
