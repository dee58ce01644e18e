/**
 * Reads (and, for `send`, writes) the header that carries the signatures. Strict: a header that came twice, a field
 * that may come once and came twice, or anything that is not of the form is refused, never guessed at.
 */

import { textAt } from './body-path.ts';
import type { RawRequest } from './contract.ts';
import type { SignatureForm } from './scheme.ts';

export type SignatureValue = { readonly tag: string | null; readonly text: string };

export type SignatureHeader = {
  /** The time field, verbatim; null when the form has none. */
  readonly timestamp: string | null;
  readonly values: readonly SignatureValue[];
};

/** A rotation needs a handful; more is somebody making us work (an Ed25519 check costs 100 µs). */
const valuesMax = 16;
/** 16 signatures of SHA-512 in base64 with tags are below 2,000 characters. */
const lengthMax = 4096;

type HeaderForm = Exclude<SignatureForm, { form: 'headers' | 'body' }>;
type Request = Pick<RawRequest, 'headers' | 'parsed'>;

/**
 * null: no signature of this form is there. A string says what is wrong with it. `timeField`: the field that holds the
 * time, if any.
 */
export function readSignature(
  form: SignatureForm,
  request: Request,
  timeField: string | null,
): SignatureHeader | string | null {
  if (form.form === 'body') {
    const text = textAt(request.parsed(), form.path);
    return text === null ? null : { timestamp: null, values: [{ tag: null, text: text.slice(0, lengthMax) }] };
  }
  if (form.form === 'headers') return readHeaders(form.headers, request);
  const text = request.headers[form.header];
  return text === undefined ? null : readHeader(form, text, timeField);
}

/** Where the signature has to be, in words. */
export function placeOfSignature(form: SignatureForm): string {
  if (form.form === 'body') return `${form.path} in the body`;
  return form.form === 'headers' ? `the header ${form.headers[0]}` : `the header ${form.header}`;
}

/** Headers whose values are proofs. */
export function signatureHeaders(form: SignatureForm): readonly string[] {
  if (form.form === 'body') return [];
  return form.form === 'headers' ? form.headers : [form.header];
}

/** Each provider's key signs in a header of its own: there are as many as the provider says there can be. */
function readHeaders(names: readonly string[], request: Request): SignatureHeader | string | null {
  const values: SignatureValue[] = [];
  for (const name of names) {
    const text = request.headers[name];
    if (text !== undefined) values.push({ tag: null, text: text.slice(0, lengthMax) });
  }
  return values.length === 0 ? null : { timestamp: null, values };
}

function readHeader(form: HeaderForm, text: string, timeField: string | null): SignatureHeader | string {
  if (text.length > lengthMax) return `the header ${form.header} is longer than ${lengthMax} characters`;
  const read = readForm(form, text, timeField);
  if (typeof read !== 'string' && read.values.length > valuesMax) {
    return `the header ${form.header} holds more than ${valuesMax} signatures`;
  }
  return read;
}

function readForm(form: HeaderForm, text: string, timeField: string | null): SignatureHeader | string {
  switch (form.form) {
    case 'plain':
      return readPlain(form, text);
    case 'fields':
      return readFields(form, text, timeField);
    case 'tagged':
      return readTagged(form, text);
    case 'time_first':
      return readTimeFirst(form, text);
  }
}

function readPlain(form: Extract<SignatureForm, { form: 'plain' }>, text: string): SignatureHeader | string {
  const prefix = form.prefix ?? '';
  if (!text.startsWith(prefix)) return `the header ${form.header} does not begin with ${prefix}`;
  return { timestamp: null, values: [{ tag: null, text: prefix === '' ? text : text.slice(prefix.length) }] };
}

function readFields(
  form: Extract<SignatureForm, { form: 'fields' }>,
  text: string,
  timeField: string | null,
): SignatureHeader | string {
  // Node joins a header that came twice with a comma and a blank.
  if (!(form.blanks && form.separator === ',') && text.includes(', ')) return `the header ${form.header} came twice`;
  let timestamp: string | null = null;
  const values: SignatureValue[] = [];
  for (const piece of text.split(form.separator)) {
    const field = form.blanks ? piece.trim() : piece;
    const equals = field.indexOf('=');
    if (equals < 1) return `the header ${form.header} is malformed`;
    const tag = field.slice(0, equals);
    const value = field.slice(equals + 1);
    if (tag !== timeField) values.push({ tag, text: value });
    else if (timestamp === null) timestamp = value;
    else return `the field ${tag} stands twice in the header ${form.header}`;
  }
  return { timestamp, values };
}

function readTagged(form: Extract<SignatureForm, { form: 'tagged' }>, text: string): SignatureHeader | string {
  const values: SignatureValue[] = [];
  for (const piece of text.split(' ')) {
    const comma = piece.indexOf(',');
    if (comma < 1 || piece.indexOf(',', comma + 1) !== -1)
      return `the header ${form.header} is malformed or came twice`;
    values.push({ tag: piece.slice(0, comma), text: piece.slice(comma + 1) });
  }
  return { timestamp: null, values };
}

/** Blanks nowhere: Node joins a header that came twice with a comma and a blank. */
function readTimeFirst(form: Extract<SignatureForm, { form: 'time_first' }>, text: string): SignatureHeader | string {
  const [timestamp = '', ...signatures] = text.split(',');
  if (signatures.length === 0 || text.includes(' ')) return `the header ${form.header} is malformed or came twice`;
  return { timestamp, values: signatures.map((signature) => ({ tag: null, text: signature })) };
}

export function writeSignatureHeader(
  form: HeaderForm,
  tag: string | undefined,
  signature: string,
  time: { readonly field: string; readonly text: string } | null,
): string {
  if (form.form === 'plain') return `${form.prefix ?? ''}${signature}`;
  if (form.form === 'tagged') return `${tag},${signature}`;
  if (form.form === 'time_first') return `${time?.text ?? ''},${signature}`;
  const timeText = time === null ? '' : `${time.field}=${time.text}${form.separator}`;
  return `${timeText}${tag}=${signature}`;
}
