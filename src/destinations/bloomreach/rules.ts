/**
 * Bloomreach's rules for one command, checked before it is sent (facts/destinations §3.2, §3.3). For events no size is
 * documented; those of customer updates are taken.
 *
 * Not rules: how old or how deep something is, and how many properties an event has; nothing is documented.
 */
import type { RuleViolation } from '../contract.ts';
import { typeNameOf } from '../mixpanel/json-text.ts';
import { broken, isPlaceholder, isRecord, type JsonRecord } from '../mixpanel/rules.ts';

/** "Less than 800 KB" and "less than 16 KB", read as the smaller of their meanings; room for the command's id is kept. */
const COMMAND_BYTES_MAX = 800_000 - 200;
const VALUE_BYTES_MAX = 16_000 - 1;
/** The most a customer has under any contract; what is beyond, Bloomreach drops without a word. */
const CUSTOMER_PROPERTIES_MAX = 1024;
/** Not documented; as long as Mixpanel takes. */
const ID_BYTES_MAX = 255;

/** Hard ids are case-sensitive, so an id stays as the mapping wrote it. `name`: what the mapping calls it. */
export function readCustomerId(value: unknown, name: 'distinct_id' | '$distinct_id'): string | RuleViolation {
  if (value === undefined || value === null || value === '') {
    return broken('distinct_id_missing', `Bloomreach takes nothing without a customer, and there is no "${name}".`);
  }
  const id = typeof value === 'number' && Number.isFinite(value) ? String(value) : value;
  if (typeof id !== 'string') {
    return broken('distinct_id_type', `"${name}" must be a text or a number, not ${typeNameOf(value)}.`);
  }
  // As an id it would put everybody who has none together in one customer, for good.
  if (isPlaceholder(id)) return broken('distinct_id_placeholder', `"${name}" is "${id}", which stands for nobody.`);
  if (Buffer.byteLength(id) > ID_BYTES_MAX) {
    return broken('distinct_id_too_long', `"${name}" is longer than ${ID_BYTES_MAX} bytes.`);
  }
  if (!/[\p{L}\p{N}]/u.test(id)) {
    return broken('distinct_id_invalid', `"${name}" has no letter or digit; Bloomreach takes it for no id.`);
  }
  return id.toWellFormed();
}

export function propertyCountViolation(properties: JsonRecord): RuleViolation | null {
  const count = Object.keys(properties).length;
  if (count <= CUSTOMER_PROPERTIES_MAX) return null;
  return broken(
    'too_many_keys',
    `"$set" has ${count} properties; a customer of Bloomreach has at most ${CUSTOMER_PROPERTIES_MAX}.`,
  );
}

/** `json`: the command that holds `properties`. */
export function sizeViolation(json: string, properties: JsonRecord): RuleViolation | null {
  const bytes = Buffer.byteLength(json);
  if (bytes > COMMAND_BYTES_MAX) {
    return broken('command_too_large', `The command is ${bytes} bytes; Bloomreach takes less than 800 KB.`);
  }
  if (bytes <= VALUE_BYTES_MAX) return null;
  for (const [name, value] of Object.entries(properties)) {
    const valueBytes = bytesOf(value);
    if (valueBytes <= VALUE_BYTES_MAX) continue;
    return broken('value_too_large', `Property "${name}" holds ${valueBytes} bytes; Bloomreach takes less than 16 KB.`);
  }
  return null;
}

function bytesOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  return Array.isArray(value) || isRecord(value) ? Buffer.byteLength(JSON.stringify(value)) : 0;
}
