/**
 * application/x-www-form-urlencoded: fields are strings, repeated ones arrays in their order. A form of the single
 * field `payload` that holds JSON (GitHub, Slack's interactivity) is that JSON; which other field a provider wraps its content in, it has to say.
 */
import { Buffer } from 'node:buffer';
import type { Unwrap } from '../model.ts';
import { fieldsMax, unwrapField } from './fields.ts';
import { decodeText, looksLikeJson, parseJson } from './json.ts';
import { malformed, type Parsed } from './outcome.ts';
import { addRepeated } from './repeated.ts';

const ampersand = 0x26;
const equals = 0x3d;
const percent = 0x25;
const plus = 0x2b;
const blank = 0x20;

export function parseForm(bytes: Uint8Array, unwrap?: Unwrap): Parsed {
  const pieces = split(bytes);
  if (pieces === null) return malformed(`the form has more than ${fieldsMax} fields`);
  const fields: Record<string, string | string[]> = {};
  for (const piece of pieces) {
    const at = piece.indexOf(equals);
    const name = decodeText(unescapeForm(at === -1 ? piece : piece.subarray(0, at)));
    const value = at === -1 ? '' : decodeText(unescapeForm(piece.subarray(at + 1)));
    if (name === null || value === null) return malformed('the form is not UTF-8');
    if (name === '__proto__') return malformed('the form has a __proto__ field');
    addRepeated(fields, name, value);
  }
  if (unwrap !== undefined) return unwrapField(fields, unwrap);
  return unwrapPayload(fields) ?? { ok: true, value: fields };
}

function unwrapPayload(fields: Readonly<Record<string, string | string[]>>): Parsed | null {
  const { payload } = fields;
  if (typeof payload !== 'string' || Object.keys(fields).length !== 1) return null;
  const bytes = Buffer.from(payload, 'utf8');
  return looksLikeJson(bytes) ? parseJson(bytes) : null;
}

/** The pieces between ampersands that are not empty; null when they are too many. Nothing is decoded before that is known. */
function split(bytes: Uint8Array): Uint8Array[] | null {
  const pieces: Uint8Array[] = [];
  let from = 0;
  while (from < bytes.length) {
    const found = bytes.indexOf(ampersand, from);
    const to = found === -1 ? bytes.length : found;
    if (to > from) pieces.push(bytes.subarray(from, to));
    if (pieces.length > fieldsMax) return null;
    from = to + 1;
  }
  return pieces;
}

/** Plus is a blank, %XX a byte; a percent sign before anything else stays one (as browsers and the URL standard have it). */
function unescapeForm(bytes: Uint8Array): Uint8Array {
  if (bytes.indexOf(percent) === -1 && bytes.indexOf(plus) === -1) return bytes;
  const plain = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    const high = byte === percent ? digit(bytes[at + 1]) : -1;
    const low = high === -1 ? -1 : digit(bytes[at + 2]);
    if (low !== -1) {
      plain[length++] = high * 16 + low;
      at += 2;
    } else plain[length++] = byte === plus ? blank : byte;
  }
  return plain.subarray(0, length);
}

function digit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
