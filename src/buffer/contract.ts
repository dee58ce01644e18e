/**
 * The buffer: what every keeper promises, whatever it keeps things in.
 *
 * 1. Accepted is durable. When `accept` resolves `accepted`, the delivery survives a power cut. It never resolves so
 *    before. When it rejects, the delivery may or may not be there; the sender will come again and be a duplicate.
 * 2. One key, one delivery. Two deliveries of a source with the same key within the retention are one: the second
 *    resolves `duplicate` with the first one's id, and counts nothing.
 * 3. A log and a queue. Deliveries are read in the order of their positions; `commitMapped` marks deliveries and queues
 *    their events in one transaction. Committing the same delivery twice changes nothing. What is committed or settled
 *    survives a crash; a power cut may undo the last of it (never half of a transaction), and it is then done again. But
 *    what was leased is on disk before `lease` resolves: an event that may have left is never made anew with another
 *    identity, and what is sent twice after a power cut are copies that the destination drops.
 * 4. One holder. A leased event is in no other lease until it is settled, released, or the lease has ended.
 *    What is leased and never settled comes back: after the lease, or when the keeper is opened again.
 * 5. Settled once. Settling an event that is not there any more (a late settle after the lease ended) changes nothing.
 * 6. Order. Within one source and destination, events are leased oldest position first; a released event comes before
 *    later ones.
 * 7. Bounds. `accept` resolves `full` when waiting work fills the bound or the disk has no room; settled history gives
 *    way first. Settling and mapping still work when it is full, within a headroom above the bound; past that they reject
 *    with BufferFullError, have changed nothing, and may be tried again.
 * 8. Tallies add up at every moment: accepted = unmapped + mapped + skipped + failed (deliveries) and
 *    created = waiting + delivered + dead (events), per source, in one snapshot.
 * 9. A secret that a provider hands over in a handshake is learned while its source is armed, once, and never over an
 *    existing one: of any number of `learnSecret` calls at the same time exactly one resolves `learned`, and then the
 *    secret survives a power cut and the source is no longer armed. Arming and forgetting survive one too. Nothing but
 *    `learnedSecrets` ever gives a secret out.
 * 10. What falls through is counted by type. Each delivery that `commitMapped` marks skipped or failed counts once for its
 *    source and type, in that transaction, since the folder was made. At most `unmappedTypesMax` types of a source have a
 *    count of their own. When there are more, the type with the smallest count (of equal ones the longest unseen) goes
 *    into `otherTypes`, and begins anew if it comes back: endless type names push out one another, and a type that was
 *    seen n times goes only when that many others were seen at least as often. What a replay mends counts no more.
 * 11. Of one key, one at a time. Of the waiting updates of one destination and key, whatever their source and route, only the
 *    oldest is ready or leased; the next becomes ready when that one is settled, and not before, through releases, ended
 *    leases and crashes.
 * 12. Begun is durable. When `begin` resolves, it survives a power cut that these updates may have left: in every later
 *    lease they say `begun`, until they are settled, or released as `attempted`: the destination did not take them.
 */
import type { Delivery, DeliveryState, LeasedEvent, RawDelivery, RelayEvent, Route, Verified } from '../model.ts';
import type { ReadingKeeper } from './reading.ts';
import type { ReplayingKeeper } from './replaying.ts';
import type { Sendership, SendershipOf } from './sendership.ts';

export type {
  DeadLetterFilter,
  DeliveryFilter,
  DeliverySummary,
  Page,
  PageRequest,
} from './reading.ts';

/** There is no room even for this now; nothing was changed, and it may be tried again later. */
export class BufferFullError extends Error {
  override readonly name = 'BufferFullError';
}

export type Accepted =
  | { readonly status: 'accepted'; readonly id: string }
  | { readonly status: 'duplicate'; readonly id: string }
  | { readonly status: 'full'; readonly retryAfterSeconds: number };

/** What the mapping made of one delivery. */
export type MappedDelivery = {
  readonly delivery: Pick<Delivery, 'position' | 'id' | 'source'>;
  readonly state: Exclude<DeliveryState, 'accepted'>;
  /** Events to queue, in output order. */
  readonly events: readonly RelayEvent[];
  /** Outputs that broke a rule, or the one reason the whole mapping failed. */
  readonly dead: readonly NewDeadLetter[];
  /** `keep: none`: its body goes in the same transaction. */
  readonly forgetBody?: boolean;
  /** `keep: masked`: this takes the place of its body in the same transaction. */
  readonly maskedBody?: Uint8Array;
};

export type NewDeadLetter = {
  readonly kind: 'mapping' | 'event';
  readonly reason: string;
  readonly message: string;
  readonly destination?: string;
  /** JSON text of the event without the token. */
  readonly eventJson?: string;
  readonly attempts: number;
};

export type LeaseRequest = {
  readonly destination: string;
  /** Only events of this route; absent: plain events. */
  readonly route?: Route;
  /** How many of each source at most, in this order; a source that is not named gives none. */
  readonly turns: readonly { readonly source: string; readonly eventsMax: number }[];
  readonly bytesMax: number;
  /** How long they are ours. */
  readonly leaseMs: number;
  /** Take only events whose own time is before this, oldest time first, from any source (turns are then ignored but for a total). */
  readonly olderThan?: { readonly time: number; readonly eventsMax: number };
};

