/**
 * From a mapping's output, in Mixpanel's own shape, to commands of Bloomreach's `/batch`: identity and time fixed, checked,
 * serialised once. Pure.
 *
 *   event        `customers/events`: `event` is the event_type, the time a timestamp in seconds, `distinct_id` a customer id
 *   `$set`       `customers`, with an update_timestamp, so that what comes late overwrites nothing newer
 *   other operators, groups, nobody's events   refused: Bloomreach has no such thing
 *
 * Left out because they only mean something to Mixpanel: token, time, distinct_id, $ignore, bucket, $bucket, and beside an operator
 * $ip, the place and the $ignore_… marks. `$insert_id` stays as `relay_event_id`: Bloomreach stores exact copies once, and by it
 * a copy differs from another event of the same second. `ip` stays only where the destination takes end users' addresses.
 */
import type { Refused, RuleViolation, ShapeContext, Shaped } from '../contract.ts';
import { identityViolation, SIMPLIFIED } from '../mixpanel/identity.ts';
import { jsonText } from '../mixpanel/json-text.ts';
import { isOperator, operandOf } from '../mixpanel/operators.ts';
import { publicAddress } from '../mixpanel/public-address.ts';
import { broken, isRecord, type JsonRecord, nameViolation, timeViolation } from '../mixpanel/rules.ts';
import { insertId } from '../mixpanel/shape.ts';
import { readTime } from '../mixpanel/time.ts';
import { isUpdate, isUpdateKey } from '../mixpanel/update.ts';
import { propertyCountViolation, readCustomerId, sizeViolation } from './rules.ts';

export type BloomreachShape = {
  /** Which type of id a `distinct_id` becomes. */
  readonly customerIdType: string;
  /** Keep `ip` as a property, and let it be sent as X-Forwarded-For. */
  readonly endUserAddress: boolean;
};

const MIXPANEL_ONLY: ReadonlySet<string> = new Set([
  ...['token', 'time', 'distinct_id', '$insert_id', '$ignore', 'bucket', '$bucket', 'ip'],
]);
/** Beside an operator; they steer what Mixpanel does with it. */
const MODIFIERS: ReadonlySet<string> = new Set([
  ...['$token', '$distinct_id', '$time', '$ip', '$latitude', '$longitude', '$ignore_time', '$ignore_alias'],
]);

export function shapeCommand(output: unknown, context: ShapeContext, shape: BloomreachShape): Shaped {
  if (!isRecord(output)) return refuse(broken('not_an_object', 'The output is not an object with "event".'));
  if (output.event === undefined && isUpdate(output)) return shapeUpdate(output, context, shape);
  return shapeEvent(output, context, shape);
}

function shapeEvent(output: JsonRecord, context: ShapeContext, shape: BloomreachShape): Shaped {
  const violation = topLevelViolation(output) ?? identityViolation(output.event as string, {}, SIMPLIFIED);
  if (violation) return refuse(violation);
  const given = output.properties ?? {};
  if (!isRecord(given)) return refuse(broken('properties_not_an_object', '"properties" must be an object.'));
  const time = readTime(given.time, context.receivedAt);
  if (typeof time !== 'number') return refuse(time);
  const id = readCustomerId(given.distinct_id, 'distinct_id');
  if (typeof id !== 'string') return refuse(id);
  const outOfTime = timeViolation(time, context.now);
  if (outOfTime) return refuse(outOfTime);

  const address = shape.endUserAddress ? publicAddress(given.ip) : null;
  // From entries, because a property may have any name, also one that means something to an object.
  const kept = Object.entries(given).filter(([name]) => !MIXPANEL_ONLY.has(name));
  const properties: JsonRecord = {
    ...Object.fromEntries(kept),
    ...(address === null ? null : { ip: address }),
    // The same as Mixpanel gets, so that an event can be found in both.
    relay_event_id: insertId(given.$insert_id, context),
  };
  const data = {
    customer_ids: { [shape.customerIdType]: id },
    event_type: output.event,
    timestamp: time / 1000,
    properties,
  };
  const json = jsonText({ name: 'customers/events', data });
  const large = sizeViolation(json, properties);
  return large ? refuse(large) : { ok: true, records: [{ json, time }] };
}

function topLevelViolation(output: JsonRecord): RuleViolation | null {
  const name = nameViolation(output.event);
  if (name) return name;
  for (const key in output) {
    if (key === 'event' || key === 'properties') continue;
    return isUpdateKey(key)
      ? broken('event_and_update', `The output has "event" and "${key}": an event and an update are two objects.`)
      : broken('unknown_field', `The output has "${key}" beside "event" and "properties"; it would be lost.`);
  }
  return null;
}

function shapeUpdate(output: JsonRecord, context: ShapeContext, shape: BloomreachShape): Shaped {
  const violation = updateViolation(output);
  if (violation) return refuse(violation);
  const id = readCustomerId(output.$distinct_id, '$distinct_id');
  if (typeof id !== 'string') return refuse(id);
  const stamp = updateTimestamp(output.$time, context);
  if (typeof stamp !== 'number') return refuse(stamp);
  const operand = operandOf('$set', output.$set);
  if (!operand.ok) return refuse(operand);
  // Names nothing, changes nothing.
  if (operand.value === null) return { ok: true, records: [] };
  const properties = operand.value as JsonRecord;
  const data = { customer_ids: { [shape.customerIdType]: id }, properties, update_timestamp: stamp };
  const json = jsonText({ name: 'customers', data });
  const large = propertyCountViolation(properties) ?? sizeViolation(json, properties);
  if (large) return refuse(large);
  const update = { route: 'profile', key: `profile:${id}` } as const;
  return { ok: true, records: [{ json, time: Math.round(context.receivedAt), update }] };
}

function updateViolation(output: JsonRecord): RuleViolation | null {
  if ('$group_key' in output || '$group_id' in output) {
    return broken('groups_not_supported', 'Bloomreach has customers and no groups.');
  }
  for (const key in output) {
    if (key === '$set' || MODIFIERS.has(key)) continue;
    if (!isOperator(key)) {
      return broken('unknown_field', `An update has no "${key}"; it would be lost. Properties belong into "$set".`);
    }
    // Not done by halves: what stands beside it is refused with it.
    return broken(
      'operator_not_supported',
      `Bloomreach knows "$set" only; it has nothing that does what "${key}" does.`,
    );
  }
  return '$set' in output ? null : broken('no_operator', 'The update has no "$set": it would change nothing.');
}

/**
 * In seconds. Outputs of one delivery are a microsecond apart: of two with equal stamps Bloomreach may keep either, whatever
 * their order.
 */
function updateTimestamp(given: unknown, context: ShapeContext): number | RuleViolation {
  if (given === undefined || given === null) return (Math.round(context.receivedAt) + context.index / 1000) / 1000;
  const time = readTime(given, context.receivedAt);
  if (typeof time !== 'number') return time;
  return timeViolation(time, context.now) ?? time / 1000;
}

function refuse({ rule, message }: RuleViolation): Refused {
  return { ok: false, rule, message };
}
