/** What the demo shows: the events that arrived as a table, and what did not. */
import type { Arrived, Awaited } from './arrivals.ts';
import { type Completed, contentOf, ownerOf } from './completed.ts';
import { type Output, table } from './output.ts';
import type { ExpectedEvent } from './sample.ts';

export type DemoResult = {
  readonly sent: number;
  readonly arrived: readonly Arrived[];
  readonly missing: readonly Awaited[];
  /** Webhooks that were not accepted, in words. */
  readonly refused: readonly string[];
};

const PROPERTIES_WIDTH = 60;
/** In columns of their own, or nothing to look at. */
const HIDDEN = new Set(['time', 'distinct_id', '$insert_id', 'token', 'ip']);

export function speakDemo(result: DemoResult, output: Output): void {
  const head = ['TIME', 'SOURCE', 'EVENT', 'DISTINCT_ID', 'CASE', 'PROPERTIES'];
  const rows = result.arrived.map(({ awaited, got }) => [
    timeOf(got.properties.time),
    awaited.source,
    output.style('bold', got.event),
    ownerOf(got.update ?? got) || '–',
    awaited.case,
    output.style('dim', summary(contentOf(got.update ?? got))),
  ]);
  for (const line of table([head.map((title) => output.style('dim', title)), ...rows])) output.result(line);
  for (const { source, case: name, event } of result.missing) {
    output.result(`${output.style('red', '✗')} ${source} ${name}: "${event}" did not arrive`);
  }
  for (const words of result.refused) output.result(`${output.style('red', '✗')} refused: ${words}`);
  const { arrived, missing, sent } = result;
  const good = missing.length + result.refused.length === 0;
  const count = good ? `all ${arrived.length}` : `${arrived.length} of ${arrived.length + missing.length}`;
  output.result(output.style(good ? 'green' : 'red', `${sent} webhooks sent, ${count} expected events arrived.`));
}

export function demoJson({ sent, arrived, missing, refused }: DemoResult) {
  return {
    sent,
    arrived: arrived.map(({ awaited, got }) => ({ source: awaited.source, case: awaited.case, ...recordOf(got) })),
    missing: missing.map((one) => ({ source: one.source, case: one.case, ...recordOf(one) })),
    refused,
  };
}

function recordOf({ event, properties, update }: ExpectedEvent): Completed {
  return update ?? { event, properties };
}

function timeOf(time: unknown): string {
  return typeof time === 'number' ? new Date(time).toISOString().slice(11, 19) : '';
}

function summary(properties: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(properties)
    .filter(([name]) => !HIDDEN.has(name) && !name.startsWith('mp_'))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const text = parts.join(' ');
  return text.length > PROPERTIES_WIDTH ? `${text.slice(0, PROPERTIES_WIDTH)}…` : text;
}
