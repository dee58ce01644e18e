/**
 * `try`: the events that a payload (or each file of a folder) becomes, exactly as they would be sent, but for the token. Here, or by
 * a running relay.
 * Exit 1: the mapping fails, or an output breaks one of Mixpanel's rules · 3: the relay is not reachable.
 */
import { basename, join } from 'node:path';
import { systemClock } from '../clock.ts';
import { destinationsOf } from '../config/destinations-file.ts';
import { didYouMean } from '../config/nearest.ts';
import type { Settings } from '../config/settings.ts';
import { shown } from '../config/shown.ts';
import { UsageError } from '../errors.ts';
import { type Program, programOf } from '../mapping/program.ts';
import { mayAskForPseudonyms } from '../mapping/pseudonym.ts';
import { createRunner, type Runner } from '../mapping/runner.ts';
import type { TriedPayload } from '../mapping/trial.ts';
import { shapeOf } from '../wiring/destinations.ts';
import { pseudonymKeyOf } from '../wiring/sources.ts';
import { type Completed, contentOf, isEvent, ownerOf, titleOf } from './completed.ts';
import { explainPayload, verdictOf } from './explain-payload.ts';
import { kindOf, namesIn, readBytes } from './files.ts';
import { type Bench, type Tried, tryPayloads } from './mapping-try.ts';
import { type Output, table } from './output.ts';
import { readPayload } from './payload-file.ts';
import { compileTrouble } from './preview.ts';
import type { Context } from './program.ts';
import { relayTrier } from './relay-trier.ts';
import { settingsHere } from './settings.ts';
import { caseFiles, findSource, isSandbox, openSource, parserFor } from './sources.ts';
import { type Trouble, troubleExcerpt, troubleHead } from './trouble.ts';

export type TryOptions = {
  readonly source: string;
  /** A file, a folder, `-`, or the name of a case. */
  readonly file: string;
  readonly headers?: string;
  readonly explain?: boolean;
  /** Another mapping than the one in the source's folder. */
  readonly mapping?: string;
  /** A running relay does it; `file` may then be the id of a delivery it keeps. */
  readonly relay?: boolean;
  /** Its private listener; the same. */
  readonly url?: string;
};

/** Payloads read and mapped at once. */
const CHUNK = 64;

/** Who maps: this program, or a running relay. */
export type Trier = {
  /** The mapping's file and text. */
  readonly path: string;
  readonly text: string;
  /** In their order; some dozens at most. */
  tryAll(payloads: readonly TriedPayload[]): Promise<readonly Tried[]>;
  /** Whether the payload would be believed, for `--explain`. */
  verdict(payload: TriedPayload): string;
};

export async function tryMapping(options: TryOptions, context: Context): Promise<number> {
  const settings = settingsHere();
  if (options.relay || options.url !== undefined) return await tryAtRelay(options, settings, context);
  const { source, folder } = await openSource(options.source, settings, parserFor(settings, 'environment'));
  const file = await resolveFile(options.file, folder);
  const path = options.mapping ?? join(folder, 'mapping.jsonata');
  const text = (await readBytes(path)).toString('utf8');
  // A sandbox's own key is made only when somebody asks for it: trying writes nothing else.
  const asked = [text, source.deliveryId ?? ''].some(mayAskForPseudonyms);
  const pseudonymKey = asked ? pseudonymKeyOf(settings, isSandbox(settings)) : null;
  await using runner = createRunner({ clock: systemClock, pseudonymKey });
  const program = await loadProgram(path, text, runner, context.output);
  if (program === null) return nothingTried(file.kind, context);
  // What only Mixpanel's destinations have rules for; the table shows events, whatever else they become.
  const mixpanel = destinationsOf(settings, 'names').filter(({ type }) => type === 'mixpanel');
  const bench: Bench = { source, program, runner, shape: shapeOf(mixpanel), clock: systemClock };
  const about = { headersGiven: options.headers !== undefined, publicUrl: settings.publicUrl };
  const tryAll = (payloads: readonly TriedPayload[]) => tryPayloads(bench, payloads);
  const trier: Trier = { path, text, tryAll, verdict: (payload) => verdictOf(bench, payload, about) };
  return await tryWith(trier, file, options, context);
}

async function tryAtRelay(options: TryOptions, settings: Settings, context: Context): Promise<number> {
  const { source, url, mapping } = options;
  const folder = await findSource(source, settings.mappingsDir).catch((error: unknown) => {
    // The relay has it, though this machine has not.
    if (mapping !== undefined) return null;
    throw error;
  });
  const kept = isDelivery(options.file) && (await kindOf(options.file)) === 'nothing';
  const file = kept ? { path: options.file, kind: 'delivery' } : await resolveFile(options.file, folder);
  const path = mapping ?? join(folder ?? '', 'mapping.jsonata');
  const text = (await readBytes(path)).toString('utf8');
  const trouble = await compileTrouble(text, path, { source, url });
  if (trouble !== null) {
    sayTrouble(trouble, text, context.output);
    return nothingTried(file.kind, context);
  }
  const relay = relayTrier({ source, url, path, text });
  if (!kept) return await tryWith(relay, file, options, context);
  return showTried(relay, await relay.tryDelivery(file.path), 'yes: it was accepted', options, context);
}

/** The mapping does not compile, which was said. */
function nothingTried(kind: string, { output, json }: Context): number {
  if (json && kind !== 'folder') output.json([]);
  return 1;
}

