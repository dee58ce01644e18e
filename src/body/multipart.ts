/**
 * multipart/form-data (RFC 7578): fields are strings, repeated ones arrays, a file is `{filename, content_type, bytes}`
 * without its content. Read strictly: what browsers and HTTP libraries write passes, anything that could be read in two
 * ways does not. Parts are counted as they come, so that reading ends with the hundredth.
 */
import { Buffer } from 'node:buffer';
import type { Unwrap } from '../model.ts';
import { fieldsMax, unwrapField } from './fields.ts';
import { decodeText } from './json.ts';
import { malformed, type Parsed } from './outcome.ts';
import { addRepeated } from './repeated.ts';

type FilePart = { readonly filename: string; readonly content_type: string; readonly bytes: number };

/** Of one part. Real ones have two headers of about 200 bytes together. */
const HEADERS_BYTES_MAX = 8_192;
const lineEnd = '\r\n';

export function parseMultipart(bytes: Uint8Array, contentType: string, unwrap?: Unwrap): Parsed {
  const boundary = boundaryOf(contentType);
  if (boundary === null) return malformed('the content type has no proper boundary');
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const delimiter = `${lineEnd}--${boundary}`;
  // The first delimiter may stand at the very start, without a line end before it.
  const first = startsWith(body, lineEnd, 0) ? delimiter : delimiter.slice(lineEnd.length);
  if (!startsWith(body, first, 0)) return malformed('the multipart body does not begin with its boundary');
  const fields: Record<string, string | FilePart | (string | FilePart)[]> = {};
  let at = first.length;
  for (let parts = 0; !startsWith(body, '--', at); parts++) {
    if (parts === fieldsMax) return malformed(`the multipart body has more than ${fieldsMax} fields`);
    if (!startsWith(body, lineEnd, at)) return malformed('a boundary of the multipart body is not a line of its own');
    const headersEnd = body.subarray(at, at + HEADERS_BYTES_MAX).indexOf(`${lineEnd}${lineEnd}`);
    if (headersEnd === -1) return malformed('a part has no end of its headers, or too many of them');
    const from = at + headersEnd + 4;
    const to = body.indexOf(delimiter, from - 2);
    if (to === -1) return malformed('the multipart body does not end as it says it would');
    // The blank line's own end: a reader may take it for the delimiter's or for a value that begins like one.
    if (to < from) return malformed('a part ends before its value begins');
    const headers = readHeaders(body.subarray(at + 2, at + headersEnd));
    if (typeof headers === 'string') return malformed(headers);
    const value = readValue(headers, body.subarray(from, to));
    if (value === null) return malformed('a field of the multipart body is not UTF-8');
    addRepeated(fields, headers.name, value);
    at = to + delimiter.length;
  }
  return unwrap === undefined ? { ok: true, value: fields } : unwrapField(fields, unwrap);
}

function startsWith(body: Buffer, text: string, at: number): boolean {
  return body.toString('latin1', at, at + text.length) === text;
}

/** RFC 2046 §5.1.1: 1 to 70 characters, no blank at the end. */
function boundaryOf(contentType: string): string | null {
  const parameters = readParameters(contentType.slice(contentType.indexOf(';')));
  const boundary = parameters?.get('boundary') ?? '';
  return /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/.test(boundary) ? boundary : null;
}

type PartHeaders = { readonly name: string; readonly filename: string | null; readonly type: string | null };

/** A text says what is wrong. */
function readHeaders(bytes: Uint8Array): PartHeaders | string {
  const text = decodeText(bytes);
  if (text === null) return 'the headers of a part are not UTF-8';
  const headers = new Map<string, string>();
  for (const line of text.split(lineEnd)) {
    const colon = line.indexOf(':');
    const header = line.slice(0, colon).toLowerCase();
    if (colon < 1 || !/^[\w-]+$/.test(header) || headers.has(header)) return 'a part has a header that is none';
    headers.set(header, line.slice(colon + 1).trim());
  }
  const [, parameterText] = /^form-data\s*(;.*)$/i.exec(headers.get('content-disposition') ?? '') ?? [];
  const parameters = parameterText === undefined ? null : readParameters(parameterText);
  const name = parameters?.get('name');
  if (parameters === null || name === undefined) return 'a part has no name';
  if (name === '__proto__') return 'the multipart body has a __proto__ field';
  if (!/^(?:|7bit|8bit|binary)$/i.test(headers.get('content-transfer-encoding') ?? '')) {
    return 'a part is in a transfer encoding, which forms do not have';
  }
  const type = headers.get('content-type') ?? null;
  const filename = parameters.get('filename') ?? extendedFilename(parameters.get('filename*'));
  return { name, type, filename: filename ?? (isBytes(type) ? '' : null) };
}

const isBytes = (type: string | null): boolean => type !== null && /^application\/octet-stream\b/i.test(type);

/** RFC 5987, which forms should not have and some libraries write. */
function extendedFilename(value: string | undefined): string | null {
  const encoded = value?.split("'")[2];
  if (encoded === undefined) return value ?? null;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

const parameterAt = /;\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))\s*/y;

/** `; name="a"; filename=b`: null when it is not written so, or says a thing twice. */
function readParameters(text: string): ReadonlyMap<string, string> | null {
  const parameters = new Map<string, string>();
  for (parameterAt.lastIndex = 0; parameterAt.lastIndex < text.length; ) {
    const match = parameterAt.exec(text);
    if (match === null) return null;
    const [, name = '', quoted, plain] = match;
    const key = name.toLowerCase();
    if (parameters.has(key)) return null;
    // A backslash before anything else is one: names of files on Windows.
    parameters.set(key, plain ?? (quoted as string).replace(/\\(["\\])/g, '$1'));
  }
  return parameters;
}

function readValue({ filename, type }: PartHeaders, content: Uint8Array): string | FilePart | null {
  if (filename === null) return decodeText(content);
  return { filename, content_type: type ?? 'application/octet-stream', bytes: content.length };
}
