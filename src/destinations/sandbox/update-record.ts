/** What Mixpanel's `/engage` and `/groups` do with one record: take it, drop it in silence, or count it as invalid. */
import { isRecord, type JsonRecord } from '../mixpanel/rules.ts';
import type { Endpoint } from './faults.ts';

export type UpdateRecord = JsonRecord;

export type UpdateVerdict =
  | { readonly kind: 'take'; readonly record: UpdateRecord }
  | { readonly kind: 'drop' }
  | { readonly kind: 'invalid'; readonly error: string };

/** Of one update. */
const BYTES_MAX = 1_000_000;

const checks: Readonly<Record<string, (operand: unknown) => boolean>> = {
  $set: isRecord,
  $set_once: isRecord,
  $add: (operand) => isRecord(operand) && Object.values(operand).every((value) => typeof value === 'number'),
  $append: isRecord,
  $union: (operand) =>
    isRecord(operand) && Object.values(operand).every((value) => isList(value, ['string', 'number'])),
  $remove: isRecord,
  $unset: (operand) => isList(operand, ['string']),
  $delete: () => true,
};

export function operatorIn(record: UpdateRecord): string {
  return Object.keys(record).find((key) => Object.hasOwn(checks, key)) ?? '';
}

export function judgeUpdate(value: unknown, endpoint: Endpoint, tokens: ReadonlySet<string> | null): UpdateVerdict {
  if (!isRecord(value)) return invalid('data, missing or empty');
  const { $token, ...record } = value;
  if (typeof $token !== 'string' || $token === '') return invalid('token, missing or empty');
  if (tokens && !tokens.has($token)) return { kind: 'drop' };
  const owner = endpoint === 'engage' ? ['$distinct_id'] : ['$group_key', '$group_id'];
  const missing = owner.find((name) => typeof record[name] !== 'string' || record[name] === '');
  if (missing !== undefined) return invalid(`${missing}, missing or empty`);
  const operators = Object.keys(record).filter((key) => Object.hasOwn(checks, key));
  const [operator] = operators;
  if (operator === undefined || operators.length > 1) return invalid('an update has exactly one operator');
  if (!checks[operator]?.(record[operator])) return invalid(`'${operator}' is invalid`);
  if (Buffer.byteLength(JSON.stringify(value)) > BYTES_MAX) return invalid('the update is larger than 1 MB');
  return { kind: 'take', record };
}

function isList(value: unknown, types: readonly string[]): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((item) => types.includes(typeof item));
}

function invalid(error: string): UpdateVerdict {
  return { kind: 'invalid', error };
}
