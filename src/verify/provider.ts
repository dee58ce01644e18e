/**
 * What we know about one provider, as data: how its webhooks prove themselves, where their id, type and time stand, which
 * handshakes it makes and what it wants to hear. One file each in `providers/`, found there by `registry.ts`.
 */
import type { BodyForm, ProviderField } from '../model.ts';
import type { Answer, Greeting, Handshake, RawRequest, WebhookView } from './contract.ts';
import type { ProofForm } from './scheme.ts';

/** How sure we are of a provider's scheme. */
export type Confidence = 'documented' | 'vendor-sdk' | 'unconfirmed';

/** A place in a request. `with`: counts only beside that header (an id that was not signed is no id). */
export type Place = (
  | { readonly header: string; readonly with?: string }
  /** A path in the parsed body. */
  | { readonly body: string }
  /**
   * A path in each element of the batch; different ones are joined (types), never used for ids. `of`: where the elements
   * stand, when the provider has a second form of batch.
   */
  | { readonly item: string; readonly of?: string }
  | { readonly query: string }
  /**
   * SHA-256 of what stands at these paths in every element of the batch; an element without the first has no id. For
   * batches whose elements have ids while the rest changes from try to try.
   */
  | { readonly each: readonly string[] }
  /** SHA-256 of query and body: for webhooks whose content holds a time or an id, so that only a repetition is equal. */
  | { readonly content: true }
) & {
  /** What stands here may be missing; the places before it are then enough. */
  readonly optional?: boolean;
};

/** Alternatives, the first complete one wins; the places of one alternative are joined with dots. */
export type Locator = readonly (readonly Place[])[];

/** A URL that the provider's requests may make us open, or where its keys are: https, this host, this path and query. */
export type Reachable = { readonly host: RegExp; readonly path: RegExp };

/** What a handshake is answered with. */
export type HandshakeContext = {
  /** The secret that fitted (signed handshakes), or the first (unsigned ones); empty when there is none. */
  readonly secret: string;
  readonly fields: Readonly<Record<string, readonly string[]>>;
};

export type Provider = {
  /** As written in source.yaml. */
  readonly name: string;
  /** As the vendor writes it. */
  readonly label: string;
  readonly confidence: Confidence;
  /** The vendor's page about verification. */
  readonly docs: string;
  /** What to paste as the secret, and where the vendor shows it. */
  readonly secret: string;
  /** Where to paste the relay's URL at the vendor, in its own words. */
  readonly register: string;
  /** How a secret is changed without a gap; absent: keep both in `secrets` until the vendor has switched. */
  readonly rotation?: string;
  /** `learned`: it comes in a handshake while the source is armed, unless source.yaml has one. `none`: there is none. */
  readonly secretFrom?: 'learned' | 'none';
  /** The operator has to paste a learned secret into a page of the vendor's. */
  readonly secretIsPastedBack?: boolean;
  /** A secret for sandbox mode where 64 hex digits will not do. */
  readonly sandboxSecret?: () => string;
  readonly fields?: readonly ProviderField[];
  /** null: the source says it itself (`provider: custom`). */
  readonly proof: ProofForm | null;
  /** Everything that may be fetched on its behalf; absent: nothing. */
  readonly reaches?: readonly Reachable[];
  /** The URL is part of what is signed, but not of everything it sends: unknown, it closes nothing. */
  readonly urlOptional?: true;
  readonly body?: BodyForm;
  /** Where the elements of a batch stand: a path through objects and lists, empty for the body itself; absent: no batches. */
  readonly batch?: string;
  /** The id that stays the same when the provider sends the webhook again. */
  readonly deliveryId: Locator;
  readonly eventType: Locator;
  /** Where no place tells the type. */
  readonly typeOf?: (view: WebhookView) => string | null;
  /** When it happened, for whoever writes a mapping: JSONata, and its form (`s`, `ms`, `ISO 8601`, …); null: not told. */
  readonly eventTime: { readonly at: string; readonly form: string } | null;
  /** `GET`, where webhooks come by that too. */
  readonly methods?: readonly 'GET'[];
  /** Methods that only its handshakes come by. */
  readonly handshakeMethods?: readonly ('GET' | 'HEAD' | 'OPTIONS')[];
  /** What its handshakes are, for people; absent: it makes none. */
  readonly handshakes?: string;
  /** A handshake that comes unsigned; null: this is none. */
  readonly handshakeUnsigned?: (request: RawRequest, context: HandshakeContext) => Greeting;
  /** A handshake that comes signed; null: this is none. */
  readonly handshake?: (view: WebhookView, context: HandshakeContext) => Handshake | null;
  /** What it needs to hear for every accepted webhook. */
  readonly answer?: Answer;
  /** What it needs to hear for this one; null: `answer`. */
  readonly answerTo?: (view: WebhookView) => Answer | null;
  /** What it needs to hear when it is not believed. */
  readonly refusal?: Answer;
};
