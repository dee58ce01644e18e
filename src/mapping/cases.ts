/**
 * Cases: a webhook and the events it must become, run the way a real one is (same evaluator, same shaping).
 *
 * What is compared, output by output, in order:
 *   - `event`, exactly;
 *   - `properties` as the mapping gave them and the relay completed them, exactly: one more or one less is a difference;
 *   - but `time`, `distinct_id` and `$insert_id`, which the relay fills in when a mapping gives none, only when the
 *     expected event names them; the completed value is compared (`time` in milliseconds), or what the mapping itself gave.
 * An update of a profile or group is compared as a whole, as completed: without `$token`, one operator in each, so that an
 * output with several operators is several entries; an output that changes nothing is none.
 * An output that breaks a rule of the destination is a difference. A case's webhook is received now, and its delivery is
 * called `dlv_case`; no event of a case is too far in the future. Its pseudonyms are made with the key `case`, on every machine.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.ts';
import type { Case } from './folder.ts';
import type { Difference, Problem } from './problem.ts';
import type { Program } from './program.ts';
import type { MapInput, Runner } from './runner.ts';
import type { Shape } from './turn-to-events.ts';

const COMPLETED = ['time', 'distinct_id', '$insert_id'] as const;
const DIFFERENCES_MAX = 20;
const SHOWN_CHARACTERS_MAX = 200;

export type CaseSource = {
  readonly name: string;
  readonly provider: string;
  readonly destinations: readonly string[];
};

export type CaseResult =
  | { readonly name: string; readonly ok: true; readonly events: readonly unknown[] }
  | { readonly name: string; readonly ok: false; readonly problem: Problem };

/** What one output became, or why it became nothing. */
type Made = { readonly output: unknown; readonly event?: unknown; readonly broken?: string };

export type CaseOptions = {
  readonly source: CaseSource;
  readonly program: Program;
  readonly runner: Pick<Runner, 'map'>;
  readonly shape: Shape;
  readonly clock: Clock;
};

export async function runCases(cases: readonly Case[], options: CaseOptions): Promise<CaseResult[]> {
  const { source, program, runner, clock } = options;
  const receivedAt = clock.now();
  const deliveries = cases.map((one) => caseInput(one, source, receivedAt));
  const results = await runner.map(deliveries.map((delivery) => ({ program, delivery, rehearsal: true })));
  return cases.map((one, index) => {
    const result = results[index];
    if (result === undefined || !result.ok) {
      const { line = 1, column = 1, message = 'no answer' } = result ?? {};
      const problem = { source: source.name, file: `${source.name}/mapping.jsonata`, line, column, case: one.name };
      return { name: one.name, ok: false, problem: { ...problem, message: `case ${one.name}: ${message}` } };
    }
    return judge(one, result.outputs, receivedAt, options);
  });
}

/** A case as a delivery that was just received. */
export function caseInput(one: Pick<Case, 'headers' | 'query' | 'payload'>, source: CaseSource, now: number): MapInput {
  return {
    id: 'dlv_case',
    source: source.name,
    provider: source.provider,
    key: null,
    receivedAt: now,
    headers: one.headers,
    query: one.query,
    body: one.payload,
  };
}

/** What an expected.json would say of these outputs: nothing that the relay filled in. Outputs that break a rule are left out. */
export function expectedOf(
  outputs: readonly unknown[],
  options: Pick<CaseOptions, 'source' | 'shape'> & { readonly receivedAt: number },
): readonly unknown[] {
  const { shape, receivedAt } = options;
  const { name: source, destinations } = options.source;
  return outputs.flatMap((output, index) => {
    const context = { source, identity: 'dlv_case', receivedAt, index, now: Number.MAX_SAFE_INTEGER };
    const shaped = shape(output, context, destinations[0] ?? '');
    if (!shaped.ok) return [];
    const own = isRecord(output) && isRecord(output.properties) ? output.properties : {};
    return shaped.records.map(({ json }) => {
      const event = JSON.parse(json) as unknown;
      if (!isRecord(event) || !isRecord(event.properties)) return event;
      const filledIn = (name: string) => (COMPLETED as readonly string[]).includes(name) && !Object.hasOwn(own, name);
      const properties = Object.entries(event.properties).filter(([name]) => !filledIn(name));
      return { ...event, properties: Object.fromEntries(properties) };
    });
  });
}

