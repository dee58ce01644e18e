/**
 * `diff`: what a changed mapping would change about the last deliveries of a source. The running relay makes both sides: what
 * it sent, and, with the changed text, what it would send. Nothing is kept or sent.
 * Exit 1: the mapping does not compile, or fails where the one that runs did not · 3: the relay is not reachable.
 */
import { join } from 'node:path';
import { UsageError } from '../errors.ts';
import { clean } from '../observe/clean.ts';
import { type ApiDelivery, type ApiWholeDelivery, allOf, askApi, readCount, wordsOf } from './api.ts';
import { eventsOf } from './became.ts';
import { type Difference, differenceLines, differencesOf } from './differences.ts';
import { readInput } from './files.ts';
import type { Output } from './output.ts';
import { askPreview, compileTrouble } from './preview.ts';
import type { Context } from './program.ts';
import { settingsHere } from './settings.ts';
import { findSource } from './sources.ts';
import { troubleExcerpt, troubleHead } from './trouble.ts';

export type DiffOptions = {
  readonly source: string;
  readonly mapping?: string;
  readonly last?: string;
  readonly url?: string;
};

const LAST = 50;
const LAST_MAX = 1_000;
/** The relay tries eight mappings at once, for all who ask. */
const AT_ONCE = 4;
const DIFFERENCES_SHOWN = 12;

type Compared = {
  readonly delivery: string;
  readonly type: string | null;
  readonly received_at: string;
  /** As it is now. */
  readonly state: ApiDelivery['state'];
  readonly differences: readonly Difference[];
  /** Why the changed mapping fails on it. */
  readonly error?: string;
  /** Why it could not be compared. */
  readonly skipped?: string;
};

type Tried = { readonly events: readonly unknown[]; readonly broken: readonly { output: number; message: string }[] };

export async function diff(options: DiffOptions, { output, json }: Context): Promise<number> {
  const most = readCount(options.last, '--last', LAST, LAST_MAX);
  const file = options.mapping ?? (await mappingOf(options.source));
  const mapping = (await readInput(file)).toString('utf8');
  const { source, url } = options;
  const deliveries = await allOf<ApiDelivery>({ url, path: '/api/deliveries' }, { source }, most);
  const settled = deliveries.filter(({ state }) => state !== 'accepted');
  const compared: Compared[] = [];
  if (settled.length === 0) await compile(mapping, file, options, output);
  for (let from = 0; from < settled.length; from += AT_ONCE) {
    const piece = settled.slice(from, from + AT_ONCE);
    compared.push(...(await Promise.all(piece.map((one) => compareOne(one, mapping, options)))));
    // A text that does not compile fails alike on every one.
    if (from === 0 && compared.every(({ error }) => error !== undefined)) await compile(mapping, file, options, output);
  }
  const differ = compared.filter(({ differences, error }) => differences.length > 0 || error !== undefined);
  const worse = differ.filter(({ error, state }) => error !== undefined && state !== 'failed');
  if (json) output.json({ source, mapping: file, looked: compared.length, differ: differ.length, deliveries: differ });
  else speak(compared, options, output);
  return worse.length > 0 ? 1 : 0;
}

async function mappingOf(source: string): Promise<string> {
  return join(await findSource(source, settingsHere().mappingsDir), 'mapping.jsonata');
}

async function compareOne(summary: ApiDelivery, mapping: string, { source, url }: DiffOptions): Promise<Compared> {
  const { id, type, received_at, state } = summary;
  const head = { delivery: id, type, received_at, state };
  const whole = await askApi({ url, path: `/api/deliveries/${id}` });
  if (whole.status !== 200) return { ...head, differences: [], skipped: wordsOf(whole.json, whole.status) };
  const before = whole.json as ApiWholeDelivery;
  if (before.events_left_out > 0) return { ...head, differences: [], skipped: 'it became more events than are shown' };
  const tried = await askPreview({ mapping, delivery: id }, { source, url });
  if (tried.status === 422 || tried.status === 400) {
    return { ...head, differences: [], error: wordsOf(tried.json, tried.status) };
  }
  if (tried.status !== 200) return { ...head, differences: [], skipped: wordsOf(tried.json, tried.status) };
  const { events, broken } = tried.json as Tried;
  const [first] = broken;
  const error = first === undefined ? {} : { error: `output ${first.output}: ${first.message}` };
  const sent = eventsOf(before).map(({ event }) => event);
  return { ...head, differences: differencesOf(sent, events), ...error };
}

/** Ends the command when the text is no mapping at all. */
async function compile(mapping: string, file: string, { source, url }: DiffOptions, output: Output): Promise<void> {
  const trouble = await compileTrouble(mapping, file, { source, url });
  if (trouble === null) return;
  throw new UsageError(
    [troubleHead(trouble), ...troubleExcerpt(mapping, trouble, output).map((one) => `    ${one}`)],
    1,
  );
}

function speak(compared: readonly Compared[], { source }: DiffOptions, output: Output): void {
  for (const one of compared) {
    const { delivery, type, received_at, differences, error, skipped, state } = one;
    if (differences.length === 0 && error === undefined && skipped === undefined) continue;
    const mark =
      error !== undefined ? output.style('red', '✗') : skipped !== undefined ? '·' : output.style('yellow', '≠');
    const words = [delivery, type ?? '(no type)', received_at, state === 'failed' ? 'failed before' : ''];
    output.result(
      `${mark} ${words
        .filter((word) => word !== '')
        .map(clean)
        .join('  ')}`,
    );
    if (skipped !== undefined) output.result(`    ${output.style('dim', `not compared: ${skipped}`)}`);
    if (error !== undefined) output.result(`    ${output.style('red', error)}`);
    const shown = differences.slice(0, DIFFERENCES_SHOWN);
    for (const line of differenceLines(shown, ['before', 'after'], output, '    ')) output.result(line);
    if (differences.length > shown.length) output.result(`    … and ${differences.length - shown.length} more`);
  }
  const differ = compared.filter(({ differences, error }) => differences.length > 0 || error !== undefined).length;
  const mended = compared.filter(({ state, error }) => state === 'failed' && error === undefined).length;
  output.say(`Looked at the last ${compared.length} deliveries of ${source}: ${differ} would differ.`);
  if (mended > 0)
    output.say(`${mended} that failed would not: trackrelay replay --remap --source ${source} --state failed`);
}
