/**
 * How a signature works, as data. A provider describes its scheme with these knobs and `signed.ts` does the rest;
 * a new provider should need none of its own code. Knobs are added when a provider forces one, not before.
 */
import type { Checker, Preparation } from './checker.ts';

export type Encoding = 'hex' | 'base64' | 'base64url';

/** How the key is written in the secret. */
export type KeyForm = {
  readonly encoding: 'utf8' | 'base64' | 'hex';
  /** Taken off a secret that begins with it. */
  readonly prefix?: string;
  /** Only secrets that begin with the prefix are for this digest; the others go to the first digest that does not insist. */
  readonly prefixNeeded?: boolean;
};

/** One kind of signature that may stand in the header. A scheme has several when old and new kinds travel side by side. */
export type Digest = {
  /** The last two are signatures with a public key, not HMACs; ecdsa-p256 is over SHA-256, in DER. */
  readonly algorithm: 'sha1' | 'sha256' | 'sha512' | 'ed25519' | 'ecdsa-p256';
  readonly encoding: Encoding;
  readonly key: KeyForm;
  /** The field or tag whose values are of this kind (`v1`); absent in the plain form. */
  readonly tag?: string;
};

/** Where the signatures stand. */
export type SignatureForm =
  /** `sha256=<signature>`: one value, perhaps behind a prefix. */
  | { readonly form: 'plain'; readonly header: string; readonly prefix?: string }
  /** `t=<time>,v1=<signature>,v1=<signature>`: unknown fields are ignored; blanks around fields only where the provider sends them. */
  | { readonly form: 'fields'; readonly header: string; readonly separator: ',' | ';'; readonly blanks?: boolean }
  /** `v1,<signature> v1,<signature>`: a list separated by single blanks. */
  | { readonly form: 'tagged'; readonly header: string }
  /** `<time>,<signature>,<signature>`: the time first, without names. */
  | { readonly form: 'time_first'; readonly header: string }
  /** One signature in each of these headers, one for each of the provider's keys; whichever are there. */
  | { readonly form: 'headers'; readonly headers: readonly string[] }
  /** In the body, at this path (`signature.signature`). */
  | { readonly form: 'body'; readonly path: string };

/** `any`: whichever of them it is, or an HTTP date: for providers of whom nobody says for sure. The signed text is the text as sent. */
export type TimeUnit = 's' | 'ms' | 'rfc3339' | 'any';

/**
 * Where the signed time stands: a field of the signature header (or its first place), a header of its own, or the body,
 * at a path. A path says a time that the signature covers, because it covers the body or names that path.
 */
export type TimestampForm = ({ readonly field: string } | { readonly header: string } | { readonly path: string }) & {
  readonly unit: TimeUnit;
  /** Both ways; absent: 300 s, what Stripe, Slack and Standard Webhooks use. */
  readonly toleranceMs?: number;
};

/** The signed text is these, one after the other, as bytes. */
export type Part =
  | { readonly literal: string }
  /** The time exactly as it was sent. */
  | { readonly timestamp: true }
  /** `without`: characters that may not stand in it, because they separate the parts of the signed text. */
  | { readonly header: string; readonly without?: string }
  | { readonly method: true }
  /** The URL as configured, never as the request claims it. */
  | { readonly url: true }
  /** What stands at this path of the parsed body. */
  | { readonly path: string }
  | { readonly body: true };

export type SignedScheme = {
  readonly signature: SignatureForm;
  readonly digests: readonly Digest[];
  readonly timestamp: TimestampForm | null;
  readonly message: readonly Part[];
};

/** A way of proving that no data describes. */
export type OwnProof = {
  readonly kind: 'own';
  /** For `trackrelay providers`: `RSA-SHA256 in paypal-transmission-sig`. */
  readonly proof: string;
  /** The signed text in the notation of a custom source, as near as it comes; null: the request's content is not signed. */
  readonly signed: string | null;
  /** Whether a time is signed, and its window (ms, both ways). */
  readonly toleranceMs: number | null;
  readonly prepare: (preparation: Preparation) => Checker;
};

/** How a request proves itself. */
export type ProofForm =
  /** The first scheme whose header is there decides alone: a weaker one is never tried after a stronger one failed. */
  | { readonly kind: 'signature'; readonly schemes: readonly SignedScheme[] }
  | OwnProof
  | { readonly kind: 'token'; readonly header: string }
  | { readonly kind: 'token'; readonly query: string }
  /** `Authorization: Bearer <secret>`, or `?access_token=<secret>` (RFC 6750). */
  | { readonly kind: 'bearer' }
  /** The Authorization header in any of its forms: the secret itself, `Bearer <secret>`, or Basic with user:password. */
  | { readonly kind: 'authorization' }
  | { readonly kind: 'basic' }
  | { readonly kind: 'path_key' }
  | { readonly kind: 'none' };

/** Window around a signed time when neither provider nor source states one. */
export const defaultToleranceMs = 300_000;

/** Told when a source sets a window where there is nothing to hold against it. */
export const toleranceWithoutTime = '`tolerance` has no effect: this provider signs no time';

/** The whole body, as it came: the signed text of most providers. */
export const bodyAlone: readonly Part[] = [{ body: true }];

export const utf8Key: KeyForm = { encoding: 'utf8' };

/** The most usual scheme: an HMAC over the body in a header of its own. */
export function bodySignature(
  header: string,
  { algorithm = 'sha256', encoding = 'hex', key = utf8Key, prefix = '' }: Partial<Digest> & { prefix?: string } = {},
): SignedScheme {
  return {
    signature: { form: 'plain', header, prefix },
    digests: [{ algorithm, encoding, key }],
    timestamp: null,
    message: bodyAlone,
  };
}
