/**
 * Which of Mixpanel's two endpoints takes an event: `/track`, which drops without a word what is older than five days, or
 * `/import`, which takes any age. Decided by the event's own time whenever it is about to be sent; the text that is sent
 * carries the same four identity values to both, so that a copy at the other is known as one.
 */
import type { LeasedEvent } from '../../model.ts';

/** `auto`: by age. `always`: also what is young, for an answer about each event. `never`: not at all. */
export type ImportUse = 'auto' | 'always' | 'never';
export type EventEndpoint = 'track' | 'import';

const DAY_MS = 24 * 3_600_000;
/** `/track` takes five days; one minute is left for the way there and clocks that differ. */
export const TRACK_AGE_MAX_MS = 5 * DAY_MS - 60_000;
/** Half a day early: nothing that turns old while it is tried again may still be on its way to `/track`. */
const IMPORT_FROM_MS = 5 * DAY_MS - 12 * 3_600_000;
/** The only event that `/track` does not take at any age; `shape.ts` writes the name first. */
const MERGE = '{"event":"$merge"';

export function eventEndpoint(
  { json, time }: Pick<LeasedEvent, 'json' | 'time'>,
  use: ImportUse,
  now: number,
): EventEndpoint {
  if (use === 'never') return 'track';
  return use === 'always' || time < now - IMPORT_FROM_MS || json.startsWith(MERGE) ? 'import' : 'track';
}
