/**
 * What the main thread and the store's thread say to each other. Rows that come by the thousand are flat arrays of
 * primitives: cloning an object for each would cost more than writing it to disk.
 */

import type { DeadLetter } from '../../model.ts';
import type { BufferTally, LeaseRequest, MappedDelivery, NewDeadLetter, UnmappedType } from '../contract.ts';
import type {
  AttemptNote,
  DeadLetterFilter,
  DeliveryFilter,
  DeliverySummary,
  Page,
  PageRequest,
  WholeDeadLetter,
  WholeDelivery,
} from '../reading.ts';
import type { ReadyChange } from '../ready-events.ts';
import type {
  NewReplay,
  ReplayRecord,
  ReplayStep,
  RunningReplay,
  SelectedCount,
  SelectedItems,
  SelectRequest,
  StepDone,
} from '../replaying.ts';

export type DiskSpace = { readonly freeBytes: number; readonly totalBytes: number };

export type Opening = {
  readonly folder: string;
  readonly bytesMax: number;
  readonly keepDeliveriesMs: number;
  readonly now: number;
};

/** Primitives in a row, `acceptedStride` for each delivery: id, source, provider, key, type, receivedAt, head, body's length. */
export type AcceptedRows = readonly (string | number | null)[];
export const acceptedStride = 8;

/** position, id, source, provider, type, key, receivedAt, head, body's length. */
export type DeliveryRows = readonly (string | number | null)[];
export const deliveryStride = 9;

/** position, id, source, delivery, time, receivedAt, attempts, json. */
export type LeasedRows = readonly (string | number)[];
export const leasedStride = 8;
/** Of an update there are two more: key, begun. */
export const leasedUpdateStride = 10;

/** A secret, or null while the source is armed until `at`; with a secret `at` is when it was learned. */
export type SecretRow = readonly [source: string, secret: string | null, at: number];

export type DeadSettlement = { readonly position: number; readonly letter: NewDeadLetter };

export type WriteRequest =
  | { readonly kind: 'mapped'; readonly batch: readonly MappedDelivery[] }
  | { readonly kind: 'settle'; readonly delivered: readonly number[]; readonly dead: readonly DeadSettlement[] }
  | { readonly kind: 'begin'; readonly positions: readonly number[] }
  | { readonly kind: 'release'; readonly positions: readonly number[]; readonly attempted: boolean };

export type NextRequest = { readonly after: number; readonly limit: number; readonly bytesMax: number };

/** Every question, and its answer: the key is the question's kind. */
export type Conversation = {
  accept: { ask: { rows: AcceptedRows; bodies: ArrayBuffer }; answer: AcceptAnswer };
  write: { ask: { requests: readonly WriteRequest[] }; answer: readonly WriteAnswer[] };
  next: { ask: NextRequest; answer: { rows: DeliveryRows; bodies: ArrayBuffer } };
  lease: { ask: LeaseRequest; answer: LeasedRows };
  extend: { ask: { positions: readonly number[]; leaseMs: number }; answer: null };
  arm: { ask: { source: string; until: number }; answer: 'armed' | 'has_secret' | 'full' };
  learn: {
    ask: { source: string; secret: string; now: number };
    answer: 'learned' | 'not_armed' | 'has_secret' | 'full';
  };
  forget: { ask: { source: string }; answer: boolean | 'full' };
  secrets: { ask: Record<never, never>; answer: readonly SecretRow[] };
  tally: { ask: Record<never, never>; answer: BufferTally };
  unmappedTypes: { ask: { perSourceMax: number }; answer: readonly UnmappedType[] };
  deliveries: { ask: { filter: DeliveryFilter; page: PageRequest }; answer: Page<DeliverySummary> };
  deadLetters: { ask: { filter: DeadLetterFilter; page: PageRequest }; answer: Page<DeadLetter> };
  delivery: { ask: { id: string }; answer: WholeDelivery | null };
  deadLetter: { ask: { id: string }; answer: WholeDeadLetter | null };
  note: { ask: AttemptNote; answer: null };
  countSelected: { ask: Omit<SelectRequest, 'limit' | 'bytesMax'>; answer: SelectedCount };
  selectItems: { ask: SelectRequest; answer: SelectedItems };
  addReplay: { ask: NewReplay; answer: 'added' | 'too_many' | 'full' };
  replayStep: { ask: ReplayStep; answer: StepDone | null | 'full' };
  cancelReplay: { ask: { id: string }; answer: boolean | 'full' };
  replay: { ask: { id: string }; answer: ReplayRecord | null };
  replays: { ask: PageRequest; answer: Page<ReplayRecord> };
  unfinishedReplays: { ask: Record<never, never>; answer: readonly RunningReplay[] };
  /** True: there is more to drop. */
  sweep: { ask: Record<never, never>; answer: boolean };
  close: { ask: Record<never, never>; answer: null };
};
export type Kind = keyof Conversation;
export type Ask<K extends Kind = Kind> = Conversation[K]['ask'];
export type Answer<K extends Kind> = Conversation[K]['answer'];

/** For each delivery null (accepted) or the id of the first one with its key; or why there is no room. */
export type AcceptAnswer =
  | { readonly firstIds: readonly (string | null)[] }
  | { readonly full: 'buffer' | 'disk'; readonly retryAfterSeconds: number };

/** Null: done. `full`: nothing was changed for lack of room. `mistake`: nothing was changed, and trying again is no use. */
export type WriteAnswer = null | { readonly problem: 'full' | 'mistake'; readonly message: string };

export type Question = {
  readonly turn: number;
  readonly kind: Kind;
  readonly ask: Ask;
  readonly now: number;
  readonly monotonic: number;
  /** Only when a test says how full the disk is. */
  readonly disk?: DiskSpace;
};

export type Reply =
  | { readonly turn: number; readonly answer: unknown; readonly ready: readonly ReadyChange[] }
  | { readonly turn: number; readonly mistake: string; readonly ready: readonly ReadyChange[] }
  | { readonly opened: readonly ReadyChange[] }
  | { readonly refused: readonly string[] }
  | { readonly fatal: string };
