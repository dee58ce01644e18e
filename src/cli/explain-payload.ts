/** `try --explain`: was it believed, what does the mapping read, how was each event completed, which rules broke. */

import { readPaths } from '../mapping/paths.ts';
import { requestOf, type TriedPayload } from '../mapping/trial.ts';
import { diagnose } from '../verify/diagnosis.ts';
import { type Completed, isEvent, ownerOf, titleOf } from './completed.ts';
import type { Bench, Tried } from './mapping-try.ts';

export type ExplainInput = {
  readonly verdict: string;
  readonly mapping: string;
  readonly tried: Tried;
};

const PATHS_SHOWN = 40;

/** Rows of a table: what, and the words. */
export function explainPayload({ verdict, mapping, tried }: ExplainInput): string[][] {
  return [
    ['verified', verdict],
    ['reads', readsLine(mapping)],
    ...tried.events.map((event) => ['event', eventLine(event)]),
    ...tried.broken.map((sentence) => ['breaks', sentence]),
    ...(tried.failure === null ? [] : [['fails', `${tried.failure.reason}: ${tried.failure.message}`]]),
    ...(tried.events.length + tried.broken.length === 0 && tried.failure === null ? [['event', 'none: skipped']] : []),
  ];
}

/** Without headers there is nothing to check. */
export function verdictOf(
  { source, clock }: Pick<Bench, 'source' | 'clock'>,
  payload: TriedPayload,
  { headersGiven, publicUrl }: { readonly headersGiven: boolean; readonly publicUrl: string | null },
): string {
  if (!headersGiven) return 'not checked (no headers given; --headers FILE to check)';
  if (source.missing.length > 0) return `not checked (${source.missing.join(', ')} is not set)`;
  const { verified, reason, causes } = diagnose(source, requestOf(source, payload), clock.now(), { publicUrl });
  if (verified) return 'yes';
  const [first] = causes;
  return `no: ${first?.certain ? first.cause : reason}`;
}

export function readsLine(text: string): string {
  const paths = readPaths(text);
  const more = paths.length > PATHS_SHOWN ? `, and ${paths.length - PATHS_SHOWN} more` : '';
  return paths.length === 0 ? 'nothing' : `${paths.slice(0, PATHS_SHOWN).join(', ')}${more}`;
}

export function eventLine(one: Completed): string {
  if (!isEvent(one)) return `${titleOf(one)} of ${ownerOf(one)}`;
  const { event, properties } = one;
  const { time, distinct_id: id, $insert_id: insertId } = properties;
  const who = id === '' ? '"" (nobody)' : String(id);
  return `${event}   distinct_id ${who}   time ${new Date(Number(time)).toISOString()}   $insert_id ${insertId}`;
}
