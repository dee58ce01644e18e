/** What a dry run looks at and what it finds. */
import type { BufferKeeper, MappedDelivery } from '../buffer/contract.ts';
import type { SelectedCount, SelectedLetter } from '../buffer/replaying.ts';
import type { Delivery } from '../model.ts';
import type { Resendable } from './resend.ts';
import type { ReplayRequest } from './selection.ts';

export type Looking = {
  readonly buffer: Pick<BufferKeeper, 'countSelected' | 'selectItems' | 'delivery'>;
  readonly map: (deliveries: readonly Delivery[]) => Promise<readonly MappedDelivery[]>;
  readonly resendable: (item: SelectedLetter, edit?: { readonly event: unknown }) => Resendable;
  readonly now: () => number;
  /** Past which no destination concerned takes an event; null: there is no such age. */
  readonly eventAgeMaxMs: () => number | null;
  /** Nobody waits for the answer any more. */
  readonly over?: AbortSignal;
};

export type SampleItem = {
  /** Of `resend`: the dead letter. */
  readonly id: string;
  readonly delivery: string;
  /** The events as they were sent or wait; `after` as they would be. At most `eventsShownMax` of each. */
  readonly before: readonly unknown[];
  readonly after: readonly unknown[];
  readonly changes: Changes;
  /** Why nothing, or not all, would come of it. */
  readonly problem?: string;
};

/** Events of an item, each counted once. */
export type Changes = {
  /** Delivered or waiting, and the same: left alone. */
  readonly same: number;
  /** Dead, and tried again as they are. */
  readonly again: number;
  /** Different from what stood in their place; a destination that has the first keeps both if the identity is another. */
  readonly changed: number;
  readonly new: number;
  /** Given by today's mapping no more: taken out of the queue, or already delivered. */
  readonly gone: number;
  /** Updates that would count twice. */
  readonly held: number;
};

/** An item of the sample, and what warnings are made of. */
export type Sampled = {
  readonly item: SampleItem;
  readonly times: readonly number[];
  readonly overwrites: number;
  readonly uncertain: boolean;
};

/** In pieces, so that nobody waits behind a long count. */
export async function countAll(
  { mode, selection }: Pick<ReplayRequest, 'mode' | 'selection'>,
  { buffer, over }: Pick<Looking, 'buffer' | 'over'>,
  uncertain?: true,
): Promise<number> {
  let count = 0;
  for (let after = 0; ; ) {
    const asked = { mode, selection, after, ...(uncertain ? { uncertain } : null) };
    over?.throwIfAborted();
    const piece: SelectedCount = await buffer.countSelected(asked);
    count += piece.count;
    if (piece.ended) return count;
    after = piece.cursor;
  }
}
