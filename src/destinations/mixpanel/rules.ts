/**
 * Mixpanel's rules for one event, as `/import?strict=1` applies them, checked here because `/track` answers `1` to a batch
 * with bad events and drops those without a trace. A broken rule has a name and a sentence.
 *
 * Not rules: long texts and names (Mixpanel cuts them at 255, it does not refuse) and the age of an event (decided when it
 * is sent, not when it is made).
 */
import type { RuleViolation } from '../contract.ts';

/** "Fewer than 255" on one page, "up to 255" on another: the smaller. Keys of an object, elements of a list. */
export const ENTRIES_MAX = 254;
export const DEPTH_MAX = 3;
/** Per property that is an object or a list. */
export const NESTED_BYTES_MAX = 8192;
/** "1 MB", read as the smaller of its meanings; room for the token is kept. */
export const EVENT_BYTES_MAX = 1_000_000 - 200;
export const DISTINCT_ID_BYTES_MAX = 255;
/** 1971-01-01, the first day Mixpanel takes. */
export const TIME_MIN = 31_536_000_000;
export const FUTURE_MAX_MS = 3_600_000;

const INSERT_ID = /^[A-Za-z0-9-]{1,36}$/;

/** What `distinct_id` and `$insert_id` may not be: the remains of sloppy expressions. Compared trimmed and in lower case. */
const PLACEHOLDERS: ReadonlySet<string> = new Set([
  '00000000-0000-0000-0000-000000000000',
  'anon',
  'anonymous',
  'nil',
  'none',
  'null',
  'n/a',
  'na',
  'undefined',
  'unknown',
  '<nil>',
  '0',
  '-1',
  'true',
  'false',
  '[]',
  '{}',
]);
const PLACEHOLDER_LENGTH_MAX = 36;

export type JsonRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isPlaceholder(id: string): boolean {
  if (id.length > PLACEHOLDER_LENGTH_MAX + 8) return false;
  return PLACEHOLDERS.has(id.trim().toLowerCase());
}

export function isInsertId(id: string): boolean {
  return INSERT_ID.test(id) && !PLACEHOLDERS.has(id.toLowerCase());
}

export function nameViolation(event: unknown): RuleViolation | null {
  if (typeof event !== 'string' || event === '') {
    return broken('event_name', 'The event has no name: "event" must be a text that is not empty.');
  }
  return null;
}

export function timeViolation(time: number, now: number): RuleViolation | null {
  if (time < TIME_MIN) return broken('time_too_early', `The time ${describeTime(time)} is before 1971-01-01.`);
  if (time > now + FUTURE_MAX_MS) {
    return broken('time_in_future', `The time ${describeTime(time)} is more than an hour in the future.`);
  }
  return null;
}

export function distinctIdViolation(id: string): RuleViolation | null {
  if (isPlaceholder(id)) {
    return broken('distinct_id_placeholder', `Mixpanel refuses the distinct_id "${id}": it stands for nobody.`);
  }
  // A UTF-16 unit is at most 3 bytes: short ids need no counting.
  if (id.length * 3 > DISTINCT_ID_BYTES_MAX && Buffer.byteLength(id) > DISTINCT_ID_BYTES_MAX) {
    return broken('distinct_id_too_long', `The distinct_id is longer than ${DISTINCT_ID_BYTES_MAX} bytes.`);
  }
  return null;
}

/** Numbers of keys and elements, and depth, of everything under `properties`; `toCome` keys will still be added to it. */
export function nestingViolation(properties: JsonRecord, toCome = 0): RuleViolation | null {
  let count = toCome;
  for (const key in properties) {
    count++;
    const value = properties[key];
    if (typeof value !== 'object' || value === null) continue;
    const found = containerViolation(value, 1, false);
    if (found) return found(key);
  }
  return count > ENTRIES_MAX ? tooManyKeys('The event', count) : null;
}

/** Call only for an event of more than `NESTED_BYTES_MAX` bytes: no smaller one can break it. */
export function nestedBytesViolation(properties: JsonRecord): RuleViolation | null {
  for (const key in properties) {
    const value = properties[key];
    if (typeof value !== 'object' || value === null) continue;
    const bytes = Buffer.byteLength(JSON.stringify(value));
    if (bytes <= NESTED_BYTES_MAX) continue;
    return broken('nested_too_large', `Property "${key}" holds ${bytes} bytes; an object or list may hold 8 KB.`);
  }
  return null;
}

export function broken(rule: string, message: string): RuleViolation {
  return { rule, message };
}

/** A violation that still has to learn where it is: paths are only put together when one is needed. */
type Located = (path: string) => RuleViolation;

function containerViolation(value: object, depth: number, inList: boolean): Located | null {
  if (depth > DEPTH_MAX) {
    return (path) => broken('nested_too_deep', `"${path}" is nested deeper than ${DEPTH_MAX} levels.`);
  }
  return Array.isArray(value) ? listViolation(value, depth, inList) : objectViolation(value, depth, inList);
}

function objectViolation(value: object, depth: number, inList: boolean): Located | null {
  let count = 0;
  for (const key in value) {
    count++;
    const inner = (value as JsonRecord)[key];
    if (typeof inner !== 'object' || inner === null) continue;
    if (inList && !Array.isArray(inner)) {
      return (path) => broken('list_of_nested_objects', `"${path}.${key}": objects in a list may not hold objects.`);
    }
    const found = containerViolation(inner, Array.isArray(inner) ? depth : depth + 1, inList);
    if (found) return (path) => found(`${path}.${key}`);
  }
  return count > ENTRIES_MAX ? (path) => tooManyKeys(`"${path}"`, count) : null;
}

/** A list is no level of its own, but a list in a list is; objects in it may not hold lists of objects again. */
function listViolation(list: readonly unknown[], depth: number, inList: boolean): Located | null {
  if (list.length > ENTRIES_MAX) {
    return (path) => broken('list_too_long', `"${path}" has ${list.length} elements; a list may have ${ENTRIES_MAX}.`);
  }
  for (let index = 0; index < list.length; index++) {
    const inner = list[index];
    if (typeof inner !== 'object' || inner === null) continue;
    if (inList && !Array.isArray(inner)) {
      return (path) => broken('list_of_nested_objects', `"${path}": objects in a list may not hold objects.`);
    }
    const found = containerViolation(inner, Array.isArray(inner) ? depth + 1 : depth, !Array.isArray(inner) || inList);
    if (found) return (path) => found(`${path}[${index}]`);
  }
  return null;
}

function tooManyKeys(what: string, count: number): RuleViolation {
  return broken('too_many_keys', `${what} has ${count} properties; Mixpanel takes ${ENTRIES_MAX}.`);
}

function describeTime(time: number): string {
  return Math.abs(time) <= 8.64e15 ? new Date(time).toISOString() : String(time);
}
