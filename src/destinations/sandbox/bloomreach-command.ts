/** One command as Bloomreach judges it. Texts that no document gives are our own (facts/destinations §10.3). */
import { isRecord, type JsonRecord } from '../mixpanel/rules.ts';

export type CommandName = 'customers' | 'customers/events' | 'system/time';

export type StoredEvent = {
  readonly customerIds: Readonly<Record<string, string>>;
  readonly type: string;
  /** As given, else seconds when it came. */
  readonly timestamp: unknown;
  readonly properties: JsonRecord;
};

export type StoredUpdate = {
  readonly customerIds: Readonly<Record<string, string>>;
  readonly properties: JsonRecord;
  readonly updateTimestamp: number;
};

export type CommandVerdict =
  | { readonly kind: 'event'; readonly event: StoredEvent }
  | { readonly kind: 'update'; readonly update: StoredUpdate }
  | { readonly kind: 'time' }
  | { readonly kind: 'refused'; readonly errors: readonly string[] };

export type Permissions = {
  /** Event types and customer properties that the key may not set. */
  readonly deniedEvents: ReadonlySet<string>;
  readonly deniedProperties: ReadonlySet<string>;
};

const MESSAGE_BYTES_MAX = 800 * 1024;
const VALUE_BYTES_MAX = 16 * 1024;

export function judgeCommand(command: JsonRecord, permissions: Permissions, now: number): CommandVerdict {
  const data = isRecord(command.data) ? command.data : {};
  switch (command.name) {
    case 'system/time':
      return { kind: 'time' };
    case 'customers/events':
      return judgeEvent(data, permissions, now);
    case 'customers':
      return judgeUpdate(data, permissions, now);
    default:
      return refused(`Unknown command name: ${String(command.name)}`);
  }
}

function judgeEvent(data: JsonRecord, { deniedEvents }: Permissions, now: number): CommandVerdict {
  const customerIds = idsOf(data.customer_ids);
  if (customerIds === null) return refused(NO_ID);
  const { event_type: type, timestamp = now / 1000, properties = {} } = data;
  if (typeof type !== 'string' || type === '') return refused('event_type is required.');
  if (!isTime(timestamp)) return refused('timestamp is invalid.');
  if (!isRecord(properties)) return refused('properties must be an object.');
  if (deniedEvents.has(type)) return refused('Not authorized to add event of specified type');
  const large = sizeError(data, properties);
  return large ?? { kind: 'event', event: { customerIds, type, timestamp, properties } };
}

function judgeUpdate(data: JsonRecord, { deniedProperties }: Permissions, now: number): CommandVerdict {
  const customerIds = idsOf(data.customer_ids);
  if (customerIds === null) return refused(NO_ID);
  const { properties, update_timestamp: updateTimestamp = now / 1000 } = data;
  if (!isRecord(properties) || Object.keys(properties).length === 0) {
    return refused('At least one property should be specified.');
  }
  if (typeof updateTimestamp !== 'number') return refused('update_timestamp is invalid.');
  if (Object.keys(properties).some((name) => deniedProperties.has(name))) {
    return refused('not authorized to update specified customer properties');
  }
  const large = sizeError(data, properties);
  return large ?? { kind: 'update', update: { customerIds, properties, updateTimestamp } };
}

const NO_ID = 'At least one id should be specified.';

/** Null: none that is valid. */
function idsOf(given: unknown): Readonly<Record<string, string>> | null {
  if (!isRecord(given)) return null;
  const valid = Object.entries(given).filter(
    ([, id]) => typeof id === 'string' && /[\p{L}\p{N}]/u.test(id) && id !== 'null' && id !== 'undefined',
  );
  return valid.length > 0 ? (Object.fromEntries(valid) as Record<string, string>) : null;
}

/** A number is seconds, whatever it looks like: milliseconds are a day far in the future. */
function isTime(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && !Number.isNaN(Date.parse(value)));
}

function sizeError(data: JsonRecord, properties: JsonRecord): CommandVerdict | null {
  if (Buffer.byteLength(JSON.stringify(data)) >= MESSAGE_BYTES_MAX) return refused('Message is too large.');
  for (const [name, value] of Object.entries(properties)) {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (Buffer.byteLength(text) >= VALUE_BYTES_MAX) return refused(`Value of property ${name} is too large.`);
  }
  return null;
}

function refused(error: string): CommandVerdict {
  return { kind: 'refused', errors: [error] };
}
