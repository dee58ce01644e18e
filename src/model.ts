/**
 * The glossary as types: what travels along the path of a webhook, from the door to the destination.
 *
 *   source       a configured sender with its own URL, verification and mapping
 *   delivery     one webhook we accepted (`dlv_…`)
 *   event        one Mixpanel event, or update of a profile or group, made from it, for one destination (`evt_…`)
 *   dead letter  what will not be tried again by itself, with its reason (`ded_…`)
 *   outcome      what one attempt came to; a value, never an exception
 *
 * Every time is milliseconds since the epoch, unless the name ends in another unit.
 */

/** Header or query fields: lower-case header names; a repeated query field is an array. */
export type Fields = Readonly<Record<string, string | readonly string[]>>;

/** A webhook as it came, before anybody believed it. */
export type RawDelivery = {
  readonly source: string;
  readonly provider: string;
  /** The provider's own id of this webhook, the same when it is sent again; null: every request is its own delivery. */
  readonly key: string | null;
  /** The provider's name for what happened (`charge.succeeded`), for lists and logs; null when it has none. */
  readonly type: string | null;
  readonly receivedAt: number;
  readonly method: string;
  /** Headers that carried a proof are already removed or masked by `verify/`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Fields;
  /** The bytes as they came, decompressed, at most RELAY_MAX_BODY_BYTES. */
  readonly body: Uint8Array;
};

declare const proven: unique symbol;
/** Only `verify/` can make one (`verify/verified.ts`); the buffer takes nothing else. */
export type Verified<T> = T & { readonly [proven]: true };

/** A delivery in the buffer. */
export type Delivery = RawDelivery & {
  readonly id: string;
  /** Position in the log, growing, never used twice. */
  readonly position: number;
  /** What `$insert_id` is made from: the provider's key, or the delivery's own id. */
  readonly identity: string;
};

export type DeliveryState = 'accepted' | 'mapped' | 'skipped' | 'failed';
export type EventState = 'waiting' | 'delivered' | 'dead';

/** Where an event goes and how; a request holds events of one route. `once`: sent twice it would count twice, so never again. */
export type Route = 'event' | UpdateRoute;
export type UpdateRoute = 'profile' | 'profile_once' | 'group' | 'group_once';

/** What makes an event an update of a profile or a group. */
export type Update = {
  readonly route: UpdateRoute;
  /** Whose profile or which group, within the destination: of one key, one at a time and in order. */
  readonly key: string;
};

/** One event as it will be sent, identity and time fixed. */
export type RelayEvent = {
  /** `evt_` + the delivery's own part + `-` + output index (+ `.` + part, + `-` + destination, when there are several). */
  readonly id: string;
  readonly destination: string;
  /** The JSON text as sent, but without the token: `{"event":…,"properties":{…}}`, ending in `}}`; an update ends in `}`. */
  readonly json: string;
  /** The event's own time, which `/track` refuses when it is five days old; of an update, when it was received. */
  readonly time: number;
  /** Absent: a plain event. */
  readonly update?: Update;
};

/** An event taken from the buffer to be sent; nobody else has it until it is settled, released or the lease ends. */
export type LeasedEvent = RelayEvent & {
  readonly position: number;
  readonly source: string;
  readonly delivery: string;
  /** When its delivery was received. */
  readonly receivedAt: number;
  /** Requests it was part of before this lease. */
  readonly attempts: number;
  /** An update that goes once was begun to be sent before, and nobody knows what came of it. */
  readonly begun?: true;
};

export type DeadLetter = {
  readonly id: string;
  readonly source: string;
  readonly delivery: string;
  readonly kind: 'mapping' | 'event';
  /** A code from `errors.ts` (`deadLetterReasons`). */
  readonly reason: string;
  /** What happened, in words; carries the destination's own where it spoke. */
  readonly message: string;
  readonly destination?: string;
  /** The event's JSON as it would have been sent, without the token. */
  readonly event?: unknown;
  readonly attempts: number;
  readonly created_at: string;
};

/**
 * What one request to a destination came to, decided by one pure function per destination.
 * `scope` says who waits: the batch alone, or the whole destination.
 */
