/**
 * What the outside may read of a buffer: lists by cursor, and one delivery or dead letter with everything that is kept of it.
 *
 * Kept of a delivery, until it is past its retention or gives way: its row, its body (unless the source forgets bodies), and
 * the JSON of each event as it was queued, also after it was delivered: what was sent can be shown, not only guessed from
 * today's mapping. Requests that went well at the first try leave no trace of their own, so that sending stays cheap; the last
 * ones that did not are kept with the events they held (`noteAttempt`).
 */
import type { DeadLetter, DeliveryState, EventState, Fields, Outcome, Route } from '../model.ts';

export type DeliverySummary = {
  readonly id: string;
  readonly source: string;
  readonly provider: string;
  readonly type: string | null;
  readonly key: string | null;
  readonly state: DeliveryState;
  readonly received_at: string;
  readonly events: {
    readonly created: number;
    readonly waiting: number;
    readonly delivered: number;
    readonly dead: number;
  };
  readonly bytes: number;
};

/**
 * Cursor paging, newest first: `after` is the `next` of the page before. A page may be short, even empty, and still have a
 * next: a filter that few rows pass looks at a bounded number of them for each page.
 */
export type PageRequest = { readonly limit: number; readonly after?: string };
export type Page<T> = { readonly items: readonly T[]; readonly next: string | null };

/** Times of receipt, in milliseconds: `since` inclusive, `until` exclusive. */
export type TimeRange = { readonly since?: number; readonly until?: number };
export type DeliveryFilter = TimeRange & {
  readonly source?: string;
  readonly state?: DeliveryState;
  readonly type?: string;
};
export type DeadLetterFilter = TimeRange & {
  readonly source?: string;
  readonly reason?: string;
  readonly kind?: DeadLetter['kind'];
  readonly destination?: string;
  /** Of its delivery. */
  readonly type?: string;
};

/** Events and bytes of their JSON that one answer holds; a delivery may have become 10,000. */
export const eventsShownMax = 1_000;
export const eventBytesShownMax = 4 * 1024 * 1024;

export type WholeDelivery = {
  readonly summary: DeliverySummary;
  /** These four are null when they were forgotten (`keep: none`) or gave way. */
  readonly method: string | null;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly query: Fields | null;
  readonly body: Uint8Array | null;
  /** In the order they were made; what a replay made comes after what it replaces. */
  readonly events: readonly EventRecord[];
  /** How many more events there are than are shown. */
  readonly eventsLeftOut: number;
  /** Oldest first, at most as many as events. */
  readonly deadLetters: readonly DeadLetter[];
};

export type EventRecord = {
  readonly id: string;
  readonly destination: string;
  readonly route: Route;
  readonly state: EventState;
  /** As it was queued and sent, without the token. */
  readonly json: string;
  readonly time: number;
  /** Requests it was part of, as far as is known: of those that waited again, and of the noted ones. */
  readonly attempts: number;
  /** Delivered: when the last event of its delivery was settled. Dead: when it was buried. Null while it waits. */
  readonly settledAt: number | null;
  /** Of its dead letter (`deadLetterReasons`); null: it is not dead. */
  readonly reason: string | null;
  /** The destination's words, or ours: of its dead letter, else of the last attempt that was noted; null: none. */
  readonly lastWords: string | null;
  /** Those that were noted, oldest first. */
  readonly tries: readonly AttemptRecord[];
  /** The replay that made it (`rpl_…`); null: the mapping did. */
  readonly replay: string | null;
  /** The dead letter (`ded_…`) that it is an edited copy of; null: not edited. */
  readonly editedFrom: string | null;
};

export type AttemptRecord = {
  readonly batch: string;
  readonly at: number;
  /** Of its batch, from 1. */
  readonly attempt: number;
  readonly status: number | null;
  readonly outcome: Outcome['kind'];
  readonly reason: string | null;
  readonly message: string | null;
  readonly durationMs: number;
};

/** A request that did not deliver, or did only at a later try, and the events it held. */
export type AttemptNote = AttemptRecord & { readonly destination: string; readonly positions: readonly number[] };
/** Of the newest so many is told; longer words are cut. */
export const attemptsNotedMax = 1_000;
export const attemptWordsMax = 500;

export type WholeDeadLetter = DeadLetter & {
  /** Of its delivery. */
  readonly type: string | null;
  readonly receivedAt: number;
  /** The event's own time; null: a mapping's, or an output that never became an event. */
  readonly time: number | null;
  /** Null: it never was an event (an output that broke a rule), or an older relay buried it. */
  readonly eventId: string | null;
  readonly route: Route | null;
};

export interface ReadingKeeper {
  deliveries(filter: DeliveryFilter, page: PageRequest): Promise<Page<DeliverySummary>>;
  /** Null: not known, or not kept any more. */
  delivery(id: string): Promise<WholeDelivery | null>;
  deadLetters(filter: DeadLetterFilter, page: PageRequest): Promise<Page<DeadLetter>>;
  deadLetter(id: string): Promise<WholeDeadLetter | null>;
  /** Of help to a reader, not a promise: a note may be lost in a crash. */
  noteAttempt(note: AttemptNote): Promise<void>;
}
