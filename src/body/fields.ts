/** The one field that is the content of a form, and the bound of all forms. */
import { Buffer } from 'node:buffer';
import type { Unwrap } from '../model.ts';
import { parseJson } from './json.ts';
import { malformed, type Parsed } from './outcome.ts';
import { parseXml } from './xml.ts';

/** Contract §7: 100 or more are refused. Slack's longest form has 20, Mailgun's about 30. */
export const fieldsMax = 99;

/** A form whose content is one of its fields becomes that; without the field it stays the form it is. */
export function unwrapField(fields: Readonly<Record<string, unknown>>, { field, as }: Unwrap): Parsed {
  if (!Object.hasOwn(fields, field)) return { ok: true, value: fields };
  const text = fields[field];
  if (typeof text !== 'string') return malformed(`the form has more than one ${field}, or a file of that name`);
  if (as === 'json') return parseJson(Buffer.from(text, 'utf8'));
  const bytes = decodeBase64(text);
  return bytes === null ? malformed(`${field} is not base64`) : parseXml(bytes);
}

/** Null when it is not base64. Line breaks are allowed: Braintree breaks after 60 characters, as Ruby does. */
function decodeBase64(text: string): Uint8Array | null {
  const packed = text.replace(/[\r\n]+/g, '');
  return /^[A-Za-z0-9+/]*={0,2}$/.test(packed) && packed.length % 4 === 0 ? Buffer.from(packed, 'base64') : null;
}
