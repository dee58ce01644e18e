/**
 * What we know about one provider, as data: how its webhooks prove themselves, where their id and type stand, which
 * handshakes it makes and what it wants to hear. One file each in `providers/`, listed in `registry.ts`.
 */
import type { Answer, RawRequest, WebhookView } from './contract.ts';
import type { ProofForm } from './scheme.ts';

/** How sure we are of a provider's scheme. */
export type Confidence = 'documented' | 'vendor-sdk' | 'unconfirmed';

/** A place in a request. `with`: counts only beside that header (an id that was not signed is no id). */
export type Place = ({ readonly header: string; readonly with?: string } | { readonly body: string }) & {
  /** What stands here may be missing; the places before it are then enough. */
  readonly optional?: boolean;
};

/** Alternatives, the first complete one wins; the places of one alternative are joined with dots. */
export type Locator = readonly (readonly Place[])[];

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
  /** null: the source says it itself (`provider: custom`). */
  readonly proof: ProofForm | null;
  /** The id that stays the same when the provider sends the webhook again. */
  readonly deliveryId: Locator;
  readonly eventType: Locator;
  /** Methods besides POST that its handshakes come by. */
  readonly methods?: readonly string[];
  /** A handshake that comes unsigned; null: this is none. */
  readonly handshakeUnsigned?: (request: RawRequest) => Answer | null;
  /** A handshake that comes signed; null: this is none. */
  readonly handshake?: (view: WebhookView) => Answer | null;
  /** What it needs to hear for every accepted webhook. */
  readonly answer?: Answer;
  /** What it needs to hear for this one; null: `answer`. */
  readonly answerTo?: (view: WebhookView) => Answer | null;
};
