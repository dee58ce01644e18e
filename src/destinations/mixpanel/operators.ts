/**
 * What each operator of an update takes. JSONata makes a list of one element the element itself, so where a list is meant
 * one text or number stands for a list of it.
 */
import type { RuleViolation } from '../contract.ts';
import { typeNameOf } from './json-text.ts';
import { broken, isRecord, type JsonRecord } from './rules.ts';

const readers = {
  $set: propertiesOf,
  $set_once: propertiesOf,
  $add: numbersOf,
  $append: propertiesOf,
  $union: listsOf,
  $remove: propertiesOf,
  $unset: namesOf,
  $delete: deletionOf,
} as const satisfies Record<string, Reader>;

export type Operator = keyof typeof readers;
/** Null: it names nothing, so there is nothing to send. */
export type Operand = { readonly ok: true; readonly value: unknown } | ({ readonly ok: false } & RuleViolation);
type Reader = (operator: string, value: unknown) => Operand;

/** More in a profile, and Mixpanel fails the update. */
const PROPERTIES_MAX = 2000;
/** Beside the operators, never inside one: there they would become properties, or be lost. */
const NOT_PROPERTIES: ReadonlySet<string> = new Set([
  ...Object.keys(readers),
  ...['$token', '$distinct_id', '$group_key', '$group_id'],
  ...['$ip', '$latitude', '$longitude', '$time', '$ignore_time', '$ignore_alias'],
]);

export function isOperator(key: string): key is Operator {
  return Object.hasOwn(readers, key);
}

export function operandOf(operator: Operator, value: unknown): Operand {
  return readers[operator](operator, value);
}

function propertiesOf(operator: string, value: unknown): Operand {
  if (!isRecord(value)) {
    return refuse('operator_type', `"${operator}" must be an object of properties, not ${typeNameOf(value)}.`);
  }
  const names = Object.keys(value);
  if (names.length > PROPERTIES_MAX) {
    return refuse('too_many_keys', `"${operator}" has ${names.length} properties; a profile takes ${PROPERTIES_MAX}.`);
  }
  const reserved = names.find((name) => NOT_PROPERTIES.has(name));
  if (reserved !== undefined) {
    return refuse('reserved_property', `"${reserved}" is no property: it belongs beside "${operator}", not into it.`);
  }
  return taken(names.length === 0 ? null : value);
}

function numbersOf(operator: string, value: unknown): Operand {
  const properties = propertiesOf(operator, value);
  if (!properties.ok || properties.value === null) return properties;
  for (const [name, number] of Object.entries(properties.value as JsonRecord)) {
    if (typeof number === 'number' && Number.isFinite(number)) continue;
    return refuse('not_a_number', `"${name}" in "${operator}" must be a number, not ${typeNameOf(number)}.`);
  }
  return properties;
}

function listsOf(operator: string, value: unknown): Operand {
  const properties = propertiesOf(operator, value);
  if (!properties.ok || properties.value === null) return properties;
  const lists: Record<string, readonly unknown[]> = {};
  for (const [name, given] of Object.entries(properties.value as JsonRecord)) {
    const list = Array.isArray(given) ? given : [given];
    const strange = list.find((item) => typeof item !== 'string' && typeof item !== 'number');
    if (strange !== undefined) {
      return refuse(
        'list_type',
        `"${name}" in "${operator}" must be a list of texts or numbers; it has ${typeNameOf(strange)}.`,
      );
    }
    if (list.length > 0) lists[name] = list;
  }
  return taken(Object.keys(lists).length === 0 ? null : lists);
}

function namesOf(operator: string, value: unknown): Operand {
  const names = Array.isArray(value) ? value : [value];
  if (names.some((name) => typeof name !== 'string' || name === '')) {
    return refuse('operator_type', `"${operator}" must be a list of the names of properties.`);
  }
  return taken(names.length === 0 ? null : names);
}

/** Mixpanel deletes whatever the value says, so `false` from an expression must not get there. */
function deletionOf(operator: string, value: unknown): Operand {
  if (value === true || value === '' || value === 'null') return taken('');
  return refuse('delete_value', `"${operator}" deletes whatever its value is: leave it out, or write true.`);
}

function taken(value: unknown): Operand {
  return { ok: true, value };
}

function refuse(rule: string, message: string): Operand {
  return { ok: false, ...broken(rule, message) };
}
