/**
 * An answer that speaks of each event: who is settled by it and who goes again. Every event comes out exactly once, whatever
 * the answer says: what it is silent about goes again a bounded number of times, and what it says of no event counts for nothing.
 */
import type { LeasedEvent, Verdict } from '../model.ts';
import type { Buried, Concluded } from './custody.ts';
import { reasonOf } from './explain.ts';

export type Sorted = Concluded & { readonly again: readonly LeasedEvent[] };

/** Silence about an event is the destination's mistake: once more, and no oftener. */
const SILENT: Verdict = {
  ...{ kind: 'retry', reason: 'unreadable_answer', attemptsMax: 2 },
  message: 'The answer says nothing of this event.',
};

/** `strikes`: answers in a row, this one included, that did not settle these events. */
export function sortByVerdict(events: readonly LeasedEvent[], verdicts: readonly Verdict[], strikes: number): Sorted {
  const delivered: LeasedEvent[] = [];
  const dead: Buried[] = [];
  const again: LeasedEvent[] = [];
  for (const [index, event] of events.entries()) {
    const verdict = verdicts[index] ?? SILENT;
    if (verdict.kind === 'delivered') delivered.push(event);
    else if (verdict.kind === 'dead') dead.push({ event, reason: verdict.reason, message: verdict.message });
    else if (strikes < verdict.attemptsMax) again.push(event);
    else dead.push({ event, reason: reasonOf(verdict.reason), message: verdict.message });
  }
  return { delivered, dead, again };
}
