/** Replays, as the API says them. */
import { z } from 'zod';
import type { ReplayRecord, Selection } from '../../buffer/replaying.ts';
import { selectedIdsMax } from '../../buffer/replaying.ts';
import { destinationName, reasonName, typeName } from './deliveries.ts';
import { named, pageOf, receivedRange, sourceName, time, timeOf, timeOrNull } from './words.ts';

const mode = z
  .enum(['remap', 'resend'])
  .describe("`remap`: deliveries again, through today's mapping; `resend`: dead events as they are.");

const fields = {
  ids: z
    .array(z.string().min(1).max(100))
    .min(1, 'names nothing')
    .max(selectedIdsMax, `may name ${selectedIdsMax} at most`)
    .optional()
    .describe('Of deliveries (`remap`) or dead letters (`resend`); they stand alone.'),
  source: sourceName.optional(),
  state: z
    .enum(['accepted', 'mapped', 'skipped', 'failed', 'dead'])
    .optional()
    .describe('Of deliveries; `resend` knows only `dead`.'),
  type: typeName.optional(),
  reason: reasonName.optional(),
  destination: destinationName.optional(),
  ...receivedRange,
};

const selection = named(
  'Selection',
  z
    .strictObject(fields)
    .refine(
      (asked) => Object.keys(asked).length > 0,
      'is empty, which would be everything: say at least one of its fields',
    )
    .refine((asked) => asked.ids === undefined || Object.keys(asked).length === 1, 'takes `ids` alone, or no `ids`'),
);

export const replayBody = named(
  'ReplayRequest',
  z.strictObject({
    mode,
    selection,
    dry_run: z.boolean().default(false).describe('True: nothing is changed; the answer says what would be.'),
    event: z
      .record(z.string(), z.unknown())
      .optional()
      .describe('Edited by hand, in the form that a mapping gives: sent as a marked copy in place of one dead letter.'),
  }),
);

const count = z.int().nonnegative();

export const dryRun = named(
  'DryRun',
  z.object({
    dry_run: z.literal(true),
    count: count.describe('Deliveries, or dead letters, that would be replayed.'),
    sample: z.array(
      z.object({
        id: z.string(),
        delivery: z.string(),
        before: z.array(z.unknown()).describe('Events as they were sent, or wait.'),
        after: z.array(z.unknown()).describe('As they would be.'),
        changes: z.object({ same: count, again: count, changed: count, new: count, gone: count, held: count }),
        problem: z.string().optional().describe('Why nothing, or not all, would come of it.'),
      }),
    ),
    warnings: z.array(z.object({ code: z.string(), message: z.string(), count })),
  }),
);

export const replayStarted = named('ReplayStarted', z.object({ id: z.string(), count }));

export const replay = named(
  'Replay',
  z.object({
    id: z.string(),
    mode,
    selection: z.object(fields),
    state: z.enum(['running', 'done', 'cancelled']),
    count: count.describe('Items (deliveries, or dead letters) that were selected.'),
    done: count.describe('Items put right or given up.'),
    delivered: count.describe('Items all of whose events the destinations have.'),
    failed: count.describe('Items that failed again.'),
    nothing: count.describe('Items that became no event.'),
    waiting: count.describe('Events that it queued and that still wait.'),
    last_failure: z.string().nullable(),
    by: z.string().describe('Which token, from which address.'),
    created_at: time,
    ended_at: timeOrNull,
  }),
);
export const replayPage = pageOf('ReplayPage', replay);

/** Times as the buffer counts them. */
export function selectionOf({ ids, since, until, ...range }: z.output<typeof selection>): Selection {
  if (ids !== undefined) return { ids };
  return {
    ...(range as Omit<Selection, 'ids'>),
    ...(since === undefined ? null : { since: timeOf(since) as number }),
    ...(until === undefined ? null : { until: timeOf(until) as number }),
  };
}

export function replayAnswer(record: ReplayRecord): z.output<typeof replay> {
  const { selection, lastFailure, createdAt, endedAt } = record;
  const { id, mode, state, count, done, delivered, failed, nothing, waiting, by } = record;
  const iso = (at: number) => new Date(at).toISOString();
  const asked =
    'ids' in selection
      ? { ids: [...selection.ids] }
      : {
          ...(selection as Omit<typeof selection, 'since' | 'until'>),
          ...(selection.since === undefined ? null : { since: iso(selection.since) }),
          ...(selection.until === undefined ? null : { until: iso(selection.until) }),
        };
  return {
    ...{ id, mode, selection: asked as z.output<typeof replay>['selection'], state, count, done, delivered, failed },
    ...{ nothing, waiting, last_failure: lastFailure, by, created_at: iso(createdAt) },
    ended_at: endedAt === null ? null : iso(endedAt),
  };
}
