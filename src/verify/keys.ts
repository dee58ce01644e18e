/**
 * Keys, made ready once when a source is loaded, so that a request pays for nothing but the digest itself.
 * Signatures are decoded strictly before they are compared: a text that decodes to the right bytes but is not the
 * text the right signer would write (Node's base64 is lenient in its last character) is no match.
 */
import { Buffer } from 'node:buffer';
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import type { Digest, Encoding, KeyForm } from './scheme.ts';

/** Pieces of the signed text: strings hold one byte per character (latin1). */
export type Chunks = readonly (string | Uint8Array)[];

export type Key = {
  readonly digest: Digest;
  /** Its place among the source's secrets. */
  readonly secret: number;
  /** Whether any of the candidates is right; all are compared, whichever matches. */
  matches(message: Chunks, candidates: readonly Uint8Array[]): boolean;
  /** null: this key can only verify. */
  sign(message: Chunks): string | null;
};

/** A signature's length; in DER it depends on the numbers: two of 33 bytes at most, with their heads 72. */
const digestBytes = { sha1: 20, sha256: 32, sha512: 64, ed25519: 64, 'ecdsa-p256': null } as const;
const derBytesMax = 72;
/** What stands before the 32 bytes of an Ed25519 key in the usual public key format (RFC 8410 §4). */
const ed25519Prefix = Buffer.from('302a300506032b6570032100', 'hex');

/** Bytes of a text that is exactly what an encoder would write, else null. base64url may be padded or not. */
export function decodeStrictly(text: string, encoding: Encoding): Buffer | null {
  const plain =
    encoding === 'base64url' && text.endsWith('=') && text.length % 4 === 0 ? text.replace(/={1,2}$/, '') : text;
  const bytes = Buffer.from(plain, encoding);
  return bytes.toString(encoding) === plain ? bytes : null;
}

export function decodeSignature(text: string, digest: Digest): Uint8Array | null {
  const bytes = decodeStrictly(text, digest.encoding);
  if (bytes === null) return null;
  const length = digestBytes[digest.algorithm];
  return (length === null ? bytes.length <= derBytesMax : bytes.length === length) ? bytes : null;
}

/** A key for each secret, in their order; what is wrong with a secret is said without repeating it. */
export function prepareKeys(digests: readonly Digest[], secrets: readonly string[], problems: string[]): Key[] {
  const keys: Key[] = [];
  for (const [index, secret] of secrets.entries()) {
    const which = secrets.length === 1 ? 'the secret' : `secret ${index + 1} of ${secrets.length}`;
    const digest =
      digests.find(({ key }) => key.prefixNeeded && secret.startsWith(key.prefix ?? '')) ??
      digests.find(({ key }) => !key.prefixNeeded);
    if (digest === undefined) {
      const prefixes = digests.map(({ key }) => key.prefix).join(' or ');
      problems.push(`${which} does not begin with ${prefixes}`);
      continue;
    }
    const bytes = readKey(digest.key, secret);
    const key = typeof bytes === 'string' ? bytes : keyOf(digest, bytes, index);
    if (typeof key === 'string') problems.push(`${which} ${key}`);
    else keys.push(key);
  }
  return keys;
}

function keyOf(digest: Digest, bytes: Buffer, secret: number): Key | string {
  if (digest.algorithm === 'ecdsa-p256') return ecdsaKey(digest, bytes, secret);
  if (digest.algorithm !== 'ed25519') return hmacKey(digest, createSecretKey(bytes), secret);
  if (bytes.length !== 32) return `is no Ed25519 public key: it holds ${bytes.length} bytes, not 32`;
  const key = createPublicKey({ key: Buffer.concat([ed25519Prefix, bytes]), format: 'der', type: 'spki' });
  return publicKey(digest, { key, hash: null, secret, signer: null });
}

/** The private key serves too: whoever tests with a key of their own can then sign. */
function ecdsaKey(digest: Digest, bytes: Buffer, secret: number): Key | string {
  try {
    const isPublic = bytes.length < 100;
    const signer = isPublic ? null : createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' });
    const key = signer ? createPublicKey(signer) : createPublicKey({ key: bytes, format: 'der', type: 'spki' });
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1')
      return publicKey(digest, { key, hash: 'sha256', secret, signer });
  } catch {
    // Told below: what OpenSSL says of it helps nobody.
  }
  return 'is no public key of the curve P-256 in base64 (what the vendor calls the verification key)';
}

function readKey(form: KeyForm, secret: string): Buffer | string {
  const prefix = form.prefix !== undefined && secret.startsWith(form.prefix) ? form.prefix : '';
  const text = secret.slice(prefix.length);
  const where = prefix === '' ? '' : ` after ${prefix}`;
  if (text === '') return `is empty${where}`;
  if (form.encoding === 'utf8') return Buffer.from(text, 'utf8');
  // Some vendors print keys without their padding; the bytes are the same.
  const padded =
    form.encoding === 'base64'
      ? text.replace(/=+$/, '').padEnd(Math.ceil(text.replace(/=+$/, '').length / 4) * 4, '=')
      : text.toLowerCase();
  const bytes = decodeStrictly(padded, form.encoding);
  return bytes === null || bytes.length === 0 ? `is not ${form.encoding}${where}` : bytes;
}

function hmacKey(digest: Digest, key: KeyObject, secret: number): Key {
  const compute = (message: Chunks): Buffer => {
    const hmac = createHmac(digest.algorithm, key);
    for (const chunk of message) {
      if (typeof chunk === 'string') hmac.update(chunk, 'latin1');
      else hmac.update(chunk);
    }
    return hmac.digest();
  };
  return {
    digest,
    secret,
    matches(message, candidates) {
      const right = compute(message);
      let matched = false;
      for (const candidate of candidates) matched = timingSafeEqual(candidate, right) || matched;
      return matched;
    },
    sign: (message) => compute(message).toString(digest.encoding),
  };
}

type PublicKey = { key: KeyObject; hash: 'sha256' | null; secret: number; signer: KeyObject | null };

function publicKey(digest: Digest, { key, hash, secret, signer }: PublicKey): Key {
  return {
    digest,
    secret,
    matches(message, candidates) {
      const whole = joined(message);
      let matched = false;
      for (const candidate of candidates) matched = verify(hash, whole, key, candidate) || matched;
      return matched;
    },
    sign: (message) => signer && sign(hash, joined(message), signer).toString(digest.encoding),
  };
}

function joined(message: Chunks): Buffer {
  return Buffer.concat(message.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk)));
}
