/**
 * The fields of a form as it was sent, for providers that sign them: the body room tells what is in a form, this what
 * was proven. Both must read one form alike (test/verify/form-fields.test.ts holds them to it).
 */
import { Buffer } from 'node:buffer';
import type { UnsignedRequest } from './contract.ts';

export type FormFields = ReadonlyMap<string, readonly string[]>;

/** As the body room has it (contract §7). */
const fieldsMax = 99;
const ampersand = 0x26;
// biome-ignore lint/suspicious/noControlCharactersInRegex: every character that is one byte in UTF-8
const ascii = /^[\u0000-\u007f]*$/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** null: it is no form, has too many fields, or is not UTF-8. */
export function formFields({ headers, body }: Pick<UnsignedRequest, 'headers' | 'body'>): FormFields | null {
  if (!isForm(headers) || headers['content-encoding'] !== undefined) return null;
  const fields = new Map<string, string[]>();
  let count = 0;
  for (let from = 0; from < body.length; ) {
    const found = body.indexOf(ampersand, from);
    const to = found === -1 ? body.length : found;
    const piece = body.subarray(from, to);
    from = to + 1;
    if (piece.length === 0) continue;
    if (++count > fieldsMax) return null;
    const at = piece.indexOf(0x3d);
    const name = unescaped(at === -1 ? piece : piece.subarray(0, at));
    const value = at === -1 ? '' : unescaped(piece.subarray(at + 1));
    if (name === null || value === null) return null;
    const known = fields.get(name);
    if (known) known.push(value);
    else fields.set(name, [value]);
  }
  return fields;
}

export function isForm(headers: UnsignedRequest['headers']): boolean {
  return headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() === 'application/x-www-form-urlencoded';
}

/** The field, when it came once; else null. */
export function fieldOf(fields: FormFields | null, name: string): string | null {
  const values = fields?.get(name) ?? [];
  return values.length === 1 ? (values[0] as string) : null;
}

/** Name and value after each other, by name; what came more than once: each value once, sorted (Twilio, Mandrill). */
export function sortedFormText(fields: FormFields): string {
  let text = '';
  for (const name of [...fields.keys()].sort()) {
    for (const value of [...new Set(fields.get(name))].sort()) text += name + value;
  }
  return text;
}

/** Plus is a blank, %XX a byte; a percent sign before anything else stays one. null: not UTF-8. */
function unescaped(bytes: Uint8Array): string | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  if (text.indexOf('%') === -1 && text.indexOf('+') === -1 && ascii.test(text)) return text;
  // The engine's own decoder is many times as fast; what it does not take is read byte for byte.
  if (ascii.test(text)) {
    try {
      return decodeURIComponent(text.replaceAll('+', ' '));
    } catch {
      // A percent sign that stays one, or no UTF-8.
    }
  }
  const plain = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    const escaped = byte === 0x25 ? byteOf(bytes[at + 1], bytes[at + 2]) : -1;
    if (escaped !== -1) at += 2;
    plain[length++] = escaped !== -1 ? escaped : byte === 0x2b ? 0x20 : byte;
  }
  try {
    return utf8.decode(plain.subarray(0, length));
  } catch {
    return null;
  }
}

function byteOf(high: number | undefined, low: number | undefined): number {
  const text = String.fromCharCode(high ?? 0, low ?? 0);
  return /^[0-9A-Fa-f]{2}$/.test(text) ? Number.parseInt(text, 16) : -1;
}
