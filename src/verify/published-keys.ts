/** Keys that providers publish as certificates or key sets. Reading one costs more than using it, so the last are kept. */
import { Buffer } from 'node:buffer';
import { createPublicKey, type KeyObject, verify, type webcrypto, X509Certificate } from 'node:crypto';
import { decodeStrictly } from './keys.ts';

export type Certificate = {
  readonly key: KeyObject;
  /** Lower case; empty when it names nobody. */
  readonly commonName: string;
  readonly validFrom: number;
  readonly validTo: number;
};

/** A provider has two or three at a time. */
const keptMax = 8;
/** Google publishes two to four keys; what is beyond is not looked at. */
const keysMax = 20;

/** `read`, for texts that come again and again. */
export function keptReader<T>(read: (text: string) => T): (text: string) => T {
  const kept = new Map<string, T>();
  return (text) => {
    const known = kept.get(text);
    if (known !== undefined) return known;
    const made = read(text);
    for (const oldest of kept.keys()) if (kept.size >= keptMax) kept.delete(oldest);
    kept.set(text, made);
    return made;
  };
}

/** The first of a PEM text; null: it is none, or its key is not RSA. */
export function readCertificate(text: string): Certificate | null {
  try {
    const { publicKey: key, subject, validFromDate, validToDate } = new X509Certificate(text);
    if (key.asymmetricKeyType !== 'rsa') return null;
    const commonName = /^CN=(.*)$/m.exec(subject)?.[1]?.toLowerCase() ?? '';
    return { key, commonName, validFrom: validFromDate.getTime(), validTo: validToDate.getTime() };
  } catch {
    return null;
  }
}

/** The RSA keys of a JSON Web Key Set (RFC 7517) by their ids. */
export function readKeySet(text: string): ReadonlyMap<string, KeyObject> {
  const keys = new Map<string, KeyObject>();
  try {
    const { keys: list } = JSON.parse(text) as { keys: { kid?: unknown; kty?: unknown }[] };
    for (const key of list.slice(0, keysMax)) {
      if (key.kty !== 'RSA' || typeof key.kid !== 'string') continue;
      keys.set(key.kid, createPublicKey({ key: key as webcrypto.JsonWebKey, format: 'jwk' }));
    }
  } catch {
    // Not a key set, or no more of one: what was read so far is what there is.
  }
  return keys;
}

/** Whether the RSA key signed this. What OpenSSL cannot work with was not signed. */
export function rsaFits(
  algorithm: 'sha1' | 'sha256',
  signed: Uint8Array,
  key: KeyObject,
  signature: Uint8Array,
): boolean {
  try {
    return key.asymmetricKeyType === 'rsa' && verify(algorithm, signed, key, signature);
  } catch {
    return false;
  }
}

/** The same with text and a signature in base64. */
export function signedByRsa(algorithm: 'sha1' | 'sha256', text: string, key: KeyObject, base64: string): boolean {
  // 4096 bits are 684 characters.
  const signature = base64.length <= 1_024 ? decodeStrictly(base64, 'base64') : null;
  return signature !== null && rsaFits(algorithm, Buffer.from(text, 'utf8'), key, signature);
}
