/** `try --explain`: was it believed, what does the mapping read, how was each event completed, which rules broke. */

import { UsageError } from '../errors.ts';
import { readPaths } from '../mapping/paths.ts';
import { requestOf, type TriedPayload } from '../mapping/trial.ts';
import { createVerifier } from '../verify/verifier.ts';
import { type Completed, isEvent, ownerOf, titleOf } from './completed.ts';
import type { Bench, Tried } from './mapping-try.ts';

export type ExplainInput = Bench & {
  readonly payload: TriedPayload;
  readonly headersGiven: boolean;
  readonly publicUrl: string | null;
  readonly tried: Tried;
};

const PATHS_SHOWN = 40;

/** Rows of a table: what, and the words. */
export function explainPayload(input: ExplainInput): string[][] {
  const { tried } = input;
  return [
    ['verified', verdictOf(input)],
    ['reads', readsOf(input.program.text)],
    ...tried.events.map((event) => ['event', eventLine(event)]),
    ...tried.broken.map((sentence) => ['breaks', sentence]),
    ...(tried.failure === null ? [] : [['fails', `${tried.failure.reason}: ${tried.failure.message}`]]),
    ...(tried.events.length + tried.broken.length === 0 && tried.failure === null ? [['event', 'none: skipped']] : []),
  ];
}

function verdictOf({ source, payload, headersGiven, publicUrl, clock }: ExplainInput): string {
  if (!headersGiven) return 'not checked (no headers given; --headers FILE to check)';
  if (source.missing.length > 0) return `not checked (${source.missing.join(', ')} is not set)`;
  try {
    const verifier = createVerifier(source, { publicUrl });
    const verdict = verifier.check(requestOf(source, payload), clock.now());
    return verdict.ok ? 'yes' : `no: ${verdict.reason}`;
  } catch (error) {
    if (error instanceof UsageError) return `not checked (${error.problems.join('; ')})`;
    throw error;
  }
}

function readsOf(text: string): string {
  const paths = readPaths(text);
  const more = paths.length > PATHS_SHOWN ? `, and ${paths.length - PATHS_SHOWN} more` : '';
  return paths.length === 0 ? 'nothing' : `${paths.slice(0, PATHS_SHOWN).join(', ')}${more}`;
}

function eventLine(one: Completed): string {
  if (!isEvent(one)) return `${titleOf(one)} of ${ownerOf(one)}`;
  const { event, properties } = one;
  const { time, distinct_id: id, $insert_id: insertId } = properties;
  const who = id === '' ? '"" (nobody)' : String(id);
  return `${event}   distinct_id ${who}   time ${new Date(Number(time)).toISOString()}   $insert_id ${insertId}`;
}
