/**
 * `replay`: second chances. Deliveries again through today's mapping (`remap`), or dead events as they are (`resend`); by ids or
 * by a selection. It first says how many and what would change, asks, then watches until all have arrived.
 * Exit 1: refused, not wanted, or some failed again · 3: not reachable. Ctrl-C leaves the replay running.
 */
import { type Clock, systemClock } from '../clock.ts';
import { UsageError } from '../errors.ts';
import { clean } from '../observe/clean.ts';
import { allOf, askWell, COUNTING_MS, readCount, readId } from './api.ts';
import { type Confirm, confirmAtTerminal } from './confirm.ts';
import { differenceLines, differencesOf } from './differences.ts';
import { type Output, table } from './output.ts';
import type { Context } from './program.ts';

export type ReplayFlags = {
  readonly source?: string;
  readonly state?: string;
  readonly reason?: string;
  readonly type?: string;
  readonly destination?: string;
  readonly since?: string;
  readonly until?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly wait?: boolean;
  readonly url?: string;
};
export type ReplayOptions = ReplayFlags & {
  readonly remap?: boolean;
  readonly resend?: boolean;
  readonly limit?: string;
};

export type Mode = 'remap' | 'resend';
/** What is sent in place of the one dead event that is selected. */
export type Edited = { readonly event?: object };
type Selection = Readonly<Record<string, string | readonly string[] | undefined>>;
export type Tools = { readonly clock?: Clock; readonly confirm?: Confirm };

type DryRun = {
  readonly count: number;
  readonly sample: readonly {
    readonly id: string;
    readonly delivery: string;
    readonly before: readonly unknown[];
    readonly after: readonly unknown[];
    readonly problem?: string;
  }[];
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly count: number }[];
};

type Replay = {
  readonly id: string;
  readonly mode: Mode;
  readonly selection: Selection;
  readonly state: 'running' | 'done' | 'cancelled';
  readonly count: number;
  readonly done: number;
  readonly delivered: number;
  readonly failed: number;
  readonly nothing: number;
  readonly waiting: number;
  readonly last_failure: string | null;
  readonly by: string;
  readonly created_at: string;
};

const LOOK_MS = 500;
const LOOK_MAX_MS = 5_000;
const LISTED = 20;
const LISTED_MAX = 200;
const SAMPLE_DIFFERENCES = 6;

export async function replay(
  words: readonly string[],
  options: ReplayOptions,
  context: Context,
  tools: Tools = {},
): Promise<number> {
  const [first, ...rest] = words;
  if (first === 'list') return await list(options, context);
  if (first === 'show') return await show(rest, options, context);
  if (first === 'cancel') return await cancel(rest, options, context);
  const selection = selectionOf(words, options);
  return await startReplay(modeOf(words, options), selection, options, context, tools);
}

function selectionOf(ids: readonly string[], options: ReplayOptions): Selection {
  const { source, state, reason, type, destination, since, until } = options;
  const range = { source, state, reason, type, destination, since, until };
  const isNamed = Object.values(range).some((value) => value !== undefined);
  if (ids.length > 0 && isNamed) throw new UsageError(['replay takes ids, or a selection, not both']);
  if (ids.length > 0) return { ids: ids.map((id) => readId(id, 'dlv', 'ded')) };
  if (isNamed) return range;
  throw new UsageError([
    'replay needs ids, or what to select: --source, --state, --reason, --type, --destination, --since, --until',
  ]);
}

/** Ids say it themselves; so does the state. */
function modeOf(ids: readonly string[], { remap, resend, state }: ReplayOptions): Mode {
  if (remap && resend) throw new UsageError(['--remap and --resend: one of them']);
  if (remap) return 'remap';
  if (resend || state === 'dead') return 'resend';
  if (ids.length === 0) return 'remap';
  const dead = ids.filter((id) => id.startsWith('ded_')).length;
  if (dead > 0 && dead < ids.length)
    throw new UsageError(['deliveries (dlv_…) and dead letters (ded_…): one kind at a time']);
  return dead > 0 ? 'resend' : 'remap';
}

export async function startReplay(
  mode: Mode,
  selection: Selection,
  options: ReplayFlags & { readonly edited?: Edited },
  { output, json }: Context,
  { clock = systemClock, confirm = confirmAtTerminal }: Tools = {},
): Promise<number> {
  const { url, edited = {} } = options;
  const request = {
    ...{ mode, ...edited },
    selection: Object.fromEntries(Object.entries(selection).filter(([, value]) => value !== undefined)),
  };
  const ask = <T>(dry: boolean) =>
    askWell<T>({
      method: 'POST',
      url,
      path: '/api/replays',
      json: { ...request, dry_run: dry },
      timeoutMs: COUNTING_MS,
    });
  const isAsked = options.yes !== true && !json;
  if (options.dryRun || isAsked) {
    const would = await ask<DryRun>(true);
    if (json) output.json(would);
    else speakDryRun(mode, would, options.dryRun === true ? output.result : output.say, output);
    if (options.dryRun || would.count === 0) return 0;
    if (!(await confirm(`${mode} ${itemsOf(mode, would.count)}?`))) {
      output.say('Nothing was done.');
      return 1;
    }
  }
  const { id } = await ask<{ readonly id: string }>(false);
  if (!json) output.say(`${id} is under way; trackrelay replay cancel ${id} stops it.`);
  if (options.wait === false) {
    if (json) output.json(await recordOf(id, url));
    else output.result(id);
    return 0;
  }
  return await watch(id, url, { output, json }, clock);
}

