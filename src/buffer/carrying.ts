/**
 * Moving: everything a store keeps, as pieces that another store can take, whatever either keeps things in.
 *
 * A store that is carried from or to is used by nobody else, and both carry a mark (`MoveMark`) that makes a relay refuse to start on
 * them. Pieces come in an order in which they can be taken: what is pointed at before what points at it. Taking a piece twice
 * changes nothing the second time: each thing is known by its id or position. So a move that was ended half way is begun anew, and
 * goes on.
 *
 * Positions stay what they are, but for Redis in several shards, where each is a function of the old one: order and what
 * notes and letters say of them stay right, and no list of old and new ones is needed.
 */
import type { DeadLetter, DeliveryState, EventState, Route } from '../model.ts';
import type { UnmappedType } from './contract.ts';
import type { AttemptRecord } from './reading.ts';
import type { ReplayRecord } from './replaying.ts';

export type CarriedDelivery = {
  readonly position: number;
  readonly id: string;
  readonly source: string;
  readonly provider: string;
  readonly type: string | null;
  readonly key: string | null;
  readonly receivedAt: number;
  readonly bytes: number;
  readonly state: DeliveryState;
  readonly created: number;
  readonly waiting: number;
  readonly dead: number;
  /** When its last event left. */
  readonly settledAt: number | null;
  /** Since when the oldest of its events waits. */
  readonly waitsSince: number | null;
  /** JSON of method, headers and query; null, with the body: forgotten, or given way. */
  readonly head: string | null;
  readonly body: Uint8Array | null;
  /** Positions of its events, in the order they were made; some may not be kept any more. */
  readonly events: readonly number[];
};

export type CarriedEvent = {
  readonly position: number;
  readonly id: string;
  /** Which may not be kept any more. */
  readonly delivery: string;
  readonly source: string;
  readonly destination: string;
  readonly route: Route;
  /** Of an update, as long as it is known. */
  readonly key: string | null;
  readonly time: number;
  readonly json: string;
  readonly state: EventState;
  readonly since: number;
  readonly attempts: number;
  readonly begun: boolean;
  /** The replay that waits for it, and how its item stands. */
  readonly replay: {
    readonly id: string;
    readonly item: number;
    readonly waiting: number;
    readonly dead: number;
  } | null;
};

export type CarriedLetter = {
  readonly position: number;
  readonly id: string;
  readonly source: string;
  readonly delivery: string;
  readonly kind: DeadLetter['kind'];
  readonly reason: string;
  readonly message: string;
  readonly destination: string | null;
  readonly json: string | null;
  readonly attempts: number;
  readonly createdAt: number;
  /** Null: an older relay buried it. `event`: the position of its event. */
  readonly facts: {
    readonly type: string | null;
    readonly receivedAt: number;
    readonly event: number | null;
    readonly eventId: string | null;
    readonly time: number | null;
    readonly route: Route | null;
    readonly key: string | null;
  } | null;
};

/** A key that was seen (promise 2): 128 bits of it, for the key itself goes with its delivery. */
export type CarriedKey = {
  readonly hash: Uint8Array;
  /** Null: its delivery is not kept any more. */
  readonly source: string | null;
  /** Of Redis: where it was found. */
  readonly shard: number | null;
  readonly id: string;
  readonly receivedAt: number;
  readonly endsAt: number;
};

export type CarriedSecret = { readonly source: string; readonly secret: string | null; readonly at: number };
/** `cut`: it was still selecting when it was carried, and is cancelled by that. */
export type CarriedReplay = ReplayRecord & { readonly cut: boolean };
/** Its events that are still kept, by source. */
export type CarriedNote = AttemptRecord & {
  readonly events: readonly { readonly source: string; readonly positions: readonly number[] }[];
};

export const tallied = [
  'accepted',
  'duplicates',
  'mapped',
  'skipped',
  'failed',
  'created',
  'delivered',
  'dead',
] as const;
export type CarriedTally = Readonly<Record<(typeof tallied)[number], number>> & {
  readonly source: string;
  readonly lastAcceptedAt: number | null;
};
/** What is set at the end, over whatever the other pieces counted. */
export type CarriedEnd = {
  readonly tallies: readonly CarriedTally[];
  readonly lastDeadLetterAt: number | null;
  /** Positions that were given: what comes later lies beyond them. */
  readonly highest: { readonly deliveries: number; readonly events: number; readonly letters: number };
};

