/** JSON: bounded in shape, UTF-8 or refused, plain values. */
import { Buffer, isAscii, isUtf8 } from 'node:buffer';
import { scanJson } from './json-scan.ts';
import { malformed, type Parsed } from './outcome.ts';

export function parseJson(bytes: Uint8Array): Parsed {
  if (bytes.length === 0) return malformed('the body is empty, which is no JSON');
  const objection = scanJson(bytes);
  if (objection !== null) return malformed(`the JSON is refused: ${objection}`);
  const text = decodeText(bytes);
  if (text === null) return malformed('the body is not UTF-8');
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    // The parser's own words quote the body, which may be somebody's secret.
    return malformed('the body is not JSON');
  }
}

/** The text of UTF-8 bytes, without a byte order mark; null when they are not UTF-8. */
export function decodeText(bytes: Uint8Array): string | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  // Pure ASCII is what most providers send (they escape the rest), and a one-byte string parses fastest.
  if (isAscii(buffer)) return buffer.toString('latin1');
  if (!isUtf8(buffer)) return null;
  const marked = buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf;
  return buffer.toString('utf8', marked ? 3 : 0);
}

/** Whether a body without a content type is worth trying as JSON: its first character opens an object or array. */
export function looksLikeJson(bytes: Uint8Array): boolean {
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (at < bytes.length) {
    const byte = bytes[at++] as number;
    if (byte === 0x7b || byte === 0x5b) return true;
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return false;
  }
  return false;
}
