/**
 * A body by its content type: one table, one file for each format. What comes out is plain (objects, arrays, strings,
 * numbers, booleans, null), bounded in shape, and holds no `__proto__` key.
 */

import type { BodyForm } from '../model.ts';
import { parseForm } from './form.ts';
import { looksLikeJson, parseJson } from './json.ts';
import { parseJsonLines } from './lines.ts';
import { parseMultipart } from './multipart.ts';
import { type Parsed, unsupported } from './outcome.ts';
import { parseXml } from './xml.ts';

export type ParseOptions = BodyForm & {
  /** Nothing is null whatever its content type says: of a GET, the query is the content. */
  readonly emptyIsNull?: boolean;
};

type Format = (bytes: Uint8Array, options: ParseOptions, contentType: string) => Parsed;

const json: Format = (bytes, { lines }) => (lines ? parseJsonOrLines(bytes) : parseJson(bytes));
const jsonLines: Format = (bytes) => parseJsonLines(bytes);
const xml: Format = (bytes) => parseXml(bytes);

const formats: ReadonlyMap<string, Format> = new Map<string, Format>([
  ['application/json', json],
  ['text/json', json],
  ['application/x-ndjson', jsonLines],
  ['application/ndjson', jsonLines],
  ['application/jsonl', jsonLines],
  ['application/x-jsonl', jsonLines],
  ['application/jsonlines', jsonLines],
  ['application/x-jsonlines', jsonLines],
  ['application/xml', xml],
  ['text/xml', xml],
  ['application/x-www-form-urlencoded', (bytes, { unwrap }) => parseForm(bytes, unwrap)],
  ['multipart/form-data', (bytes, { unwrap }, contentType) => parseMultipart(bytes, contentType, unwrap)],
]);

export function parseBody(bytes: Uint8Array, contentType: string | undefined, options: ParseOptions = {}): Parsed {
  const type = mediaType(contentType);
  if (bytes.length === 0 && (type === '' || options.emptyIsNull)) return { ok: true, value: null };
  const format = type === '' ? untyped(bytes) : formatOf(type, options);
  if (format !== null) return format(bytes, options, contentType ?? '');
  return unsupported(
    type === ''
      ? 'there is no content type, and the body is not JSON'
      : `content type ${type.slice(0, 80)} is not read`,
  );
}

/** `application/json` of `Application/JSON; charset=utf-8`; empty when there is none. A charset is ignored: all is UTF-8. */
function mediaType(contentType: string | undefined): string {
  if (contentType === undefined) return '';
  const semicolon = contentType.indexOf(';');
  return (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
}

function formatOf(type: string, options: ParseOptions): Format | null {
  const format = formats.get(type);
  if (format !== undefined) return format;
  if (type.endsWith('+json') || (type === 'text/plain' && options.plainTextIsJson)) return json;
  return type.endsWith('+xml') ? xml : null;
}

/** Without a content type, what looks like JSON has to be JSON. */
function untyped(bytes: Uint8Array): Format | null {
  return looksLikeJson(bytes) ? json : null;
}

function parseJsonOrLines(bytes: Uint8Array): Parsed {
  const whole = parseJson(bytes);
  return whole.ok || bytes.length === 0 ? whole : parseJsonLines(bytes);
}