export type Piece =
  | { readonly kind: 'replays'; readonly rows: readonly CarriedReplay[] }
  | { readonly kind: 'deliveries'; readonly rows: readonly CarriedDelivery[] }
  | { readonly kind: 'events'; readonly rows: readonly CarriedEvent[] }
  | { readonly kind: 'letters'; readonly rows: readonly CarriedLetter[] }
  | { readonly kind: 'keys'; readonly rows: readonly CarriedKey[] }
  | { readonly kind: 'types'; readonly rows: readonly UnmappedType[] }
  | { readonly kind: 'secrets'; readonly rows: readonly CarriedSecret[] }
  /** All there are: they take the place of those that are there. */
  | { readonly kind: 'notes'; readonly rows: readonly CarriedNote[] }
  | { readonly kind: 'end'; readonly rows: readonly CarriedEnd[] };

/** Rows and bytes of one piece: some ms of either store's time, and little memory. */
export const pieceRowsMax = 500;
export const pieceBytesMax = 1024 * 1024;

/** What is counted on both sides. */
export const counted = [
  'sources',
  'deliveries',
  'bodies',
  'unmapped deliveries',
  'events',
  'waiting events',
  'dead letters',
  'dedupe keys',
  'learned secrets and armed sources',
  'unmapped types',
  'attempt notes',
  'replays',
  'accepted since ever',
  'delivered since ever',
] as const;
export type Counts = Readonly<Record<(typeof counted)[number], number>>;

/**
 *   source   (none) ──▶ leaving ──counted──▶ moved
 *   target   (none) ──▶ arriving ──counted──▶ arrived
 * A relay refuses to start on all but `arrived`.
 */
export type MoveMark = {
  /** `mov_…`, the same on both sides. */
  readonly move: string;
  readonly role: 'leaving' | 'moved' | 'arriving' | 'arrived';
  /** The other side, without credentials. */
  readonly other: string;
  readonly at: number;
  /** Once it is over. */
  readonly counts?: Counts;
};

/** Why a relay must not start here; null: it may. */
export function refusalOf({ role, other, at }: MoveMark): string | null {
  const when = new Date(at).toISOString();
  const anyway = '`trackrelay move --unmark`';
  if (role === 'moved')
    return `What is kept here was moved to ${other} on ${when}: a relay here would deliver it a second time. Start it there; if it shall go on here, take the mark away with ${anyway} first.`;
  if (role === 'leaving')
    return `What is kept here is being moved to ${other} since ${when}. Run that move again until it says that all has arrived; to give it up, empty ${other} and take the mark away with ${anyway}.`;
  if (role === 'arriving')
    return `A move from ${other} to here was begun on ${when} and is not over. Run it again until it says that all has arrived; to give it up, empty this place.`;
  return null;
}

export interface Carrying extends AsyncDisposable {
  /** Where it is, without credentials. */
  readonly place: string;
  /** Of Redis; null: SQLite. */
  readonly shards: number | null;
  mark(): Promise<MoveMark | null>;
  /** Durable, with all that was taken before. */
  setMark(mark: MoveMark | null): Promise<void>;
  /** Nothing was ever kept here. */
  empty(): Promise<boolean>;
  pieces(): AsyncGenerator<Piece>;
  /** Rejects with BufferFullError, or the store's own error, when there is no room: all of it or nothing of each row is there then. */
  take(piece: Piece, from: { readonly shards: number | null }): Promise<void>;
  /** Of keys those alone that still count at `keysUntil`: they end by themselves, here and there. */
  counts(keysUntil: number): Promise<Counts>;
}

/** Rows gathered into pieces. */
export async function* inPieces<T>(
  rows: Iterable<T> | AsyncIterable<T>,
  weight: (row: T) => number,
): AsyncGenerator<T[]> {
  let [piece, bytes]: [T[], number] = [[], 0];
  for await (const row of rows) {
    piece.push(row);
    bytes += weight(row);
    if (piece.length < pieceRowsMax && bytes < pieceBytesMax) continue;
    yield piece;
    [piece, bytes] = [[], 0];
  }
  if (piece.length > 0) yield piece;
}

/** What a row weighs besides its texts. */
const rowWeight = 500;
export const weightOfDelivery = ({ body }: CarriedDelivery) => rowWeight + (body?.byteLength ?? 0);
export const weightOfJson = ({ json }: { readonly json: string | null }) => rowWeight + (json?.length ?? 0);
export const weightless = () => 0;