export type Settlement =
  | { readonly position: number; readonly state: 'delivered' }
  | { readonly position: number; readonly state: 'dead'; readonly letter: NewDeadLetter };

/** Counts of one source since the folder was made. Events are counted once per destination. */
export type SourceTally = {
  readonly accepted: number;
  readonly duplicates: number;
  readonly unmapped: number;
  readonly mapped: number;
  readonly skipped: number;
  readonly failed: number;
  readonly created: number;
  readonly waiting: number;
  readonly delivered: number;
  readonly dead: number;
  readonly lastAcceptedAt: number | null;
};

/** Longer ones are refused: nobody's secret is, and the store must not be filled through a handshake. */
export const learnedSecretLengthMax = 1_024;
/** Sources that are armed or have a learned secret. */
export const learnedSourcesMax = 1_000;

/** Of one relay: source → revision of the mapping that it runs. */
export type Instance = ReadonlyMap<string, string>;

export type LearnedSecret = { readonly secret: string; readonly learnedAt: number };

export const unmappedTypesMax = 200;
/** The types of a source that have no count of their own, together; a type of just this name counts here too. */
export const otherTypes = '(other)';

/** Deliveries of one type that became nothing. */
export type UnmappedType = {
  readonly source: string;
  /** Null: those that have no type. */
  readonly type: string | null;
  readonly skipped: number;
  readonly failed: number;
  /** The newest of them; it may be past its retention. */
  readonly lastDelivery: string;
  /** When that one was received, and the first that this count holds. */
  readonly lastAt: number;
  readonly since: number;
};

export type BufferTally = {
  readonly sources: Readonly<Record<string, SourceTally>>;
  /** Events waiting per destination, leased ones included. */
  readonly waitingByDestination: Readonly<Record<string, number>>;
  readonly deadLetters: readonly { readonly source: string; readonly reason: string; readonly count: number }[];
  readonly lastDeadLetterAt: number | null;
  /** When the oldest delivery or event that still waits was received; null when nothing waits. */
  readonly oldestWaitingAt: number | null;
  readonly bytesUsed: number;
  readonly bytesMax: number;
  /** Why nothing can be accepted now; null when it can. */
  readonly full: 'buffer' | 'disk' | null;
};

/** Reading and replaying have their promises in files of their own. */
export interface BufferKeeper extends AsyncDisposable, ReadingKeeper, ReplayingKeeper {
  accept(delivery: Verified<RawDelivery>): Promise<Accepted>;

  /** The next deliveries to map, oldest first, from `after` on (a position; 0 = from the start of what is unmapped). */
  nextDeliveries(request: {
    readonly after: number;
    readonly limit: number;
    readonly bytesMax: number;
  }): Promise<readonly Delivery[]>;
  commitMapped(batch: readonly MappedDelivery[]): Promise<void>;

  /** Sources that have events of a route (absent: plain ones) ready to be leased for a destination, with their number. In memory, cheap. */
  ready(destination: string, route?: Route): ReadonlyMap<string, number>;
  lease(request: LeaseRequest): Promise<readonly LeasedEvent[]>;
  /** Keep what is leased for another `leaseMs`. */
  extend(positions: readonly number[], leaseMs: number): Promise<void>;
  settle(settlements: readonly Settlement[]): Promise<void>;
  /** Leased updates that go once are about to be sent (promise 12). */
  begin(positions: readonly number[]): Promise<void>;
  /** Give back unsent, or sent in vain (`attempted`): they are ready again at once, before later ones. */
  release(positions: readonly number[], attempted: boolean): Promise<void>;

  /** Until `until` (wall-clock) the source takes a secret; a later call replaces the time. Rejects above `learnedSourcesMax`. */
  arm(source: string, until: number): Promise<'armed' | 'has_secret'>;
  /** Rejects when the secret is empty or longer than `learnedSecretLengthMax`. What is not learned costs no write. */
  learnSecret(source: string, secret: string, now: number): Promise<'learned' | 'not_armed' | 'has_secret'>;
  learnedSecrets(): Promise<ReadonlyMap<string, LearnedSecret>>;
  /** Sources that are armed at `now`, and until when. */
  armed(now: number): Promise<ReadonlyMap<string, number>>;
  /** The operator drops it, to learn another; false: there was none. The source is then not armed. */
  forgetSecret(source: string): Promise<boolean>;

  /** This relay's id among those that share the buffer; absent: nobody shares it. */
  readonly relay?: string;
  /** Who of those that share the buffer sends; absent: nobody shares it. */
  sendership?(of: SendershipOf): Sendership;

  /**
   * Tells the others that share the buffer what this relay runs, and answers what each runs that was heard of lately, this one first.
   * Absent: nobody shares it.
   */
  noteInstance?(revisions: Instance): Promise<readonly Instance[]>;

  tally(): Promise<BufferTally>;
  /** So many of each source at most, those that come most first. */
  unmappedTypes(perSourceMax: number): Promise<readonly UnmappedType[]>;

  /** Drop what is past its retention, a bounded piece at a time. The relay calls it about once a second. */
  sweep(): Promise<void>;
  /** Called (on a later tick, many changes once) when deliveries came in or events became ready. Returns how to stop it. */
  onWork(listener: () => void): () => void;
  /** Resolves with the reason when the store failed for good: stop answering, exit non-zero. */
  readonly failed: Promise<Error>;
}
