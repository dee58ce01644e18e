/**
 * A payload that can be changed before it is sent: JSON, or a form (where `payload=` alone holds JSON, that). What is
 * not changed stays as it is; numbers keep their digits even where JavaScript would round them.
 */
import { extname } from 'node:path';
import { looksLikeJson } from '../body/json.ts';
import { UsageError } from '../errors.ts';

export type Payload = {
  /** Changed in place; a number that JavaScript cannot hold is an object for which `isExact` is true. */
  readonly value: unknown;
  render(): Buffer;
};

/** Not yet in TypeScript's library: https://tc39.es/proposal-json-parse-with-source/ */
const exact = JSON as unknown as {
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
};

export const isExact = (value: unknown): boolean => exact.isRawJSON(value);

/** null: this kind of body is sent as it is. */
export function openPayload(body: Buffer, contentType: string): Payload | null {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/x-www-form-urlencoded') return openForm(body.toString('utf8'));
  if (/json(lines|l)?$/.test(type) && !/[/+]json$/.test(type)) return openLines(body.toString('utf8'));
  if (!/[/+]json$/.test(type)) return null;
  const value = parseExactly(body.toString('utf8'));
  // Auth0 calls its lines JSON too.
  if (value === undefined) return openLines(body.toString('utf8'));
  return { value, render: () => Buffer.from(JSON.stringify(value)) };
}

function openLines(text: string): Payload | null {
  const value = text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [parseExactly(line)]));
  if (value.length === 0 || value.includes(undefined)) return null;
  return { value, render: () => Buffer.from(value.map((line) => `${JSON.stringify(line)}\n`).join('')) };
}

function parseExactly(text: string): unknown {
  try {
    return exact.parse(text, (_key, value, { source }) => {
      const rounded = typeof value === 'number' && source !== undefined && String(value) !== source;
      return rounded ? exact.rawJSON(source) : value;
    });
  } catch {
    return undefined;
  }
}

function openForm(text: string): Payload {
  const fields: Record<string, string | string[]> = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const known = Object.hasOwn(fields, name) ? fields[name] : undefined;
    // Defined, not assigned: a field called __proto__ stays a field.
    const next = known === undefined ? value : [known, value].flat();
    Object.defineProperty(fields, name, { value: next, writable: true, enumerable: true, configurable: true });
  }
  const inner = Object.keys(fields).length === 1 && typeof fields.payload === 'string' ? fields.payload : null;
  const value = inner === null ? undefined : parseExactly(inner);
  if (value !== undefined) {
    return { value, render: () => Buffer.from(new URLSearchParams({ payload: JSON.stringify(value) }).toString()) };
  }
  const pairs = () =>
    Object.entries(fields).flatMap(([name, values]) => [values].flat().map((one) => [name, String(one)]));
  return { value: fields, render: () => Buffer.from(new URLSearchParams(pairs()).toString()) };
}

/** `data.items.0.price` or `data.items[0].price`. */
export type Path = readonly string[];

export function readPath(text: string): Path {
  const path = text.replace(/\[(\d+)\]/g, '.$1').split('.');
  if (path.some((name) => name === '' || name === '__proto__')) {
    throw new UsageError([`--set: ${JSON.stringify(text)} is no path like data.object.amount or items.0.id`]);
  }
  return path;
}

export function valueAt(value: unknown, path: Path): unknown {
  let here = value;
  for (const name of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, name)) return undefined;
    here = (here as Record<string, unknown>)[name];
  }
  return here;
}

/** Objects on the way that are missing are made; anything else in the way is a mistake. */
export function setAt(value: unknown, path: Path, next: unknown): void {
  let here = value;
  for (const [index, name] of path.entries()) {
    const what = path.slice(0, index).join('.') || 'the payload';
    if (typeof here !== 'object' || here === null || isExact(here)) {
      throw new UsageError([`--set: ${what} is no object or list`]);
    }
    if (Array.isArray(here) && !(/^\d{1,5}$/.test(name) && Number(name) <= here.length)) {
      throw new UsageError([`--set: ${what} is a list of ${here.length}; ${name} is no place in it`]);
    }
    const fields = here as Record<string, unknown>;
    if (index === path.length - 1) fields[name] = next;
    else if (!Object.hasOwn(fields, name)) fields[name] = {};
    here = fields[name];
  }
}

/** `path=value`: JSON when it is JSON (numbers, true, null, objects, "quoted"), otherwise text. */
export function readAssignment(text: string): { readonly path: Path; readonly value: unknown } {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError([`--set takes path=value, not ${JSON.stringify(text)}`]);
  const right = text.slice(at + 1);
  const parsed = parseExactly(right);
  return { path: readPath(text.slice(0, at)), value: parsed === undefined ? right : parsed };
}

const types: Readonly<Record<string, string>> = {
  '.json': 'application/json',
  '.form': 'application/x-www-form-urlencoded',
  '.xml': 'application/xml',
  '.ndjson': 'application/x-ndjson',
  '.jsonl': 'application/jsonl',
  '.txt': 'text/plain',
};

/** What a provider would have said of this body; told by the file's ending, else by its looks. */
export function contentTypeOf(path: string, body: Buffer): string {
  const byEnding = types[extname(path).toLowerCase()];
  if (byEnding !== undefined) return byEnding;
  const start = body.subarray(0, 200).toString('latin1');
  const form = !looksLikeJson(body) && /^[\w.*%+~[\]-]+=/.test(start);
  return form ? 'application/x-www-form-urlencoded' : 'application/json';
}