export type Outcome =
  | { readonly kind: 'delivered' }
  | {
      readonly kind: 'retry';
      readonly reason: string;
      readonly message: string;
      readonly retryAfterMs?: number;
      /** True when the destination said it was too much (429): go on with one request at a time. */
      readonly slowDown: boolean;
      /** True: it is certain that nothing of the batch was taken. Absent: nobody knows. */
      readonly notTaken?: true;
      /** Give up on the batch after so many attempts with this reason; absent: by age only. */
      readonly attemptsMax?: number;
    }
  | { readonly kind: 'split'; readonly reason: string; readonly message: string; readonly tooLarge: boolean }
  | { readonly kind: 'pause'; readonly reason: string; readonly message: string }
  /** Its events fared differently: a verdict for each, at its place in the batch. */
  | { readonly kind: 'partial'; readonly verdicts: readonly Verdict[] };

/** What one answer says of one event. */
export type Verdict =
  | { readonly kind: 'delivered' }
  /** `blocked`: refused for a permission the relay lacks; as it is, it can be sent again once that is given. */
  | { readonly kind: 'dead'; readonly reason: 'rejected' | 'blocked'; readonly message: string }
  /** Sent again without those that are settled; a dead letter after so many such answers in a row. */
  | { readonly kind: 'retry'; readonly reason: string; readonly message: string; readonly attemptsMax: number };

/** So many per window: `6000/min` is { count: 6000, windowMs: 60000 }. */
export type Rate = { readonly count: number; readonly windowMs: number };

/**
 * What a provider says about its bodies that their content type does not. Plain values that survive JSON, because the
 * evaluator is told the same as the door: both must read one body alike.
 */
export type BodyForm = {
  /** JSON is sent as text/plain (SNS). */
  readonly plainTextIsJson?: boolean;
  /** What is called JSON may be JSON lines (Auth0's log streams). */
  readonly lines?: boolean;
  /** One field of the form is the content, and the rest of the form is dropped (Mandrill, Braintree). */
  readonly unwrap?: Unwrap;
};

export type Unwrap = { readonly field: string; readonly as: 'json' | 'base64-xml' };

/** A further key of source.yaml that this provider needs. */
export type ProviderField = {
  /** As in source.yaml. */
  readonly name: string;
  readonly required: boolean;
  /** True: treated like a secret: better from the environment, never shown. */
  readonly secret: boolean;
  /** What to write there, and where the vendor shows it. */
  readonly what: string;
  /** What it must look like; `shape` says so in words. */
  readonly pattern?: RegExp;
  readonly shape?: string;
};

/** The `verify:` block of a custom source, as written in source.yaml (contract §3); exactly one of these. */
export type CustomVerification =
  | { readonly kind: 'hmac'; readonly hmac: CustomHmac }
  | { readonly kind: 'token'; readonly header: string }
  | { readonly kind: 'token'; readonly query: string }
  | { readonly kind: 'basic' }
  | { readonly kind: 'path_key' }
  | { readonly kind: 'none' };

export type CustomHmac = {
  readonly algorithm: 'sha1' | 'sha256' | 'sha512';
  readonly header: string;
  readonly encoding: 'hex' | 'base64' | 'base64url';
  readonly prefix: string;
  /** Template of `{body} {timestamp} {url} {method} {header:NAME}` and literals. */
  readonly signed: string;
  readonly timestamp: { readonly header: string; readonly unit: 's' | 'ms' | 'rfc3339' } | null;
  readonly key: 'utf8' | 'base64' | 'hex';
};

/** A configured sender: `source.yaml` after its variables were filled in. Holds secrets: never log or answer one whole. */
export type Source = {
  readonly name: string;
  readonly provider: string;
  /** Any of them may match. Empty when one is missing (the source is closed) or when the provider needs none. */
  readonly secrets: readonly string[];
  /** Names of variables that are not set; not empty: the source is closed. */
  readonly missing: readonly string[];
  /** The exact URL registered at the provider; null: RELAY_PUBLIC_URL/hooks/NAME. */
  readonly url: string | null;
  /** Window around a signed timestamp; null: the provider's own. */
  readonly toleranceMs: number | null;
  readonly destinations: readonly string[];
  readonly keep: 'full' | 'masked' | 'none';
  /** Status of an accepted webhook; null: the provider's own need, else 200. */
  readonly answer: number | null;
  readonly limits: { readonly accept: Rate; readonly forward: Rate | null };
  /** Its share beside other sources while more waits than may go; absent: 1. */
  readonly weight?: number;
  /** What the provider needs besides a secret (`webhook_id`, `topic_arn`, …), by name as in source.yaml. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
  /** Only with `provider: custom`. */
  readonly verify: CustomVerification | null;
  /** Only with `provider: custom`: JSONata, or the word `body`; null: every request is its own delivery. */
  readonly deliveryId: string | null;
};
