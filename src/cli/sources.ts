/**
 * The source folders as commands see them: their names, one source.yaml read as `serve` would read it (with the
 * sandbox's own secrets where it would use them), and the cases beside it.
 */
import { join } from 'node:path';
import { destinationsOf } from '../config/destinations-file.ts';
import { didYouMean } from '../config/nearest.ts';
import type { Settings } from '../config/settings.ts';
import { shown } from '../config/shown.ts';
import { isSourceName } from '../config/source-file.ts';
import { UsageError } from '../errors.ts';
import type { ParseSource } from '../mapping/load.ts';
import type { Source } from '../model.ts';
import { sourceParser } from '../wiring/sources.ts';
import { kindOf, namesIn, readBytes } from './files.ts';
import { troubleHead } from './trouble.ts';

export type SourceFolder = { readonly source: Source; readonly folder: string };

/** Folders that begin with `_` or `.` are ignored, as is what is no folder. */
export async function sourceNames(mappingsDir: string): Promise<string[]> {
  const names = (await namesIn(mappingsDir)).filter((name) => !/^[_.]/.test(name) && isSourceName(name));
  const kinds = await Promise.all(names.map((name) => kindOf(join(mappingsDir, name))));
  return names.filter((_, index) => kinds[index] === 'folder');
}

/** The folder of a source; refuses names that are none with the nearest that is. */
export async function findSource(name: string, mappingsDir: string): Promise<string> {
  const names = await sourceNames(mappingsDir);
  if (names.includes(name)) return join(mappingsDir, name);
  const hint = didYouMean(name, names) || `: there is ${names.join(', ') || 'none'}`;
  throw new UsageError([`there is no source ${shown(name)} in ${mappingsDir}${hint}`]);
}

/**
 * Reads a source.yaml as `serve` reads it. `sandbox`: with the secrets that a relay without a token makes for itself
 * (made now when it has none yet); otherwise the environment alone decides what is missing.
 */
export function parserFor(settings: Settings, secrets: 'sandbox' | 'environment'): ParseSource {
  const destinations = destinationsOf(settings, 'names');
  return sourceParser({
    settings,
    destinations: new Set(destinations.map(({ name }) => name)),
    sandbox: secrets === 'sandbox' && isSandbox(settings),
  });
}

/** Whether a relay with these settings sends to nobody: then secrets that are not set become random ones. */
export function isSandbox(settings: Settings): boolean {
  return destinationsOf(settings, 'names').every(({ type }) => type === 'sandbox');
}

export async function openSource(name: string, settings: Settings, parse: ParseSource): Promise<SourceFolder> {
  const folder = await findSource(name, settings.mappingsDir);
  const file = join(folder, 'source.yaml');
  const parsed = parse((await readBytes(file)).toString('utf8'), { name, file });
  if (parsed.ok) return { source: parsed.source, folder };
  throw new UsageError(parsed.problems.map(troubleHead), 1);
}

export type CaseFiles = {
  readonly name: string;
  readonly payload: string;
  /** null: there is none. */
  readonly headers: string | null;
  readonly query: string | null;
  readonly expected: string | null;
};

const PAYLOAD = /^(.+)\.payload\.([A-Za-z0-9]+)$/;

/** The cases of a source, by name. */
export async function caseFiles(folder: string): Promise<CaseFiles[]> {
  const cases = join(folder, 'cases');
  const names = await namesIn(cases);
  const known = new Set(names);
  const beside = (name: string) => (known.has(name) ? join(cases, name) : null);
  return names.flatMap((file) => {
    const name = PAYLOAD.exec(file)?.[1];
    if (name === undefined) return [];
    const headers = beside(`${name}.headers.json`);
    const query = beside(`${name}.query.json`);
    return [{ name, payload: join(cases, file), headers, query, expected: beside(`${name}.expected.json`) }];
  });
}

/** The file of headers, or of query fields, that belongs to a payload file of a case; null: it is none, or has none. */
export async function fileBeside(payload: string, kind: 'headers' | 'query'): Promise<string | null> {
  const match = /^(.*)\.payload\.[A-Za-z0-9]+$/.exec(payload);
  const file = match ? `${match[1]}.${kind}.json` : '';
  return match && (await kindOf(file)) === 'file' ? file : null;
}
