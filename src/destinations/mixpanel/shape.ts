/**
 * From a mapping's output to the event as it will be sent: completed, checked, serialised once. The text is stored and sent
 * byte for byte again on every attempt, so that identity and time never change; only the token is added when it is sent.
 *
 * The special properties are written last and once. What a mapping that spreads a whole payload may carry along by accident:
 *   token            dropped: the relay's own is the only one
 *   $ignore          dropped: any truthy value makes Mixpanel discard the event without a word
 *   bucket, $bucket  dropped: they hide the event from Mixpanel's pages
 *   ip               kept only when it holds a public address (the first one of a forwarding list)
 */
import { hash } from 'node:crypto';
import type { Refused, RuleViolation, ShapeContext, Shaped } from '../contract.ts';
import { type IdentityRules, identityViolation, SIMPLIFIED } from './identity.ts';
import { jsonText, typeNameOf } from './json-text.ts';
import { publicAddress } from './public-address.ts';
import {
  broken,
  distinctIdViolation,
  EVENT_BYTES_MAX,
  isInsertId,
  isPlaceholder,
  isRecord,
  type JsonRecord,
  NESTED_BYTES_MAX,
  nameViolation,
  nestedBytesViolation,
  nestingViolation,
  timeViolation,
} from './rules.ts';
import { readTime } from './time.ts';
import { isUpdate, isUpdateKey, shapeUpdate } from './update.ts';

const INSERT_ID_LENGTH = 36;

type ShapedEvent = { readonly ok: true; readonly json: string; readonly time: number } | Refused;

/** What the relay makes of any output: an event, or updates of a profile or group. */
export function shapeOutput(output: unknown, context: ShapeContext, rules: IdentityRules = SIMPLIFIED): Shaped {
  if (isRecord(output) && output.event === undefined && isUpdate(output)) return shapeUpdate(output, context);
  const shaped = shapeEvent(output, context, rules);
  return shaped.ok ? { ok: true, records: [{ json: shaped.json, time: shaped.time }] } : shaped;
}

export function shapeEvent(output: unknown, context: ShapeContext, rules: IdentityRules = SIMPLIFIED): ShapedEvent {
  if (!isRecord(output)) return refuse(broken('not_an_object', 'The output is not an object with "event".'));
  const topLevel = topLevelViolation(output);
  if (topLevel) return refuse(topLevel);
  const given = output.properties ?? {};
  if (!isRecord(given)) return refuse(broken('properties_not_an_object', '"properties" must be an object.'));
  const identity = identityViolation(output.event as string, given, rules);
  if (identity) return refuse(identity);

  const { token: _token, $ignore: _ignore, bucket: _bucket, $bucket: _hidden, ...own } = given;
  const time = readTime(own.time, context.receivedAt);
  if (typeof time !== 'number') return refuse(time);
  const distinctId = readDistinctId(own.distinct_id);
  if (typeof distinctId !== 'string') return refuse(distinctId);
  const violation = timeViolation(time, context.now) ?? distinctIdViolation(distinctId);
  if (violation) return refuse(violation);

  const { time: _time, distinct_id: _id, $insert_id, ip, ...rest } = own;
  const address = ip === undefined ? null : publicAddress(ip);
  const properties: JsonRecord = {
    ...rest,
    ...(address === null ? null : { ip: address }),
    time,
    distinct_id: distinctId,
    $insert_id: insertId($insert_id, context),
  };
  return serialise(output.event as string, properties, time);
}

function topLevelViolation(output: JsonRecord): RuleViolation | null {
  const name = nameViolation(output.event);
  if (name) return name;
  for (const key in output) {
    if (key === 'event' || key === 'properties') continue;
    if (isUpdateKey(key)) {
      return broken('event_and_update', `The output has "event" and "${key}": an event and an update are two objects.`);
    }
    return broken('unknown_field', `The output has "${key}" beside "event" and "properties"; it would be lost.`);
  }
  return null;
}

function serialise(event: string, properties: JsonRecord, time: number): ShapedEvent {
  // One to come: the token.
  const nesting = nestingViolation(properties, 1);
  if (nesting) return refuse(nesting);
  const json = jsonText({ event, properties });
  const bytes = Buffer.byteLength(json);
  if (bytes > EVENT_BYTES_MAX) {
    return refuse(broken('event_too_large', `The event is ${bytes} bytes; Mixpanel takes less than 1 MB.`));
  }
  const nestedBytes = bytes > NESTED_BYTES_MAX ? nestedBytesViolation(properties) : null;
  return nestedBytes ? refuse(nestedBytes) : { ok: true, json, time };
}

function readDistinctId(value: unknown): string | RuleViolation {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return broken('distinct_id_type', `The distinct_id must be a text or a number, not ${typeNameOf(value)}.`);
}

/**
 * The mapping's own id when Mixpanel takes it; a hash of it when not (cutting would make different ids equal). A placeholder
 * such as "undefined" is no id at all: hashed, it would be the same for every event.
 */
export function insertId(given: unknown, context: ShapeContext): string {
  const text = typeof given === 'number' ? String(given) : given;
  if (typeof text === 'string' && text !== '' && !isPlaceholder(text)) {
    return isInsertId(text) ? text : shortHash(text.toWellFormed());
  }
  // JSON joins unambiguously: no source or identity can look like another pair.
  return shortHash(JSON.stringify([context.source, context.identity, context.index]));
}

function shortHash(text: string): string {
  return hash('sha256', text, 'hex').slice(0, INSERT_ID_LENGTH);
}

function refuse(violation: RuleViolation): Refused {
  return { ok: false, rule: violation.rule, message: violation.message };
}
