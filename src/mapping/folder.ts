/**
 * A source's folder as it lies on disk, read within bounds: source.yaml, mapping.jsonata and cases/. Says nothing about
 * whether they are right.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Problem } from './problem.ts';
import { EXPRESSION_BYTES_MAX } from './program.ts';

export const SOURCE_FILE = 'source.yaml';
export const MAPPING_FILE = 'mapping.jsonata';
export const CASES_FOLDER = 'cases';
const SOURCE_FILE_BYTES_MAX = 64 * 1024;
const CASE_FILE_BYTES_MAX = 1024 * 1024;
export const CASES_MAX = 200;

/** A case: a webhook, and the events it must become. */
export type Case = {
  readonly name: string;
  /** File of the payload and of what is expected, from the mappings folder. */
  readonly payloadFile: string;
  readonly expectedFile: string;
  readonly payload: Uint8Array;
  /** Lower-case names; a content type is always there (by the file's ending, unless the headers file has one). */
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** Null: there is no expected.json. */
  readonly expected: readonly unknown[] | null;
};

export type Folder = {
  readonly sourceText: string | null;
  readonly mappingText: string | null;
  readonly cases: readonly Case[];
  readonly problems: readonly Problem[];
};

const contentTypes: Readonly<Record<string, string>> = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  xml: 'application/xml',
  ndjson: 'application/x-ndjson',
  txt: 'text/plain',
};

type Reading = { readonly name: string; readonly dir: string; readonly problems: Problem[] };

export async function readFolder(mappingsDir: string, name: string): Promise<Folder> {
  const reading: Reading = { name, dir: join(mappingsDir, name), problems: [] };
  const sourceText = await readText(reading, SOURCE_FILE, SOURCE_FILE_BYTES_MAX, true);
  const mappingText = await readText(reading, MAPPING_FILE, EXPRESSION_BYTES_MAX, true);
  const cases = await readCases(reading);
  return { sourceText, mappingText, cases, problems: reading.problems };
}

/** Changes whenever one of its files does. */
export async function fingerprint(mappingsDir: string, name: string): Promise<string> {
  const dir = join(mappingsDir, name);
  const caseFiles = (await names(join(dir, CASES_FOLDER))).map((file) => join(CASES_FOLDER, file));
  const parts: string[] = [];
  for (const file of [SOURCE_FILE, MAPPING_FILE, ...caseFiles]) {
    const found = await stat(join(dir, file)).catch(() => null);
    if (found !== null) parts.push(`${file}:${found.size}:${found.mtimeMs}:${found.ino}`);
  }
  return parts.join('\n');
}

function complain(reading: Reading, file: string, message: string): null {
  reading.problems.push({ source: reading.name, file: `${reading.name}/${file}`, line: 1, column: 1, message });
  return null;
}

async function names(dir: string): Promise<string[]> {
  return (await readdir(dir).catch(() => [])).sort();
}

async function readBytes(reading: Reading, file: string, bytesMax: number, needed: boolean): Promise<Buffer | null> {
  const path = join(reading.dir, file);
  try {
    const { size } = await stat(path);
    if (size > bytesMax) return complain(reading, file, `The file has ${size} bytes; ${bytesMax} is the most`);
    return await readFile(path);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (missing && !needed) return null;
    return complain(reading, file, missing ? 'The file is missing' : `The file cannot be read: ${error}`);
  }
}

async function readText(reading: Reading, file: string, bytesMax: number, needed: boolean): Promise<string | null> {
  const bytes = await readBytes(reading, file, bytesMax, needed);
  return bytes === null ? null : bytes.toString('utf8').replace(/^\uFEFF/, '');
}

async function readCases(reading: Reading): Promise<Case[]> {
  const files = await names(join(reading.dir, CASES_FOLDER));
  const cases: Case[] = [];
  for (const file of files) {
    const found = /^(?<name>.+)\.payload\.(?<ending>[a-z0-9]+)$/i.exec(file)?.groups;
    if (!found?.name || !found.ending) continue;
    if (cases.length >= CASES_MAX) {
      complain(reading, CASES_FOLDER, `There are more than ${CASES_MAX} cases; the rest is not run`);
      break;
    }
    const one = await readCase(reading, file, found.name, found.ending.toLowerCase());
    if (one !== null) cases.push(one);
  }
  return cases;
}

async function readCase(reading: Reading, file: string, name: string, ending: string): Promise<Case | null> {
  const payloadFile = `${CASES_FOLDER}/${file}`;
  const expectedFile = `${CASES_FOLDER}/${name}.expected.json`;
  const payload = await readBytes(reading, payloadFile, CASE_FILE_BYTES_MAX, true);
  const named = await readFields(reading, `${CASES_FOLDER}/${name}.headers.json`);
  // Names of headers mean the same in any case, those of query fields do not.
  const headers = named && Object.fromEntries(Object.entries(named).map(([key, text]) => [key.toLowerCase(), text]));
  const query = await readFields(reading, `${CASES_FOLDER}/${name}.query.json`);
  const expected = await readJson(reading, expectedFile);
  if (payload === null || headers === null || query === null) return null;
  if (expected !== undefined && !Array.isArray(expected)) {
    return complain(reading, expectedFile, 'It must hold a list of events; [] when the webhook is skipped');
  }
  return {
    name,
    payloadFile: `${reading.name}/${payloadFile}`,
    expectedFile: `${reading.name}/${expectedFile}`,
    payload,
    headers: { 'content-type': contentTypes[ending] ?? 'application/octet-stream', ...headers },
    query,
    expected: expected ?? null,
  };
}

/** Undefined: there is no such file, or it has been complained of. */
async function readJson(reading: Reading, file: string): Promise<unknown> {
  const text = await readText(reading, file, CASE_FILE_BYTES_MAX, false);
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    complain(reading, file, `This is not JSON: ${(error as Error).message}`);
    return undefined;
  }
}

/** A file of names and texts; none when it is not there, null when it is wrong. Names become lower-case. */
async function readFields(reading: Reading, file: string): Promise<Record<string, string> | null> {
  const value = await readJson(reading, file);
  if (value === undefined) return {};
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return complain(reading, file, 'It must hold an object of names and texts');
  }
  const fields: Record<string, string> = {};
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') return complain(reading, file, `"${key}" must be a text`);
    fields[key] = text;
  }
  return fields;
}
