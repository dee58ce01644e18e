/**
 * Which events of the cases have arrived at the sandbox. A case is sent as if it happened now and under a new id, so
 * everything is compared but times and what holds such an id.
 */
import { isDeepStrictEqual } from 'node:util';
import { isTimeLike } from './redate.ts';
import type { ExpectedEvent } from './sample.ts';

export type Awaited = ExpectedEvent & {
  readonly source: string;
  readonly case: string;
  /** When the case happened, before it was moved to now. */
  readonly anchorMs: number;
  readonly oldIds: readonly string[];
};

export type Arrived = { readonly awaited: Awaited; readonly got: ExpectedEvent };

/** Each event that came counts for one that was awaited. */
export function matchArrivals(awaited: readonly Awaited[], came: readonly ExpectedEvent[]) {
  const byName = Map.groupBy(came, ({ event }) => event);
  const arrived: Arrived[] = [];
  const missing: Awaited[] = [];
  for (const one of awaited) {
    const candidates = byName.get(one.event) ?? [];
    const at = candidates.findIndex((got) => isSame(one, got));
    if (at === -1) missing.push(one);
    else arrived.push({ awaited: one, got: candidates.splice(at, 1)[0] as ExpectedEvent });
  }
  return { arrived, missing };
}

function isSame(awaited: Awaited, got: ExpectedEvent): boolean {
  return Object.entries(awaited.properties).every(
    ([name, value]) => name === '$insert_id' || name === 'time' || isSameValue(value, got.properties[name], awaited),
  );
}

function isSameValue(expected: unknown, got: unknown, awaited: Awaited): boolean {
  if (isTimeLike(expected, awaited.anchorMs)) return typeof got === typeof expected;
  if (typeof expected === 'string' && awaited.oldIds.some((id) => expected.includes(id)))
    return typeof got === 'string';
  if (Array.isArray(expected) && Array.isArray(got) && expected.length === got.length) {
    return expected.every((item, index) => isSameValue(item, got[index], awaited));
  }
  if (isObject(expected) && isObject(got)) {
    const names = new Set([...Object.keys(expected), ...Object.keys(got)]);
    return [...names].every((name) => isSameValue(expected[name], got[name], awaited));
  }
  return isDeepStrictEqual(expected, got);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
