/**
 * What the door asks of a verifier. The order at the door is fixed: handshake (unsigned) → check → parse →
 * handshake (signed) → identify → seal → buffer.
 */
import type { BodyForm, Fields } from '../model.ts';

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
  /**
   * The body as it parses, for providers whose proof or handshake stands in it; undefined when it does not. It is worked
   * out once, within all bounds, and only when somebody asks: most senders are believed or refused without it.
   */
  readonly parsed: () => unknown;
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

/** A request that is no webhook but asks whether we are here, and what to answer. */
export type Handshake = Answer & {
  /** A URL on the provider's own list: it is called before we answer, and when that fails we do not say yes. */
  readonly confirm?: string;
  /** The secret that this handshake brings; taken only while the source is armed, and only once. */
  readonly secret?: string;
  /** For the operator: what is left for them to do, such as a URL that only a person should open. */
  readonly note?: string;
};

/** What an unsigned request is: a handshake, one that fails (`refused` says why, to the operator), or none (null). */
export type Greeting = Handshake | { readonly refused: string } | null;

/** Says that `check` passed for one source. Only `verify/` can make one; `seal` turns it into a `Verified`. */
export interface Proof {
  readonly source: string;
}

export type Verdict =
  | { readonly ok: true; readonly proof: Proof }
  /**
   * `reason` is for the operator; it never holds a secret or the right signature. `wants`: the provider's key is at this
   * URL (which is on the provider's list) and not here yet; get it and check again.
   */
  | { readonly ok: false; readonly reason: string; readonly wants?: string };

/** What a verified and parsed webhook says about itself. */
export type Identity = {
  /** The provider's id of this webhook, the same when it is sent again; null: none, or found by the source's own JSONata. */
  readonly key: string | null;
  /** What happened, in the provider's words. */
  readonly type: string | null;
  /** Not null: this is a handshake, answered with it and never kept. */
  readonly handshake: Handshake | null;
  /** What the provider needs to hear when this webhook was accepted (or seen before); null: the relay's own answer. */
  readonly answer: Answer | null;
};

/** What `sign` starts from: a request as `trackrelay send` would make it. */
export type UnsignedRequest = Pick<RawRequest, 'method' | 'target' | 'headers' | 'body'>;

/** What the provider would have added. */
export type Signature = {
  /** Path and query to request: changed when the proof is in the path or the query. */
  readonly target: string;
  /** The body when the proof stands in it; absent: as it was. */
  readonly body?: Uint8Array;
  /** Headers to add (they replace those of the same name). */
  readonly headers: Readonly<Record<string, string>>;
};

/** How one source is believed. Made by `createVerifier`; none of these throws or waits. */
export interface Verifier {
  readonly source: string;
  readonly provider: string;
  /** Methods that webhooks of this provider come by: POST, for a few GET too. */
  readonly methods: readonly string[];
  /** Further methods that only a handshake of this provider comes by. */
  readonly handshakeMethods: readonly string[];
  /** How its bodies are read. */
  readonly bodyForm: BodyForm;
  /** Not null: the source has no secret yet, and why; nothing is believed until a handshake brought one. */
  readonly awaitsSecret: string | null;
  /** What a sender that is not believed hears instead of our own refusal, where the provider insists; else null. */
  readonly refusal: Answer | null;
  /** `WWW-Authenticate` of a refusal; null: none. */
  readonly challenge: string | null;
  /** Standing remarks for health, such as a source that checks nothing. */
  readonly warnings: readonly string[];
  /** A handshake that the provider sends without a signature; null: go on. */
  handshakeUnsigned(request: RawRequest): Greeting;
  check(request: RawRequest, now: number): Verdict;
  /** After `check` and the parse, with the proof that `check` gave (a dry run has none). */
  identify(view: WebhookView, request: RawRequest, proof?: Proof): Identity;
  /** What this provider needs to hear for any accepted webhook; `Identity.answer` is the one to use. */
  readonly answer: Answer | null;
  /** What a real provider would send with this request. Throws UsageError when that takes a key we do not hold. */
  sign(request: UnsignedRequest, now: number): Signature;
  /** Header names (lower case) and query names whose values are masked in anything kept or shown. */
  readonly proofHeaders: readonly string[];
  readonly proofQuery: readonly string[];
}
