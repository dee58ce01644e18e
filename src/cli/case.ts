/**
 * `case DELIVERY NAME`: a kept delivery becomes a case of its source, so that what went wrong once is proven to go right ever
 * after. Masked unless `--raw` is said: texts that the mapping does not read are replaced; proofs never come along.
 * Nothing is overwritten, and nothing is written outside of the source's folder.
 */
import { lstat, mkdir, open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { systemClock } from '../clock.ts';
import { destinationsOf } from '../config/destinations-file.ts';
import type { Settings } from '../config/settings.ts';
import { shown } from '../config/shown.ts';
import { UsageError } from '../errors.ts';
import { caseInput, expectedOf, runCases } from '../mapping/cases.ts';
import { CASES_FOLDER, type Case, MAPPING_FILE } from '../mapping/folder.ts';
import { maskedBody, readsOfProgram } from '../mapping/kept-body.ts';
import { type Program, programOf } from '../mapping/program.ts';
import { createRunner } from '../mapping/runner.ts';
import type { Source } from '../model.ts';
import { mask as maskedProof } from '../verify/verified.ts';
import { shapeOf } from '../wiring/destinations.ts';
import { type ApiWholeDelivery, askWell, readId } from './api.ts';
import { kindOf, readBytes, reasonOf } from './files.ts';
import type { Context } from './program.ts';
import { settingsHere } from './settings.ts';
import { openSource, parserFor } from './sources.ts';

export type CaseOptions = {
  readonly delivery: string;
  readonly name: string;
  readonly raw?: boolean;
  readonly url?: string;
};

/** No separators, no leading dot, and short enough for every file system with its longest ending. */
const NAME = /^[a-z0-9][a-z0-9_.-]{0,99}$/i;

export async function saveCase(options: CaseOptions, { output, json }: Context): Promise<number> {
  const { url } = options;
  if (!NAME.test(options.name) || options.name.includes('..')) {
    throw new UsageError([`${shown(options.name)} is no name of a case: letters, digits, - _ and ., 100 at most`]);
  }
  const whole = await askWell<ApiWholeDelivery>({ url, path: `/api/deliveries/${readId(options.delivery, 'dlv')}` });
  const settings = settingsHere();
  const { source, folder } = await openSource(whole.source, settings, parserFor(settings, 'environment'));
  const program = programOf((await readBytes(join(folder, MAPPING_FILE))).toString('utf8'));
  const one = caseOf(whole, program, options);
  const expected = await expectation(one, source, program, settings);
  const files = [
    [`${options.name}.payload.${one.ending}`, Buffer.from(one.payload)],
    ...(one.headersWritten === null ? [] : [[`${options.name}.headers.json`, jsonFile(one.headersWritten)] as const]),
    ...(Object.keys(one.query).length === 0 ? [] : [[`${options.name}.query.json`, jsonFile(one.query)] as const]),
    ...(expected.events === null ? [] : [[`${options.name}.expected.json`, jsonFile(expected.events)] as const]),
  ] as const;
  const cases = await casesFolder(folder);
  const written = await writeAll(cases, files);
  if (json)
    output.json({
      delivery: whole.id,
      source: whole.source,
      masked: options.raw !== true,
      files: written,
      ...expected,
    });
  else for (const file of written) output.result(file);
  if (expected.events === null) {
    output.say(`The mapping fails on it: ${expected.problem}`);
    output.say(`Mend it, and write what it must become into ${join(cases, `${options.name}.expected.json`)}.`);
  } else output.say(`Look at them, then: trackrelay try ${whole.source} ${options.name} --explain`);
  return 0;
}

type Made = Case & { readonly ending: string; readonly headersWritten: Readonly<Record<string, string>> | null };

function caseOf(whole: ApiWholeDelivery, program: Program, { name, raw = false }: CaseOptions): Made {
  const { id, provider, headers, body, body_encoding: encoding, body_cut: cut } = whole;
  if (body === null || headers === null) throw new UsageError([`the body of ${id} is not kept any more`], 1);
  if (cut) throw new UsageError([`the body of ${id} is too large for a case`], 1);
  const bytes = Buffer.from(body, encoding === 'base64' ? 'base64' : 'utf8');
  const payload = raw ? bytes : maskedBody({ provider, headers, body: bytes }, program);
  if (payload === null) {
    const reads = readsOfProgram(program);
    const why = reads.known ? 'a body of this kind cannot be masked' : reads.why;
    throw new UsageError([`${why}, so that nothing can be masked: look at it first, then say --raw`], 1);
  }
  const type = headers['content-type'] ?? '';
  const { ending, usual } = endingOf(type);
  const read = headersRead(headers, program);
  const written = type === '' || type === usual ? read : { 'content-type': type, ...read };
  return {
    ...{ name, payload, ending, payloadFile: '', expectedFile: '', expected: null },
    headers: { 'content-type': type === '' ? usual : type, ...read },
    headersWritten: Object.keys(written).length === 0 ? null : written,
    query: queryRead(whole.query ?? {}, program),
  };
}

const endings = [
  { ending: 'json', usual: 'application/json', pattern: /json$/ },
  { ending: 'form', usual: 'application/x-www-form-urlencoded', pattern: /x-www-form-urlencoded$/ },
  { ending: 'xml', usual: 'application/xml', pattern: /xml$/ },
  { ending: 'txt', usual: 'text/plain', pattern: /^text\/plain$/ },
] as const;
const lines = { ending: 'ndjson', usual: 'application/x-ndjson' } as const;
const other = { ending: 'bin', usual: 'application/octet-stream' } as const;

function endingOf(contentType: string): { readonly ending: string; readonly usual: string } {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (/(ndjson|jsonl|jsonlines)$/.test(type)) return lines;
  return type === '' ? endings[0] : (endings.find(({ pattern }) => pattern.test(type)) ?? other);
}

/** Those that the mapping reads. What proved the webhook is masked already, and is left out. */
function headersRead(headers: Readonly<Record<string, string>>, program: Program): Record<string, string> {
  const reads = readsOfProgram(program);
  const names = reads.known ? reads.headers : null;
  const kept = Object.entries(headers).filter(
    ([name, text]) => name !== 'content-type' && text !== maskedProof && (names === null || names.includes(name)),
  );
  return Object.fromEntries(kept);
}

/** A case's query has one text for each name. */
function queryRead(query: NonNullable<ApiWholeDelivery['query']>, program: Program): Record<string, string> {
  const reads = readsOfProgram(program);
  const names = reads.known ? reads.query : null;
  const kept = Object.entries(query).flatMap(([name, given]) => {
    const text = [given].flat()[0] ?? '';
    return text === maskedProof || (names !== null && !names.includes(name)) ? [] : [[name, text] as const];
  });
  return Object.fromEntries(kept);
}

type Expectation = { readonly events: readonly unknown[] | null; readonly problem?: string };

async function expectation(one: Made, source: Source, program: Program, settings: Settings): Promise<Expectation> {
  // Cases have a key of their own for pseudonyms; whether there is one is all that counts.
  await using runner = createRunner({ clock: systemClock, pseudonymKey: settings.pseudonymKey ?? 'case' });
  const shape = shapeOf(destinationsOf(settings, 'names'));
  const delivery = caseInput(one, source, systemClock.now());
  const [result] = await runner.map([{ program, delivery, rehearsal: true }]);
  if (!result?.ok) return { events: null, problem: result?.message ?? 'it gave no answer' };
  const events = expectedOf(result.outputs, { source, shape, receivedAt: delivery.receivedAt });
  const [checked] = await runCases([{ ...one, expected: events }], {
    source,
    program,
    runner,
    shape,
    clock: systemClock,
  });
  return checked?.ok ? { events } : { events: null, problem: checked?.problem.message ?? 'it gave no answer' };
}

function jsonFile(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

/** Links would lead elsewhere. */
async function casesFolder(folder: string): Promise<string> {
  const cases = join(folder, CASES_FOLDER);
  const found = await lstat(cases).catch(() => null);
  if (found === null) await mkdir(cases);
  else if (!found.isDirectory()) throw new UsageError([`${cases} is no folder (a link is not followed)`], 1);
  const real = await realpath(cases);
  if (real.startsWith((await realpath(folder)) + sep)) return cases;
  throw new UsageError([`${cases} leads outside of its source`], 1);
}

/** All or nothing, as far as it can be known before: then each is made only if there is none. */
async function writeAll(folder: string, files: readonly (readonly [string, Buffer])[]): Promise<string[]> {
  const name = files[0]?.[0].split('.payload.')[0] ?? '';
  for (const ending of ['headers.json', 'query.json', 'expected.json']) {
    const path = join(folder, `${name}.${ending}`);
    if ((await lstat(path).catch(() => null)) !== null) throw new UsageError([`${path} is there already`], 1);
  }
  const written: string[] = [];
  for (const [file, bytes] of files) {
    const path = join(folder, file);
    try {
      await using handle = await open(path, 'wx');
      await handle.writeFile(bytes);
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === 'EEXIST' || (await kindOf(path)) !== 'nothing';
      throw new UsageError([taken ? `${path} is there already` : `${path} ${reasonOf(error)}`], 1);
    }
    written.push(path);
  }
  return written;
}
