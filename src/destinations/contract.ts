/**
 * A destination: how a batch becomes a request, and an answer an outcome. It holds no queue and never retries;
 * pacing, backoff and the circuit belong to `forward/`.
 */
import type { LeasedEvent, Outcome, RelayEvent } from '../model.ts';

/** Why an output is no event for this destination. */
export type RuleViolation = { readonly rule: string; readonly message: string };

/** What is known of the delivery an output comes from. */
export type ShapeContext = {
  readonly source: string;
  /** The delivery's identity: the provider's key, or the delivery's own id. */
  readonly identity: string;
  readonly receivedAt: number;
  /** Place of the output in the mapping's result. */
  readonly index: number;
  readonly now: number;
};

/** What one output becomes: one event, or an update for each of its operators. */
export type Shaped = { readonly ok: true; readonly records: readonly ShapedRecord[] } | Refused;
export type ShapedRecord = Pick<RelayEvent, 'json' | 'time' | 'update'>;
export type Refused = { readonly ok: false } & RuleViolation;

/** What it takes at most from all who send to it, as its vendor says. */
export type Ceiling = {
  readonly eventsPerSecond: number;
  readonly bytesPerMinute: number;
  /** Destinations of the same project share one; says nothing of its token. */
  readonly project: string;
};

export interface Destination extends AsyncDisposable {
  readonly name: string;
  /** For health and logs: where it sends, without secrets. */
  readonly address: string;
  /** Age (ms) past which the destination takes no event; null when it takes any. */
  readonly eventAgeMaxMs: number | null;
  /** Events in one request at most; absent: as many as the relay's own setting says. */
  readonly eventsMax?: number;
  /** Absent: its vendor names none, or the destination keeps it itself. */
  readonly ceiling?: Ceiling;
  /** Those with the same words share a limit that the destination keeps itself: one relay sends to all of them. */
  readonly limitedWith?: string;
  /** Bytes that `events` take in one request, uncompressed, wrapping and token included. */
  sizeOf(event: Pick<LeasedEvent, 'json' | 'update'>): number;
  /** One request, of events of one route. Never throws: a broken connection is an outcome. Ends by itself (RELAY_SEND_TIMEOUT). */
  send(events: readonly LeasedEvent[], signal: AbortSignal): Promise<SendResult>;
  /** Events of different endpoints do not go in one request; it may change with time. Absent: all go to one. */
  endpointOf?(event: Pick<LeasedEvent, 'json' | 'time' | 'update'>, now: number): string;
  /**
   * Ask whether the destination knows our credentials; absent: it says so by itself. Counts nothing, ends by itself, never
   * throws. No answer says nothing of them.
   */
  recognise?(signal: AbortSignal): Promise<Recognition>;
  /** Ask whether the destination answers again, before updates that go once are risked on it; null: it has no such question. */
  readonly probe: (() => Promise<Outcome>) | null;
}

export type Recognition =
  | { readonly kind: 'known' }
  | { readonly kind: 'refused'; readonly message: string }
  /** `answered`: but by somebody who does not know, such as a proxy; asking again soon would be in vain. */
  | { readonly kind: 'unknown'; readonly answered: boolean };

export type SendResult = {
  readonly outcome: Outcome;
  /** HTTP status; null when there was no answer. */
  readonly status: number | null;
  readonly durationMs: number;
  /** Bytes of the body before compression. */
  readonly bytes: number;
};
