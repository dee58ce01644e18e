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
