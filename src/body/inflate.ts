/**
 * Undoes Content-Encoding with a cap on what comes out: a decompression bomb costs what the cap costs, never more.
 * Synchronous on purpose: the usual body is a few KB, for which a trip to the thread pool costs more than the work.
 */
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, type ZlibOptions } from 'node:zlib';
import { type BodyRefusal, malformed, unsupported } from './outcome.ts';

export type Inflated = { readonly ok: true; readonly bytes: Uint8Array } | BodyRefusal;

type Inflater = (bytes: Uint8Array, options: ZlibOptions) => unknown;
/** What `info: true` makes of the result, which Node's types do not know. */
type WithInfo = { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } };

const inflaters: ReadonlyMap<string, Inflater> = new Map<string, Inflater>([
  ['gzip', gunzipSync],
  ['x-gzip', gunzipSync],
  ['deflate', (bytes, options) => (isZlib(bytes) ? inflateSync : inflateRawSync)(bytes, options)],
  ['br', brotliDecompressSync],
]);

export function inflate(bytes: Uint8Array, contentEncoding: string | undefined, bytesMax: number): Inflated {
  const encoding = contentEncoding?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity') {
    return bytes.length <= bytesMax ? { ok: true, bytes } : oversized(bytesMax);
  }
  const inflater = inflaters.get(encoding);
  if (inflater === undefined) return unsupported(`content encoding ${encoding.slice(0, 40)} is not read`);
  try {
    const { buffer, engine } = inflater(bytes, { maxOutputLength: bytesMax, info: true }) as WithInfo;
    // Bytes after the end are nobody's content, and zlib passes over them in silence.
    if (engine.bytesWritten < bytes.length) return malformed(`the body goes on after its ${encoding} ends`);
    return { ok: true, bytes: buffer };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return oversized(bytesMax);
    return malformed(`the body is not ${encoding}: ${(error as Error).message}`);
  }
}

/** `deflate` means the zlib format (RFC 9110 §8.4.1.2), but some senders leave its two bytes of header out. */
function isZlib(bytes: Uint8Array): boolean {
  const [first = 0, second = 0] = bytes;
  return (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0;
}

function oversized(bytesMax: number): BodyRefusal {
  return { ok: false, code: 'oversized', reason: `the inflated body has more than ${bytesMax} bytes` };
}
