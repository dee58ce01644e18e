/**
 * From a mapping's output to updates of a profile (`/engage`) or of a group (`/groups`): completed, checked, serialised once.
 * Mixpanel takes one operator in an update, so an output with several becomes as many updates, in the order they are written.
 *
 * `$token` is always the relay's own and put in when it is sent. `$ip` is kept only when it holds a public address, or says
 * "0" (do not look it up). An operator that names nothing changes nothing and is left out.
 */
import type { UpdateRoute } from '../../model.ts';
import type { Refused, RuleViolation, ShapeContext, Shaped, ShapedRecord } from '../contract.ts';
import { jsonText, typeNameOf } from './json-text.ts';
import { isOperator, type Operator, operandOf } from './operators.ts';
import { publicAddress } from './public-address.ts';
import { broken, distinctIdViolation, EVENT_BYTES_MAX, isRecord, type JsonRecord, timeViolation } from './rules.ts';
import { readTime } from './time.ts';

type Kind = 'profile' | 'group';

const OWNER_KEYS: ReadonlySet<string> = new Set(['$distinct_id', '$group_key', '$group_id']);
const MODIFIERS: ReadonlySet<string> = new Set([
  '$ip',
  '$latitude',
  '$longitude',
  '$time',
  '$ignore_time',
  '$ignore_alias',
]);
/** Of a list or object in a profile. */
const VALUE_BYTES_MAX = 262_144;
/** Sent again they would count again. */
const ONCE: ReadonlySet<string> = new Set(['$add', '$append']);

export function isUpdate(output: JsonRecord): boolean {
  for (const key in output) if (isUpdateKey(key)) return true;
  return false;
}

export function isUpdateKey(key: string): boolean {
  return OWNER_KEYS.has(key) || isOperator(key);
}

export function shapeUpdate(output: JsonRecord, context: ShapeContext): Shaped {
  const { $token: _token, ...given } = output;
  const kind = '$group_key' in given || '$group_id' in given ? 'group' : 'profile';
  const owner = kind === 'group' ? groupOf(given) : personOf(given);
  if (isViolation(owner)) return refuse(owner);
  const operators = operatorsOf(given, kind);
  if (isViolation(operators)) return refuse(operators);
  const modifiers = kind === 'group' ? {} : modifiersOf(given, context);
  if (isViolation(modifiers)) return refuse(modifiers);
  const records: ShapedRecord[] = [];
  for (const operator of operators) {
    const operand = operandOf(operator, given[operator]);
    if (!operand.ok) return refuse(operand);
    if (operand.value === null) continue;
    const json = jsonText({ ...owner, ...modifiers, [operator]: operand.value });
    const violation = sizeViolation(json, operator, operand.value);
    if (violation) return refuse(violation);
    const route: UpdateRoute = ONCE.has(operator) ? `${kind}_once` : kind;
    records.push({ json, time: Math.round(context.receivedAt), update: { route, key: keyOf(owner) } });
  }
  return { ok: true, records };
}

function operatorsOf(given: JsonRecord, kind: Kind): readonly Operator[] | RuleViolation {
  const operators: Operator[] = [];
  for (const key in given) {
    if (isOperator(key)) operators.push(key);
    else if (!OWNER_KEYS.has(key) && (kind === 'group' || !MODIFIERS.has(key))) {
      const what = kind === 'group' ? 'An update of a group' : 'An update of a profile';
      return broken('unknown_field', `${what} has no "${key}"; it would be lost. Properties belong into "$set".`);
    }
  }
  if (operators.length === 0) {
    return broken('no_operator', 'The update has no operator: "$set", "$set_once", "$add", "$union", …');
  }
  if (operators.length > 1 && operators.includes('$delete')) {
    return broken('delete_and_more', 'An update with "$delete" has no other operator: what would be left of it?');
  }
  if (kind === 'group' && operators.includes('$append')) {
    return broken('no_group_operator', 'Groups take no "$append"; "$union" adds to a list.');
  }
  return operators;
}

function personOf(given: JsonRecord): JsonRecord | RuleViolation {
  const id = idOf(given.$distinct_id, '$distinct_id');
  return typeof id === 'string' ? { $distinct_id: id } : id;
}

