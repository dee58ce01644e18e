/**
 * A body by its content type: one table, one file for each format. What comes out is plain (objects, arrays, strings,
 * numbers, booleans, null), bounded in shape, and holds no `__proto__` key.
 */
import { parseForm } from './form.ts';
import { looksLikeJson, parseJson } from './json.ts';
import { type Parsed, unsupported } from './outcome.ts';

type Format = (bytes: Uint8Array) => Parsed;

const formats: ReadonlyMap<string, Format> = new Map<string, Format>([
  ['application/json', parseJson],
  ['text/json', parseJson],
  ['application/x-www-form-urlencoded', parseForm],
]);

export type ParseOptions = {
  /** For a provider that sends JSON as text/plain. */
  readonly plainTextIsJson?: boolean;
};

export function parseBody(bytes: Uint8Array, contentType: string | undefined, options: ParseOptions = {}): Parsed {
  const type = mediaType(contentType);
  if (type === '') return parseUntyped(bytes);
  const format = formatOf(type, options);
  if (format === null) return unsupported(`content type ${type.slice(0, 80)} is not read`);
  return format(bytes);
}

/** `application/json` of `Application/JSON; charset=utf-8`; empty when there is none. Parameters are ignored: JSON is UTF-8. */
function mediaType(contentType: string | undefined): string {
  if (contentType === undefined) return '';
  const semicolon = contentType.indexOf(';');
  return (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
}

function formatOf(type: string, options: ParseOptions): Format | null {
  const format = formats.get(type);
  if (format !== undefined) return format;
  if (type.endsWith('+json') || (type === 'text/plain' && options.plainTextIsJson)) return parseJson;
  return null;
}

/** Without a content type: nothing is null (a bare call with a token), and what looks like JSON has to be JSON. */
function parseUntyped(bytes: Uint8Array): Parsed {
  if (bytes.length === 0) return { ok: true, value: null };
  return looksLikeJson(bytes) ? parseJson(bytes) : unsupported('there is no content type, and the body is not JSON');
}
