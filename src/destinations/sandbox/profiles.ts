/**
 * Profiles and groups as the sandbox knows them: what each operator made of them, so that an update counted twice shows, and the
 * updates as they came. Bounded: what was changed longest ago is forgotten first.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Endpoint } from './faults.ts';
import { operatorIn, type UpdateRecord } from './update-record.ts';

export type Profile = {
  readonly distinct_id?: string;
  readonly group_key?: string;
  readonly group_id?: string;
  readonly properties: Readonly<Record<string, unknown>>;
  /** Grows with each update of any of them. */
  readonly changed: number;
};

export type RawUpdate = {
  readonly sequence: number;
  readonly receivedAt: number;
  readonly endpoint: Endpoint;
  readonly record: UpdateRecord;
};

const PROFILES_MAX = 10_000;
const UPDATES_MAX = 20_000;
/** Of the updates kept; their properties are what profiles are made of. */
const BYTES_MAX = 32 * 1024 * 1024;
/** More, and the update fails. */
const PROPERTIES_MAX = 2000;
const VALUE_BYTES_MAX = 262_144;

type Properties = Record<string, unknown>;

export class Profiles {
  readonly #profiles = new Map<string, Profile>();
  #updates: { readonly update: RawUpdate; readonly bytes: number }[] = [];
  #bytes = 0;
  #sequence = 0;
  #counts = { applied: 0, dropped: 0, invalid: 0 };

  get counts() {
    return { ...this.#counts, profiles: this.#profiles.size };
  }

  note(outcome: 'dropped' | 'invalid'): void {
    this.#counts[outcome]++;
  }

  /** Null, or why it fails. */
  apply(endpoint: Endpoint, record: UpdateRecord, receivedAt: number): string | null {
    const { $distinct_id: distinct_id, $group_key: group_key, $group_id: group_id } = record;
    const key = JSON.stringify(endpoint === 'engage' ? [distinct_id] : [group_key, group_id]);
    const operator = operatorIn(record);
    const properties = changed(this.#profiles.get(key)?.properties ?? {}, operator, record[operator]);
    const problem = properties && problemOf(properties);
    if (problem) return problem;
    this.#sequence++;
    this.#counts.applied++;
    this.#keep({ sequence: this.#sequence, receivedAt, endpoint, record });
    this.#profiles.delete(key);
    if (properties === null) return null;
    const owner =
      endpoint === 'engage'
        ? { distinct_id: String(distinct_id) }
        : { group_key: String(group_key), group_id: String(group_id) };
    this.#profiles.set(key, { ...owner, properties, changed: this.#sequence });
    const oldest = this.#profiles.size > PROFILES_MAX ? this.#profiles.keys().next() : null;
    if (oldest && !oldest.done) this.#profiles.delete(oldest.value);
    return null;
  }

  updates(): readonly RawUpdate[] {
    return this.#updates.map(({ update }) => update);
  }

  all(): readonly Profile[] {
    return [...this.#profiles.values()].reverse();
  }

  clear(): void {
    this.#profiles.clear();
    this.#updates = [];
    this.#bytes = 0;
    this.#counts = { applied: 0, dropped: 0, invalid: 0 };
  }

  #keep(update: RawUpdate): void {
    const bytes = Buffer.byteLength(JSON.stringify(update.record));
    this.#updates.push({ update, bytes });
    this.#bytes += bytes;
    while (this.#updates.length > UPDATES_MAX || this.#bytes > BYTES_MAX)
      this.#bytes -= this.#updates.shift()?.bytes ?? 0;
  }
}

/** Null: the profile is gone. */
function changed(before: Properties, operator: string, operand: unknown): Properties | null {
  const given = (operand ?? {}) as Properties;
  const each = (change: (value: unknown, old: unknown) => unknown) => {
    const after = { ...before };
    for (const [name, value] of Object.entries(given)) {
      const next = change(value, before[name]);
      if (next !== undefined) after[name] = next;
    }
    return after;
  };
  switch (operator) {
    case '$set':
      return { ...before, ...given };
    case '$set_once':
      return { ...given, ...before };
    case '$add':
      return each((value, old = 0) => (typeof old === 'number' ? old + Number(value) : undefined));
    case '$append':
      return each((value, old = []) => (Array.isArray(old) ? [...old, value] : undefined));
    case '$union':
      return each((value, old = []) => (Array.isArray(old) ? union(old, value as unknown[]) : undefined));
    case '$remove':
      return each((value, old) =>
        Array.isArray(old) ? old.filter((item) => !isDeepStrictEqual(item, value)) : undefined,
      );
    case '$unset': {
      const names = new Set(operand as string[]);
      return Object.fromEntries(Object.entries(before).filter(([name]) => !names.has(name)));
    }
    default:
      return null;
  }
}

function union(list: readonly unknown[], more: readonly unknown[]): unknown[] {
  return [...list, ...new Set(more.filter((item) => !list.includes(item)))];
}

function problemOf(properties: Properties): string | null {
  const names = Object.keys(properties);
  if (names.length > PROPERTIES_MAX) return `the profile would have more than ${PROPERTIES_MAX} properties`;
  const large = names.find((name) => {
    const value = properties[name];
    return typeof value === 'object' && value !== null && Buffer.byteLength(JSON.stringify(value)) > VALUE_BYTES_MAX;
  });
  return large === undefined ? null : `'${large}' would be larger than 256 KB`;
}
