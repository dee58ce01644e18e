/** What Mixpanel's `/import` does with one record: store, drop in silence, or refuse; with `strict=1` in words. */
import {
  DISTINCT_ID_BYTES_MAX,
  FUTURE_MAX_MS,
  isInsertId,
  isPlaceholder,
  isRecord,
  type JsonRecord,
  nestedBytesViolation,
  nestingViolation,
  TIME_MIN,
} from '../mixpanel/rules.ts';
import type { SandboxRecord } from './ledger.ts';
import { isIgnored, milliseconds, stored } from './track-record.ts';

export type ImportVerdict =
  | { readonly kind: 'store'; readonly record: SandboxRecord }
  | { readonly kind: 'drop' }
  | { readonly kind: 'invalid'; readonly field: string; readonly message: string };

const EVENT_BYTES_MAX = 1_000_000;

export function judgeImported(value: unknown, now: number): ImportVerdict {
  if (!isRecord(value)) return invalid('event', 'must be an object');
  const { event, properties } = value;
  if (typeof event !== 'string' || event === '') return invalid('event', 'must be a non-empty string');
  if (!isRecord(properties)) return invalid('properties', 'must be an object');
  const refused = badIdentity(event, properties, now) ?? badShape(value, properties);
  if (refused) return refused;
  if (isIgnored(properties)) return { kind: 'drop' };
  const kept = stored(event, properties, now);
  return { kind: 'store', record: { event, properties: { ...kept.properties, $import: true } } };
}

/** The four values that make copies equal, and what a merge names. */
function badIdentity(event: string, properties: JsonRecord, now: number): ImportVerdict | null {
  const { time, distinct_id: distinctId, $insert_id: insertId } = properties;
  const at = milliseconds(time);
  if (at === null || at < TIME_MIN) return invalid('properties.time', 'must be specified as seconds since epoch');
  if (at > now + FUTURE_MAX_MS) return invalid('properties.time', 'must not be more than one hour in the future');
  if (typeof insertId !== 'string' || insertId === '') return invalid('$insert_id', 'must not be empty');
  if (isPlaceholder(insertId)) return invalid('$insert_id', 'must not be a placeholder');
  if (!isInsertId(insertId)) {
    return invalid('$insert_id', "must only contain alphanumeric or hyphen '-' characters and at most 36 of them");
  }
  if (event === '$merge') return badMerge(properties.$distinct_ids);
  if (typeof distinctId !== 'string') return invalid('properties.distinct_id', 'must be a string');
  if (isPlaceholder(distinctId)) return invalid('properties.distinct_id', 'must not be a placeholder');
  return Buffer.byteLength(distinctId) > DISTINCT_ID_BYTES_MAX
    ? invalid('properties.distinct_id', 'is too long')
    : null;
}

function badMerge(ids: unknown): ImportVerdict | null {
  const two = Array.isArray(ids) && ids.length === 2 && ids.every((id) => typeof id === 'string' && id !== '');
  return two ? null : invalid('properties.$distinct_ids', 'must be two ids');
}

function badShape(record: JsonRecord, properties: JsonRecord): ImportVerdict | null {
  const text = JSON.stringify(record);
  if (Buffer.byteLength(text) > EVENT_BYTES_MAX) return invalid('event', 'must be smaller than 1 MB');
  // Half a character of two, which JSON text carries as an escape.
  const broken = Object.keys(properties).find((name) => !wellFormed(name) || !wellFormed(properties[name]));
  if (broken !== undefined) {
    return refuse(`properties.${broken}`, `properties.${broken} is invalid: string should be valid utf8`);
  }
  const nesting = nestingViolation(properties) ?? nestedBytesViolation(properties);
  return nesting ? refuse('properties', nesting.message) : null;
}

function wellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([name, inner]) => name.isWellFormed() && wellFormed(inner));
}

function invalid(field: string, rule: string): ImportVerdict {
  return refuse(field, `'${field}' is invalid: ${rule}`);
}

function refuse(field: string, message: string): ImportVerdict {
  return { kind: 'invalid', field, message };
}