function judge(one: Case, outputs: readonly unknown[], receivedAt: number, options: CaseOptions): CaseResult {
  const { source, shape } = options;
  const [destination = ''] = source.destinations;
  const made: Made[] = [];
  for (const [index, output] of outputs.entries()) {
    const context = { source: source.name, identity: 'dlv_case', receivedAt, index, now: Number.MAX_SAFE_INTEGER };
    const shaped = shape(output, context, destination);
    if (shaped.ok) made.push(...shaped.records.map(({ json }) => ({ output, event: JSON.parse(json) as unknown })));
    else made.push({ output, broken: `an output that breaks ${shaped.rule}: ${shaped.message}` });
  }
  const events = made.map(({ event }) => event);
  const expected = one.expected ?? events;
  const differences = Array.from({ length: Math.max(expected.length, made.length) }, (_, index) => {
    const { output, event, broken }: Partial<Made> = made[index] ?? {};
    if (broken === undefined) return compareEvent(`${index}`, expected[index], event, output);
    return [{ path: `${index}`, expected: shown(one.expected?.[index]), got: broken }];
  }).flat();
  if (differences.length === 0) return { name: one.name, ok: true, events };
  const [first] = differences;
  const message = `case ${one.name}: ${first?.path} expected ${first?.expected}, got ${first?.got}`;
  const problem = {
    source: source.name,
    file: one.expectedFile,
    line: 1,
    column: 1,
    message,
    case: one.name,
    differences: differences.slice(0, DIFFERENCES_MAX),
  };
  return { name: one.name, ok: false, problem };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function compareEvent(path: string, expected: unknown, got: unknown, raw: unknown): Difference[] {
  if (!isRecord(expected) || !isRecord(got) || !('event' in got)) return compareUpdate(path, expected, got, raw);
  const { properties: expectedProperties = {}, ...expectedRest } = expected;
  const { properties: gotProperties, ...gotRest } = got;
  const differences = differencesIn(path, expectedRest, gotRest);
  if (!isRecord(expectedProperties) || !isRecord(gotProperties)) {
    return [...differences, ...differencesIn(`${path}.properties`, expectedProperties, gotProperties)];
  }
  const own = isRecord(raw) && isRecord(raw.properties) ? raw.properties : {};
  const compared = { ...gotProperties };
  for (const name of COMPLETED) {
    if (!Object.hasOwn(expectedProperties, name)) delete compared[name];
    else if (isDeepStrictEqual(expectedProperties[name], own[name])) compared[name] = expectedProperties[name];
  }
  return [...differences, ...differencesIn(`${path}.properties`, expectedProperties, compared)];
}

/** `$time` as it was completed, or as the mapping gave it. */
function compareUpdate(path: string, expected: unknown, got: unknown, raw: unknown): Difference[] {
  if (!isRecord(expected) || !isRecord(got) || !isRecord(raw)) return differencesIn(path, expected, got);
  const same = expected.$time !== undefined && isDeepStrictEqual(expected.$time, raw.$time);
  return differencesIn(path, expected, same ? { ...got, $time: raw.$time } : got);
}

/** The places where two JSON values differ, as deep as they can be named. */
export function differencesIn(path: string, expected: unknown, got: unknown): Difference[] {
  if (isRecord(expected) && isRecord(got)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(got)]);
    return [...keys].flatMap((key) => differencesIn(`${path}.${key}`, member(expected, key), member(got, key)));
  }
  if (Array.isArray(expected) && Array.isArray(got) && expected.length === got.length) {
    return expected.flatMap((item, index) => differencesIn(`${path}.${index}`, item, got[index]));
  }
  return isDeepStrictEqual(expected, got) ? [] : [{ path, expected: shown(expected), got: shown(got) }];
}

function member(record: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text;
}