async function tryWith(
  trier: Trier,
  file: { readonly path: string; readonly kind: string },
  options: TryOptions,
  context: Context,
): Promise<number> {
  if (file.kind === 'folder') return await tryFolder(file.path, options, trier, context);
  const payload = await readPayload(file.path, options.headers);
  const [tried] = await trier.tryAll([payload]);
  if (tried === undefined) throw new Error('the evaluator gave no result');
  return showTried(trier, tried, options.explain ? trier.verdict(payload) : '', options, context);
}

function showTried(
  { path, text }: Pick<Trier, 'path' | 'text'>,
  tried: Tried,
  verdict: string,
  options: TryOptions,
  { output, json }: Context,
): number {
  if (options.explain) {
    const lines = explainPayload({ verdict, mapping: text, tried });
    // With --json stdout is the array alone.
    for (const line of table(lines, '  ')) json ? output.say(line) : output.result(line);
  }
  if (json) output.json(tried.events);
  else if (!options.explain) for (const event of tried.events) showEvent(event, output);
  return report(tried, path, text, output);
}

/** A file, a folder, or a case of the source, when its folder is at hand. */
async function resolveFile(file: string, folder: string | null): Promise<{ path: string; kind: string }> {
  if (file === '-') return { path: file, kind: 'file' };
  const kind = await kindOf(file);
  if (kind !== 'nothing') return { path: file, kind };
  const cases = folder === null ? [] : await caseFiles(folder);
  const found = cases.find(({ name }) => name === file);
  if (found !== undefined) return { path: found.payload, kind: 'file' };
  const hint = didYouMean(file, [...cases.map(({ name }) => name), ...(await namesIn('.').catch(() => []))]);
  const relay = isDelivery(file) ? '; a delivery of a running relay is tried with --relay' : '';
  const no = folder === null ? 'no file and no folder' : `no file, no folder and no case of ${basename(folder)}`;
  throw new UsageError([`${shown(file)} is ${no}${hint}${relay}`]);
}

export async function loadProgram(path: string, text: string, runner: Runner, output: Output): Promise<Program | null> {
  const compiled = await runner.compile(text);
  if (compiled.ok) return programOf(text);
  for (const diagnostic of compiled.diagnostics) sayTrouble({ ...diagnostic, file: path }, text, output);
  return null;
}

function sayTrouble(trouble: Trouble, text: string, output: Output): void {
  output.say(`${output.style('red', '✗')} ${troubleHead(trouble)}`);
  for (const line of troubleExcerpt(text, trouble, output)) output.say(`    ${line}`);
}

async function tryFolder(
  folder: string,
  options: TryOptions,
  trier: Trier,
  { output, json }: Context,
): Promise<number> {
  const names = (await namesIn(folder)).filter((name) => !/^\.|\.(headers|query|expected)\.json$/.test(name));
  const kinds = await Promise.all(names.map((name) => kindOf(join(folder, name))));
  const files = names.filter((_, index) => kinds[index] === 'file');
  if (files.length === 0) throw new UsageError([`${folder} holds no payloads`]);
  let failed = 0;
  for (let from = 0; from < files.length; from += CHUNK) {
    const chunk = files.slice(from, from + CHUNK);
    const payloads = await Promise.all(chunk.map((name) => readPayload(join(folder, name), options.headers)));
    const results = await trier.tryAll(payloads);
    for (const [index, tried] of results.entries()) {
      const file = chunk[index] as string;
      const error = errorOf(tried);
      if (error !== null) failed++;
      const row = { file, events: tried.events, ...(error === null ? {} : { error }) };
      if (json) output.result(JSON.stringify(row));
      else showRow(row, output);
    }
  }
  if (!json) output.say(`${files.length} payloads: ${failed === 0 ? 'no problems' : `${failed} with problems`}.`);
  return failed === 0 ? 0 : 1;
}

function errorOf({ failure, broken }: Tried): string | null {
  if (failure !== null) return `${failure.reason}: ${failure.message}`;
  return broken.length === 0 ? null : broken.join('; ');
}

function showRow(row: { file: string; events: readonly Completed[]; error?: string }, output: Output): void {
  const events = row.events.map(titleOf).join(', ');
  const became = events === '' && row.error === undefined ? output.style('dim', 'skipped') : events;
  output.result(
    `${row.error === undefined ? output.style('green', '✓') : output.style('red', '✗')} ${row.file}  ${became}`.trimEnd(),
  );
  if (row.error !== undefined) output.result(`    ${row.error}`);
}

const isDelivery = (name: string) => /^dlv_[\w.-]{1,100}$/.test(name);

function showEvent(one: Completed, output: Output): void {
  const owner = isEvent(one) ? '' : `  ${output.style('dim', `of ${ownerOf(one)}`)}`;
  output.result(`${output.style('bold', titleOf(one))}${owner}`);
  const rows = Object.entries(contentOf(one)).map(([name, value]) => [
    name,
    isEvent(one) && name === 'time'
      ? `${value}  ${output.style('dim', new Date(value as number).toISOString())}`
      : JSON.stringify(value),
  ]);
  for (const line of table(rows, '  ')) output.result(line);
}

/** What went wrong, and the exit code. */
function report(tried: Tried, path: string, text: string, output: Output): number {
  const { failure, broken, events } = tried;
  for (const sentence of broken) output.say(`${output.style('red', '✗')} ${sentence}`);
  if (failure !== null) {
    output.say(`${output.style('red', '✗')} ${path}  ${failure.reason}: ${failure.message}`);
    if (failure.line !== undefined && failure.column !== undefined) {
      const trouble = { file: path, line: failure.line, column: failure.column, message: '' };
      for (const line of troubleExcerpt(text, trouble, output)) output.say(`    ${line}`);
    }
  }
  if (failure !== null || broken.length > 0) return 1;
  if (events.length === 0) output.say('Skipped: the mapping makes no event of this payload.');
  return 0;
}
