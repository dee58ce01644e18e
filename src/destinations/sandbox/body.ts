/**
 * Bodies as Mixpanel takes them: JSON, JSON lines, or a form whose `data` holds JSON or base64 of it; gzip over either. The size limit
 * counts uncompressed bytes.
 */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

const inflate = promisify(gunzip);

export type ReadBody =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'too_large' }
  | { readonly kind: 'unreadable' };

export async function readBody(request: IncomingMessage, bytesMax: number): Promise<ReadBody> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    // Read to the end all the same: an answer before that is a broken connection to many clients.
    if (length <= bytesMax) chunks.push(chunk);
  }
  if (length > bytesMax) return { kind: 'too_large' };
  const raw = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
  if (!/gzip/i.test(request.headers['content-encoding'] ?? '')) return { kind: 'bytes', bytes: raw };
  try {
    return { kind: 'bytes', bytes: await inflate(raw, { maxOutputLength: bytesMax }) };
  } catch (error) {
    const tooLarge = (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
    return { kind: tooLarge ? 'too_large' : 'unreadable' };
  }
}

export type Decoded = {
  /** Null when nobody can read it. */
  readonly records: readonly unknown[] | null;
  /** Fields of a form beside `data`: `verbose` and `ip` may come there. */
  readonly fields: URLSearchParams | null;
};

export function decodeRecords(bytes: Buffer, contentType: string): Decoded {
  const text = bytes.toString('utf8');
  if (/ndjson/i.test(contentType)) return { records: readLines(text), fields: null };
  if (!/x-www-form-urlencoded/i.test(contentType)) return { records: toRecords(parse(text)), fields: null };
  const fields = new URLSearchParams(text);
  const given = fields.get('data') ?? '';
  const direct = parse(given);
  if (direct !== undefined) return { records: toRecords(direct), fields };
  // One SDK posts base64 without percent-encoding it: its + arrive as spaces.
  const decoded = Buffer.from(given.replaceAll(' ', '+'), 'base64').toString('utf8');
  return { records: toRecords(parse(decoded)), fields };
}

function readLines(text: string): readonly unknown[] | null {
  const records = text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [parse(line)]));
  return records.length > 0 && !records.includes(undefined) ? records : null;
}

function toRecords(value: unknown): readonly unknown[] | null {
  if (Array.isArray(value)) return value.length > 0 ? value : null;
  return typeof value === 'object' && value !== null ? [value] : null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
