/**
 * One pass over the bytes of a JSON text before it is parsed, so that hostile shapes are refused at the price of
 * reading them once: too deep, too many values, a `__proto__` key. It does not judge whether the text is JSON: that
 * is JSON.parse's, which comes after. On what JSON.parse accepts, this scan is exact.
 */
import { Buffer } from 'node:buffer';

/** Contract §7: 64 is fine. No provider in our table nests deeper than 12. */
export const depthMax = 64;
/** Contract §7. Every member of an object and element of an array is one; the outermost value is not counted. */
export const valuesMax = 20_000;

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** What a text may still hold; several texts of one body share it. */
export type Budget = { values: number };

/** Why the text is refused; null when its shape is fine, and then the budget is what it leaves. */
export function scanJson(bytes: Uint8Array, budget: Budget = { values: valuesMax }): string | null {
  const { length } = bytes;
  let depth = 0;
  let left = budget.values;
  for (let at = 0; at < length; at++) {
    const byte = bytes[at] as number;
    if (byte === quote) {
      const end = endOfString(bytes, at + 1);
      if (end - at > 9 && isProtoKey(bytes, at, end)) return 'it holds a __proto__ key';
      at = end;
    } else if (byte === comma) {
      if (--left < 0) return `it holds more than ${valuesMax} values`;
    } else if (byte === openBrace || byte === openBracket) {
      if (++depth > depthMax) return `it is nested deeper than ${depthMax}`;
      const next = bytes[skipBlanks(bytes, at + 1)];
      // Commas are one fewer than members, unless there are none.
      if (next !== closeBrace && next !== closeBracket && --left < 0) {
        return `it holds more than ${valuesMax} values`;
      }
    } else if (byte === closeBrace || byte === closeBracket) depth--;
  }
  budget.values = left;
  return null;
}

/** Index of the closing quote; the length when there is none. */
function endOfString(bytes: Uint8Array, from: number): number {
  const { length } = bytes;
  let at = from;
  while (at < length) {
    const byte = bytes[at] as number;
    if (byte === quote) return at;
    at += byte === backslash ? 2 : 1;
  }
  return length;
}

function skipBlanks(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
  return at;
}

/** Whether the string from quote to quote reads `__proto__`, however it is escaped, and is a key. */
function isProtoKey(bytes: Uint8Array, from: number, end: number): boolean {
  const first = bytes[from + 1];
  // 9 characters, each at most \uXXXX: 54 bytes.
  if ((first !== 0x5f && first !== backslash) || end - from - 1 > 54) return false;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + from + 1, end - from - 1).toString('latin1');
  const plain = text.replace(/\\u([0-9a-fA-F]{4})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  return plain === '__proto__' && bytes[skipBlanks(bytes, end + 1)] === colon;
}
