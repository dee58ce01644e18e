/**
 * `health`: asks a running relay how it is. Made for HEALTHCHECK lines: starts fast, ends within 3 s.
 * Exit 0: pass or warn · 1: fail · 3: not reachable.
 */
import { UsageError } from '../errors.ts';
import { clean } from '../observe/clean.ts';
import { THIS_RELAY } from '../observe/health-parts.ts';
import type { Reply } from './http.ts';
import { type Output, table } from './output.ts';
import { askPrivate } from './private-listener.ts';
import type { Context } from './program.ts';

/** Docker's and Kubernetes' probes give up after 1 to 30 s; a relay that needs 3 s is not well. */
const TIMEOUT_MS = 3_000;

type Health = {
  readonly status?: string;
  readonly version?: string;
  readonly output?: string;
  readonly checks?: Readonly<Record<string, readonly Check[]>>;
  readonly relay?: string;
  readonly sources?: Readonly<Record<string, SourcePart>>;
  readonly destinations?: Readonly<Record<string, { readonly sender?: string | null }>>;
};
type Check = {
  readonly observedValue?: unknown;
  readonly observedUnit?: string;
  readonly status?: string;
  readonly output?: string;
};
type SourcePart = { readonly status?: string; readonly reasons?: readonly string[] } & Readonly<
  Record<string, unknown>
>;

export async function askHealth(options: { readonly url?: string }, { output, json }: Context): Promise<number> {
  const reply = await askPrivate({ method: 'GET', url: options.url, path: '/health', timeoutMs: TIMEOUT_MS });
  const health = parse(reply);
  if (json) output.json(health);
  else speak(health, output);
  return (health.status === 'pass' || health.status === 'warn') && reply.status === 200 ? 0 : 1;
}

function parse(reply: Reply): Health {
  try {
    const parsed: unknown = JSON.parse(reply.body);
    if (typeof parsed === 'object' && parsed !== null && 'status' in parsed) return parsed as Health;
  } catch {
    // Said below.
  }
  throw new UsageError([`what answered is no relay: ${reply.status} without a health report`], 1);
}

function speak(health: Health, output: Output): void {
  const colour = { pass: 'green', warn: 'yellow' }[health.status ?? ''] as 'green' | 'yellow' | undefined;
  const waiting = number(health, 'buffer:events_waiting');
  const dead = number(health, 'dead_letters:count');
  const parts = [
    output.style(colour ?? 'red', health.status ?? 'fail'),
    ...(health.version ? [`trackrelay ${health.version}`] : []),
    ...(waiting === null ? [] : [`${waiting} events wait`]),
    ...(dead === null ? [] : [`${dead} dead letters`]),
  ];
  output.result(parts.join('  '));
  if (health.output) output.result(`  ${health.output}`);
  for (const line of troubles(health)) output.result(`  ${line}`);
  for (const line of table(cameOf(health), '  ')) output.result(line);
  for (const line of table(sendersOf(health), '  ')) output.result(line);
}

/** Only where several relays could send. */
function sendersOf({ relay, destinations = {} }: Health): string[][] {
  return Object.entries(destinations).flatMap(([name, { sender }]) => {
    if (sender === undefined) return [];
    const who = sender === THIS_RELAY && relay !== undefined ? `${sender}, ${relay}` : sender;
    return [['destination', clean(name), who === null ? 'no relay is known to send' : `sent to by ${clean(who)}`]];
  });
}

/** What came of each source since its folder was made; those to which nothing ever came are only counted. */
function cameOf({ sources = {} }: Health): string[][] {
  const all = Object.entries(sources).map(([name, source]) => ({ name, source, counts: countsOf(source) }));
  const busy = all.filter(({ counts }) => counts.length > 0);
  const rows = busy.map(({ name, source: { last_accepted_at: last }, counts }) => [
    ...['source', clean(name), counts.join(', ')],
    typeof last === 'string' ? `last accepted ${clean(last)}` : 'nothing accepted',
  ]);
  const silent = all.length - busy.length;
  if (silent === 0) return rows;
  return [...rows, ['source', busy.length === 0 ? 'all' : 'others', `nothing came to ${silent}`, '']];
}

function countsOf(source: SourcePart): string[] {
  return countWords.flatMap(([field, words]) => {
    const count = source[field];
    return typeof count === 'number' && count > 0 ? [`${count.toLocaleString('en-US')} ${words}`] : [];
  });
}

const countWords = [
  ['accepted', 'accepted'],
  ['duplicates', 'seen before'],
  ['unverified', 'not verified'],
  ['limited', 'limited'],
  ['skipped', 'skipped'],
  ['map_failed', 'failed to map'],
  ['waiting', 'events wait'],
  ['delivered', 'delivered'],
  ['dead', 'dead'],
] as const;

function number(health: Health, check: string): number | null {
  const value = health.checks?.[check]?.[0]?.observedValue;
  return typeof value === 'number' ? value : null;
}

/** What is not well, a line each; a destination is one of the checks. */
function* troubles(health: Health): Generator<string> {
  for (const [name, list] of Object.entries(health.checks ?? {})) {
    for (const check of list) {
      if (check.status === undefined || check.status === 'pass') continue;
      const value = check.observedValue === undefined ? '' : ` ${check.observedValue} ${check.observedUnit ?? ''}`;
      yield `${check.status}  ${name}${value.trimEnd()}${check.output ? `  ${check.output}` : ''}`;
    }
  }
  for (const [name, { status, reasons = [] }] of Object.entries(health.sources ?? {})) {
    if (status === undefined || status === 'pass') continue;
    yield `${status}  source ${clean(name)}${reasons.length === 0 ? '' : `  ${clean(reasons.join('; '))}`}`;
  }
}
