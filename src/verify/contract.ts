/**
 * What the door asks of a verifier. The order at the door is fixed: handshake (unsigned) → check → parse →
 * handshake (signed) → identify → seal → buffer.
 */
import type { Fields } from '../model.ts';

/** A request as it came, body complete and untouched: signatures are over these bytes. */
export type RawRequest = {
  readonly method: string;
  /** Path and query exactly as requested: `/hooks/stripe?x=1`. */
  readonly target: string;
  /** The part after `/hooks/<source>/`, decoded; null when there is none. */
  readonly pathKey: string | null;
  readonly query: Fields;
  /** Lower-case names. A header that came twice is joined with `, ` as Node does. */
  readonly headers: Readonly<Record<string, string>>;
  /** As sent: still compressed when Content-Encoding says so. */
  readonly body: Uint8Array;
};

/** The request and its parsed body: what ids, types and handshakes are read from. */
export type WebhookView = {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Fields;
  readonly body: unknown;
};

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** Says that `check` passed for one source. Only `verify/` can make one; `seal` turns it into a `Verified`. */
export interface Proof {
  readonly source: string;
}

export type Verdict =
  | { readonly ok: true; readonly proof: Proof }
  /** `reason` is for the operator; it never holds a secret or the right signature. */
  | { readonly ok: false; readonly reason: string };

/** What a verified and parsed webhook says about itself. */
export type Identity = {
  /** The provider's id of this webhook, the same when it is sent again; null: none, or found by the source's own JSONata. */
  readonly key: string | null;
  /** What happened, in the provider's words. */
  readonly type: string | null;
  /** Not null: this is a handshake, answered with it and never kept. */
  readonly handshake: Answer | null;
  /** What the provider needs to hear when this webhook was accepted (or seen before); null: the relay's own answer. */
  readonly answer: Answer | null;
};

/** What `sign` starts from: a request as `trackrelay send` would make it. */
export type UnsignedRequest = Pick<RawRequest, 'method' | 'target' | 'headers' | 'body'>;

/** What the provider would have added. */
export type Signature = {
  /** Path and query to request: changed when the proof is in the path or the query. */
  readonly target: string;
  /** Headers to add (they replace those of the same name). */
  readonly headers: Readonly<Record<string, string>>;
};

/** How one source is believed. Made by `createVerifier`; none of these throws or waits. */
export interface Verifier {
  readonly source: string;
  readonly provider: string;
  /** Methods besides POST that a handshake of this provider comes by. */
  readonly methods: readonly string[];
  /** Standing remarks for health, such as a source that checks nothing. */
  readonly warnings: readonly string[];
  /** A handshake that the provider sends without a signature; null: go on. */
  handshakeUnsigned(request: RawRequest): Answer | null;
  check(request: RawRequest, now: number): Verdict;
  /** After `check` and the parse. */
  identify(view: WebhookView, request: RawRequest): Identity;
  /** What this provider needs to hear for any accepted webhook; `Identity.answer` is the one to use. */
  readonly answer: Answer | null;
  /** What a real provider would send with this request. Throws UsageError when that takes a key we do not hold. */
  sign(request: UnsignedRequest, now: number): Signature;
  /** Header names (lower case) and query names whose values are masked in anything kept or shown. */
  readonly proofHeaders: readonly string[];
  readonly proofQuery: readonly string[];
}
