/**
 * Second chances, as a buffer keeps them: what a replay selects, its record, and what each of its steps does.
 *
 * 13. A step is all or nothing. The items of a `replayStep` are put right, the replay's place in its selection moves on and its
 *     counts change in one transaction, and only if the replay is still running at `from`: a step that is asked for twice, or
 *     after a crash, changes nothing the second time, and no item is queued twice.
 * 14. Remapped is mended, not doubled. Of a delivery that is mapped again: an event that is the same, byte for byte, is left as
 *     it is (delivered: it is not sent again; waiting: it goes on waiting) or waits again (dead). One that waits and has changed
 *     gives way to the new one; one that was delivered and has changed stays as history, and the new one waits. What would
 *     count twice (`remap.ts`) is held back. Dead letters of the delivery are gone, but for what is held back; those of what
 *     fails again are new. The delivery's state is the new one, and tallies still add up (promise 8).
 * 15. What is replayed comes later. It gets a later position than everything that waits, and its age (giving up, oldest
 *     waiting) counts from the replay; its own time stays.
 */
import type { DeadLetter, Delivery, DeliveryState, RelayEvent, Route, Update } from '../model.ts';
import type { MappedDelivery } from './contract.ts';
import type { TimeRange } from './reading.ts';

export type ReplayMode = 'remap' | 'resend';
/** `running` until its last event has left, `cancelled` as soon as it is asked for. */
export type ReplayState = 'running' | 'done' | 'cancelled';

/** Of `remap`, deliveries by their ids; of `resend`, dead letters by theirs. */
export type SelectedIds = {
  readonly ids: readonly string[];
  /** Of `resend` with one id: what is sent is a copy edited by hand. */
  readonly edited?: true;
};
export type SelectedRange = TimeRange & {
  readonly source?: string;
  /** Of `remap`: of the deliveries. Of `resend` it is `dead`, or absent. */
  readonly state?: DeliveryState | 'dead';
  readonly type?: string;
  /** Of `remap`: deliveries that have a dead letter of this reason. */
  readonly reason?: string;
  readonly destination?: string;
};
export type Selection = SelectedIds | SelectedRange;

/** Ids of one selection. */
export const selectedIdsMax = 1_000;
export const replaysKeptMax = 200;
/** Of these, not ended. */
export const replaysRunningMax = 20;

export type ReplayRecord = {
  readonly id: string;
  readonly mode: ReplayMode;
  readonly selection: Selection;
  readonly state: ReplayState;
  /** Items (deliveries, or dead letters) that were selected when it was made. */
  readonly count: number;
  /** Items put right or given up; `done` = `delivered` + `failed` + `nothing` + those whose events still wait. */
  readonly done: number;
  /** Items all of whose events the destinations have. */
  readonly delivered: number;
  /** Items that failed again, could not be replayed, or of which an event died or was held back. */
  readonly failed: number;
  /** Items that became no event. */
  readonly nothing: number;
  /** Events that it queued and that still wait. */
  readonly waiting: number;
  /** Why the last of `failed` was; null: none. */
  readonly lastFailure: string | null;
  readonly by: string;
  readonly createdAt: number;
  readonly endedAt: number | null;
};

/** Where a replay is: opaque but for being compared, from 0. */
export type ReplayPlace = { readonly from: number; readonly upTo: number };
export type RunningReplay = ReplayRecord & { readonly place: ReplayPlace; readonly selecting: boolean };

export type SelectRequest = {
  readonly mode: ReplayMode;
  readonly selection: Selection;
  readonly after: number;
  /** Nothing beyond this; absent: what is there now. */
  readonly upTo?: number;
  /** Of dead letters: those alone whose outcome is unknown. Otherwise they are selected by their ids only. */
  readonly uncertain?: true;
  readonly limit: number;
  readonly bytesMax: number;
};

/** `cursor`: the replay's place once this item is done. */
export type SelectedDelivery = {
  readonly cursor: number;
  readonly id: string;
  /** Null: not kept any more. */
  readonly delivery: Delivery | null;
  readonly state: DeliveryState;
  /** False: the body was forgotten or gave way; `delivery.body` is then empty. */
  readonly hasBody: boolean;
};
export type SelectedLetter = {
  readonly cursor: number;
  readonly id: string;
  /** Null: not kept any more. */
  readonly letter: SelectedDeadLetter | null;
};
export type SelectedDeadLetter = Pick<
  DeadLetter,
  'id' | 'source' | 'delivery' | 'kind' | 'reason' | 'message' | 'attempts'
> & {
  readonly destination: string | null;
  readonly json: string | null;
  readonly eventId: string | null;
  readonly time: number | null;
  readonly receivedAt: number;
  readonly route: Route | null;
  readonly update: Update | null;
};
/** `cursor`: where to go on, also when nothing was found on the way. */
export type SelectedItems = {
  readonly deliveries: readonly SelectedDelivery[];
  readonly letters: readonly SelectedLetter[];
  readonly cursor: number;
  readonly ended: boolean;
};
export type SelectedCount = { readonly count: number; readonly cursor: number; readonly ended: boolean };

export type ReplayItem =
  | { readonly kind: 'remap'; readonly cursor: number; readonly mapped: MappedDelivery }
  | {
      readonly kind: 'resend';
      readonly cursor: number;
      /** Of the dead letter. */
      readonly letter: string;
      readonly event: Pick<RelayEvent, 'json' | 'time' | 'update' | 'destination'>;
      readonly edited: boolean;
    }
  | { readonly kind: 'failed'; readonly cursor: number; readonly message: string };

export type ReplayStep = {
  readonly replay: string;
  /** The replay's place as the caller knows it. */
  readonly from: number;
  readonly items: readonly ReplayItem[];
  /** The place afterwards, at least that of the last item. */
  readonly to: number;
  /** True: the selection is at its end. */
  readonly ended: boolean;
};

export type StepDone = {
  readonly record: RunningReplay;
  /** Items done; less than were given: the next one's events are being sent just now, and nothing of it was changed. */
  readonly items: number;
};

export type NewReplay = Pick<ReplayRecord, 'id' | 'mode' | 'selection' | 'count' | 'by' | 'createdAt'>;

export interface ReplayingKeeper {
  /** One bounded piece; the caller goes on from `cursor` until `ended`. */
  countSelected(request: Omit<SelectRequest, 'limit' | 'bytesMax'>): Promise<SelectedCount>;
  /** Oldest first, one bounded piece. */
  selectItems(request: SelectRequest): Promise<SelectedItems>;
  /** Durable. `too_many`: so many are under way. The oldest records that have ended give way. */
  addReplay(replay: NewReplay): Promise<'added' | 'too_many'>;
  replayStep(step: ReplayStep): Promise<StepDone | null>;
  /** False: it had ended, or is not known. What it queued goes on. */
  cancelReplay(id: string): Promise<boolean>;
  replay(id: string): Promise<ReplayRecord | null>;
  /** Newest first; `after` is an id. */
  replays(page: { readonly limit: number; readonly after?: string }): Promise<{
    readonly items: readonly ReplayRecord[];
    readonly next: string | null;
  }>;
  /** Those whose selection is not at its end, oldest first. */
  unfinishedReplays(): Promise<readonly RunningReplay[]>;
}