function groupOf(given: JsonRecord): JsonRecord | RuleViolation {
  if ('$distinct_id' in given) {
    return broken('two_owners', 'The update names a person and a group: those are two updates.');
  }
  const { $group_key } = given;
  if (typeof $group_key !== 'string' || $group_key === '') {
    return broken('group_key_missing', 'The update of a group needs "$group_key", a text such as "company".');
  }
  const id = idOf(given.$group_id, '$group_id');
  return typeof id === 'string' ? { $group_key, $group_id: id } : id;
}

/** An event may be nobody's; an update of nobody has nowhere to go. */
function idOf(value: unknown, name: '$distinct_id' | '$group_id'): string | RuleViolation {
  const rule = name.slice(1);
  if (value === undefined || value === null || value === '') {
    return broken(`${rule}_missing`, `The update has no "${name}": it would change nobody.`);
  }
  const id = typeof value === 'number' && Number.isFinite(value) ? String(value) : value;
  if (typeof id !== 'string') {
    return broken(`${rule}_type`, `"${name}" must be a text or a number, not ${typeNameOf(value)}.`);
  }
  const violation = distinctIdViolation(id);
  if (violation === null) return id.toWellFormed();
  const { rule: of, message } = violation;
  return broken(of.replace('distinct_id', rule), message.replace('distinct_id', name));
}

/** What stands beside the operator. */
function modifiersOf(given: JsonRecord, context: ShapeContext): JsonRecord | RuleViolation {
  const { $ip, $latitude, $longitude, $time } = given;
  const modifiers: Record<string, unknown> = {};
  const address = $ip === '0' || $ip === 0 ? '0' : publicAddress($ip);
  if (address !== null) modifiers.$ip = address;
  if ($latitude !== undefined || $longitude !== undefined) {
    if (!isWithin($latitude, 90) || !isWithin($longitude, 180)) {
      return broken('place', '"$latitude" and "$longitude" are two numbers: up to 90 and up to 180 degrees.');
    }
    modifiers.$latitude = $latitude;
    modifiers.$longitude = $longitude;
  }
  if ($time !== undefined && $time !== null) {
    const time = readTime($time, context.receivedAt);
    if (typeof time !== 'number') return time;
    const violation = timeViolation(time, context.now);
    if (violation) return violation;
    modifiers.$time = time;
  }
  for (const name of ['$ignore_time', '$ignore_alias']) {
    const value = given[name];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'boolean') return broken('not_a_boolean', `"${name}" is true or false.`);
    modifiers[name] = value;
  }
  return modifiers;
}

function isWithin(value: unknown, most: number): boolean {
  return typeof value === 'number' && Math.abs(value) <= most;
}

function sizeViolation(json: string, operator: Operator, value: unknown): RuleViolation | null {
  const bytes = Buffer.byteLength(json);
  if (bytes > EVENT_BYTES_MAX) {
    return broken('update_too_large', `The update is ${bytes} bytes; Mixpanel takes less than 1 MB.`);
  }
  if (bytes <= VALUE_BYTES_MAX || !isRecord(value)) return null;
  for (const [name, inner] of Object.entries(value)) {
    if (typeof inner !== 'object' || inner === null) continue;
    const innerBytes = Buffer.byteLength(JSON.stringify(inner));
    if (innerBytes <= VALUE_BYTES_MAX) continue;
    return broken(
      'value_too_large',
      `"${name}" in "${operator}" holds ${innerBytes} bytes; an object or list of a profile may hold 256 KB.`,
    );
  }
  return null;
}

/** JSON joins unambiguously: no group can look like another. */
function keyOf(owner: JsonRecord): string {
  return '$distinct_id' in owner
    ? `profile:${String(owner.$distinct_id)}`
    : `group:${JSON.stringify([owner.$group_key, owner.$group_id])}`;
}

function isViolation(value: object): value is RuleViolation {
  return 'rule' in value;
}

function refuse({ rule, message }: RuleViolation): Refused {
  return { ok: false, rule, message };
}
