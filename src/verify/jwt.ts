/**
 * JSON Web Tokens (RFC 7515, 7519), read strictly: three parts in canonical base64url and of bounded length, one
 * algorithm that the provider's file names, never the one the token asks for, and a lifetime that ends.
 */
import { Buffer } from 'node:buffer';
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { lastFitting } from './checker.ts';
import { decodeStrictly } from './keys.ts';
import { rsaFits } from './published-keys.ts';

type JsonObject = Readonly<Record<string, unknown>>;

export type Token = {
  readonly algorithm: unknown;
  /** Which of the provider's keys; null: not told. */
  readonly keyId: string | null;
  readonly claims: JsonObject;
  /** What is signed. */
  readonly signed: string;
  readonly signature: Uint8Array;
};

/** monday's carry an access token and reach 1,500 characters, Google's 1,200. */
const lengthMax = 8_192;
/** Clocks differ; those kept by NTP by far less. */
const leewayMs = 60_000;

/** A string says why it is none. */
export function readToken(text: string): Token | string {
  if (text.length > lengthMax) return `the token is longer than ${lengthMax} characters`;
  const parts = text.split('.');
  const [head = '', body = '', tail = ''] = parts;
  const signature = /^[A-Za-z0-9_-]+$/.test(tail) ? decodeStrictly(tail, 'base64url') : null;
  const header = objectOf(head);
  const claims = objectOf(body);
  if (parts.length !== 3 || signature === null || header === null || claims === null) return 'the token is malformed';
  // An extension that has to be understood (RFC 7515 §4.1.11) and is not.
  if (Object.hasOwn(header, 'crit')) return 'the token has extensions that are not understood';
  const keyId = Object.hasOwn(header, 'kid') && typeof header.kid === 'string' ? header.kid : null;
  return { algorithm: header.alg, keyId, claims, signed: `${head}.${body}`, signature };
}

function objectOf(part: string): JsonObject | null {
  const bytes = /^[A-Za-z0-9_-]+$/.test(part) ? decodeStrictly(part, 'base64url') : null;
  if (bytes === null) return null;
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
  } catch {
    return null;
  }
}

export function hmacKeys(secrets: readonly string[]): readonly KeyObject[] {
  return secrets.map((secret) => createSecretKey(Buffer.from(secret, 'utf8')));
}

/** Which of the keys signed it with HS256; -1: none, or it is signed in another way. */
export function signedByHs256({ algorithm, signed, signature }: Token, keys: readonly KeyObject[]): number {
  if (algorithm !== 'HS256' || signature.length !== 32) return -1;
  return lastFitting(keys, (key) => timingSafeEqual(createHmac('sha256', key).update(signed).digest(), signature));
}

/** The key has to be an RSA one: the token cannot make it anything else. */
export function signedByRs256({ algorithm, signed, signature }: Token, key: KeyObject): boolean {
  return algorithm === 'RS256' && rsaFits('sha256', Buffer.from(signed, 'latin1'), key, signature);
}

/** Why the token is not good now; null: it is. `ageMs`: how long one may live, whatever it says itself. */
export function untimely({ claims }: Token, now: number, ageMs: number): string | null {
  const seconds = (name: string) => (Object.hasOwn(claims, name) ? claims[name] : undefined);
  const [exp, nbf, iat] = [seconds('exp'), seconds('nbf'), seconds('iat')];
  if (typeof exp !== 'number') return 'the token does not say until when it is good (exp)';
  if (now > exp * 1000 + leewayMs) return 'the signature is right, but the token has expired';
  if (now + ageMs + leewayMs < exp * 1000) return 'the token is good for longer than the provider makes them';
  for (const time of [nbf, iat]) {
    if (time === undefined) continue;
    if (typeof time !== 'number') return 'a time in the token is no number';
    if (now + leewayMs < time * 1000) return 'the signature is right, but the token is of the future';
  }
  if (typeof iat === 'number' && now > iat * 1000 + ageMs) return 'the signature is right, but the token is too old';
  return null;
}

/** As the provider would make it. */
export function writeHs256(claims: JsonObject, secret: string): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
