/**
 * Reads ids and event types from where a provider says they are. What is found came from outside: it is text of
 * bounded length without control characters, or nothing.
 */
import { hash } from 'node:crypto';
import type { WebhookView } from './contract.ts';
import type { Locator, Place } from './provider.ts';

/** Longer ids are kept as their SHA-256: still the same for the same id, and an index entry stays small. */
const keyLengthMax = 200;
/** Types are shown in lists; the longest seen in the wild is under 80. */
const typeLengthMax = 120;

type Searched = Pick<WebhookView, 'headers' | 'body'>;

export function locate(locator: Locator, view: Searched): string | null {
  for (const places of locator) {
    const found = readAll(places, view);
    if (found !== null) return found;
  }
  return null;
}

export function locateKey(locator: Locator, view: Searched): string | null {
  const key = locate(locator, view);
  return key !== null && key.length > keyLengthMax ? `sha256:${hash('sha256', key, 'hex')}` : key;
}

export function locateType(locator: Locator, view: Searched): string | null {
  const type = locate(locator, view);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not reach a terminal
  return type === null ? null : type.slice(0, typeLengthMax).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}

function readAll(places: readonly Place[], view: Searched): string | null {
  let joined = '';
  for (const place of places) {
    const text = read(place, view);
    if (text !== null) joined = joined === '' ? text : `${joined}.${text}`;
    else if (!place.optional) return null;
  }
  return joined === '' ? null : joined;
}

function read(place: Place, view: Searched): string | null {
  if ('header' in place) {
    if (place.with !== undefined && view.headers[place.with] === undefined) return null;
    return view.headers[place.header] || null;
  }
  let value: unknown = view.body;
  for (const name of place.body.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null;
    value = (value as Record<string, unknown>)[name];
  }
  // A number past 2^53 was rounded by the parse: two ids could look the same, so it is none.
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : null;
  return typeof value === 'string' && value !== '' ? value : null;
}
