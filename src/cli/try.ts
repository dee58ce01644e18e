/**
 * `try`: the events that a payload (or each file of a folder) becomes, exactly as they would be sent, but for the token.
 * Exit 1: the mapping fails, or an output breaks one of Mixpanel's rules.
 */
import { basename, join } from 'node:path';
import { systemClock } from '../clock.ts';
import { destinationsOf } from '../config/destinations-file.ts';
import { environment } from '../config/environment.ts';
import { didYouMean } from '../config/nearest.ts';
import { readSettings, type Settings } from '../config/settings.ts';
import { shown } from '../config/shown.ts';
import { UsageError } from '../errors.ts';
import { type Program, programOf } from '../mapping/program.ts';
import { mayAskForPseudonyms } from '../mapping/pseudonym.ts';
import { createRunner, type Runner } from '../mapping/runner.ts';
import type { TriedPayload } from '../mapping/trial.ts';
import { shapeOf } from '../wiring/destinations.ts';
import { pseudonymKeyOf } from '../wiring/sources.ts';
import { type Completed, contentOf, isEvent, ownerOf, titleOf } from './completed.ts';
import { explainPayload } from './explain-payload.ts';
import { kindOf, namesIn, readBytes } from './files.ts';
import { type Bench, type Tried, tryPayloads } from './mapping-try.ts';
import { type Output, table } from './output.ts';
import { readPayload } from './payload-file.ts';
import type { Context } from './program.ts';
import { caseFiles, isSandbox, openSource, parserFor } from './sources.ts';
import { type Trouble, troubleExcerpt, troubleHead } from './trouble.ts';

export type TryOptions = {
  readonly source: string;
  /** A file, a folder, `-`, or the name of a case. */
  readonly file: string;
  readonly headers?: string;
  readonly explain?: boolean;
};

/** Payloads read and mapped at once. */
const CHUNK = 64;

export async function tryMapping(options: TryOptions, context: Context): Promise<number> {
  const { output, json } = context;
  const settings = readSettings(environment());
  const { source, folder } = await openSource(options.source, settings, parserFor(settings, 'environment'));
  const file = await resolveFile(options, folder);
  const text = (await readBytes(join(folder, 'mapping.jsonata'))).toString('utf8');
  // A sandbox's own key is made only when somebody asks for it: trying writes nothing else.
  const asked = [text, source.deliveryId ?? ''].some(mayAskForPseudonyms);
  const pseudonymKey = asked ? pseudonymKeyOf(settings, isSandbox(settings)) : null;
  await using runner = createRunner({ clock: systemClock, pseudonymKey });
  const program = await loadProgram(join(folder, 'mapping.jsonata'), text, runner, output);
  if (program === null) {
    if (json && file.kind !== 'folder') output.json([]);
    return 1;
  }
  // What only Mixpanel's destinations have rules for; the table shows events, whatever else they become.
  const mixpanel = destinationsOf(settings, 'names').filter(({ type }) => type === 'mixpanel');
  const bench: Bench = { source, program, runner, shape: shapeOf(mixpanel), clock: systemClock };
  if (file.kind === 'folder') return await tryFolder(file.path, options, bench, context);
  const payload = await readPayload(file.path, options.headers);
  const [tried] = await tryPayloads(bench, [payload]);
  if (tried === undefined) throw new Error('the evaluator gave no result');
  if (options.explain) explain({ bench, payload, options, settings, tried }, context);
  if (json) output.json(tried.events);
  else if (!options.explain) for (const event of tried.events) showEvent(event, output);
  return report(tried, join(folder, 'mapping.jsonata'), program, output);
}

async function resolveFile({ file }: TryOptions, folder: string): Promise<{ path: string; kind: string }> {
  if (file === '-') return { path: file, kind: 'file' };
  const kind = await kindOf(file);
  if (kind !== 'nothing') return { path: file, kind };
  const cases = await caseFiles(folder);
  const found = cases.find(({ name }) => name === file);
  if (found !== undefined) return { path: found.payload, kind: 'file' };
  const hint = didYouMean(file, [...cases.map(({ name }) => name), ...(await namesIn('.').catch(() => []))]);
  throw new UsageError([`${shown(file)} is no file, no folder and no case of ${basename(folder)}${hint}`]);
}

export async function loadProgram(path: string, text: string, runner: Runner, output: Output): Promise<Program | null> {
  const compiled = await runner.compile(text);
  if (compiled.ok) return programOf(text);
  for (const diagnostic of compiled.diagnostics) {
    const trouble: Trouble = { ...diagnostic, file: path };
    output.say(`${output.style('red', '✗')} ${troubleHead(trouble)}`);
    for (const line of troubleExcerpt(text, trouble, output)) output.say(`    ${line}`);
  }
  return null;
}

async function tryFolder(folder: string, options: TryOptions, bench: Bench, context: Context): Promise<number> {
  const { output, json } = context;
  const names = (await namesIn(folder)).filter((name) => !/^\.|\.(headers|query|expected)\.json$/.test(name));
  const kinds = await Promise.all(names.map((name) => kindOf(join(folder, name))));
  const files = names.filter((_, index) => kinds[index] === 'file');
  if (files.length === 0) throw new UsageError([`${folder} holds no payloads`]);
  let failed = 0;
  for (let from = 0; from < files.length; from += CHUNK) {
    const chunk = files.slice(from, from + CHUNK);
    const payloads = await Promise.all(chunk.map((name) => readPayload(join(folder, name), options.headers)));
    const results = await tryPayloads(bench, payloads);
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

function explain(
  about: {
    readonly bench: Bench;
    readonly payload: TriedPayload;
    readonly options: TryOptions;
    readonly settings: Settings;
    readonly tried: Tried;
  },
  { output, json }: Context,
): void {
  const { bench, payload, options, settings, tried } = about;
  const headersGiven = options.headers !== undefined;
  const lines = explainPayload({ ...bench, payload, headersGiven, publicUrl: settings.publicUrl, tried });
  // With --json stdout is the array alone.
  for (const line of table(lines, '  ')) json ? output.say(line) : output.result(line);
}

/** What went wrong, and the exit code. */
function report(tried: Tried, path: string, program: Program, output: Output): number {
  const { failure, broken, events } = tried;
  for (const sentence of broken) output.say(`${output.style('red', '✗')} ${sentence}`);
  if (failure !== null) {
    output.say(`${output.style('red', '✗')} ${path}  ${failure.reason}: ${failure.message}`);
    if (failure.line !== undefined && failure.column !== undefined) {
      const trouble = { file: path, line: failure.line, column: failure.column, message: '' };
      for (const line of troubleExcerpt(program.text, trouble, output)) output.say(`    ${line}`);
    }
  }
  if (failure !== null || broken.length > 0) return 1;
  if (events.length === 0) output.say('Skipped: the mapping makes no event of this payload.');
  return 0;
}