function speakDryRun(mode: Mode, would: DryRun, line: (text: string) => void, output: Output): void {
  const { count, sample, warnings } = would;
  line(`${itemsOf(mode, count)} would be ${mode === 'remap' ? 'mapped' : 'sent'} again.`);
  for (const one of sample) {
    const differences = differencesOf(one.before, one.after);
    const same = differences.length === 0 ? output.style('dim', 'as it was') : '';
    line(
      `  ${clean(one.delivery || one.id)}  ${one.problem === undefined ? same : output.style('red', clean(one.problem))}`.trimEnd(),
    );
    const shown = differences.slice(0, SAMPLE_DIFFERENCES);
    for (const text of differenceLines(shown, ['before', 'after'], output, '      ')) line(text);
    if (differences.length > shown.length) line(`      … and ${differences.length - shown.length} more`);
  }
  for (const { message, count: of } of warnings) line(`${output.style('yellow', '!')} ${clean(message)} (${of})`);
}

function itemsOf(mode: Mode, count: number): string {
  if (mode === 'remap') return count === 1 ? '1 delivery' : `${count} deliveries`;
  return count === 1 ? '1 dead event' : `${count} dead events`;
}

function recordOf(id: string, url: string | undefined): Promise<Replay> {
  return askWell<Replay>({ url, path: `/api/replays/${readId(id, 'rpl')}` });
}

async function watch(id: string, url: string | undefined, { output, json }: Context, clock: Clock): Promise<number> {
  let told = '';
  for (let waitMs = LOOK_MS; ; waitMs = Math.min(waitMs * 2, LOOK_MAX_MS)) {
    const record = await recordOf(id, url);
    const line = progress(record);
    if (record.state !== 'running') {
      if (json) output.json(record);
      else output.result(line);
      return record.state === 'done' && record.failed === 0 ? 0 : 1;
    }
    if (line !== told && !json) output.say(line);
    if (line !== told) waitMs = LOOK_MS;
    told = line;
    await clock.wait(waitMs);
  }
}

function progress({ id, state, count, done, delivered, failed, nothing, waiting, last_failure }: Replay): string {
  const parts = [
    `${delivered} delivered`,
    failed > 0 ? `${failed} failed again (${clean(last_failure ?? 'see trackrelay dead list')})` : '',
    nothing > 0 ? `${nothing} became nothing` : '',
    waiting > 0 ? `${waiting} events on their way` : '',
  ];
  return `${id}  ${state}  ${done} of ${count}: ${parts.filter((part) => part !== '').join(', ')}`;
}

async function list({ url, limit }: ReplayOptions, { output, json }: Context): Promise<number> {
  const most = readCount(limit, '--limit', LISTED, LISTED_MAX);
  const found = await allOf<Replay>({ url, path: '/api/replays' }, {}, most);
  if (json) output.json(found);
  else if (found.length === 0) output.say('There were no replays.');
  else {
    const rows = found.map((one) => [
      ...[one.id, one.state, one.mode, `${one.done}/${one.count}`, String(one.failed), one.created_at],
      clean(JSON.stringify(one.selection)),
    ]);
    for (const line of table([['id', 'state', 'mode', 'done', 'failed', 'begun', 'selection'], ...rows]))
      output.result(line);
  }
  return 0;
}

async function show(ids: readonly string[], { url }: ReplayOptions, { output, json }: Context): Promise<number> {
  const record = await recordOf(oneOf(ids, 'show'), url);
  if (json) output.json(record);
  else {
    output.result(progress(record));
    output.result(
      `  ${record.mode} of ${clean(JSON.stringify(record.selection))}, ${record.created_at}, by ${clean(record.by)}`,
    );
  }
  return 0;
}

async function cancel(ids: readonly string[], { url }: ReplayOptions, { output, json }: Context): Promise<number> {
  const id = readId(oneOf(ids, 'cancel'), 'rpl');
  const record = await askWell<Replay>({ method: 'DELETE', url, path: `/api/replays/${id}` });
  if (json) output.json(record);
  else output.result(progress(record));
  return 0;
}

function oneOf(ids: readonly string[], action: string): string {
  if (ids.length === 1 && ids[0] !== undefined) return ids[0];
  throw new UsageError([`replay ${action} takes one id (rpl_…)`]);
}
