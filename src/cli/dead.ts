/**
 * `dead`: what will not be tried again by itself. `list` and `show` look, `retry` gives it its second chance (deliveries whose mapping
 * failed go through today's mapping, events are sent as they are), `export` writes all as lines of JSON.
 */
import { shown } from '../config/shown.ts';
import { UsageError } from '../errors.ts';
import type { DeadLetter } from '../model.ts';
import { clean } from '../observe/clean.ts';
import { allOf, askWell, PAGE_MAX, pagesOf, readCount, readId } from './api.ts';
import { readInput } from './files.ts';
import { nextCommands } from './next-commands.ts';
import { table } from './output.ts';
import type { Context } from './program.ts';
import { type ReplayFlags, startReplay } from './replay.ts';

export type DeadOptions = ReplayFlags & {
  readonly kind?: string;
  readonly limit?: string;
  /** With `retry` and one id: a file with the event that is sent in its place. */
  readonly event?: string;
};

const LISTED = 50;
const LISTED_MAX = 10_000;
/** An export has no end of its own; a million takes minutes. */
const EXPORTED_MAX = 10_000_000;

export async function dead(
  action: string,
  ids: readonly string[],
  options: DeadOptions,
  context: Context,
): Promise<number> {
  const actions: Readonly<Record<string, () => Promise<number>>> = {
    list: () => list(options, context),
    show: () => show(ids, options, context),
    retry: () => retry(ids, options, context),
    export: () => exportAll(options, context),
  };
  const chosen = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (chosen === undefined)
    throw new UsageError([`dead ${JSON.stringify(action)}: it is one of ${Object.keys(actions).join(', ')}`]);
  if (ids.length > 0 && action !== 'show' && action !== 'retry') throw new UsageError([`dead ${action} takes no ids`]);
  return await chosen();
}

function filterOf({ source, reason, kind, destination, type, since, until }: DeadOptions) {
  return { source, reason, kind, destination, type, since, until };
}

async function list(options: DeadOptions, { output, json }: Context): Promise<number> {
  const most = readCount(options.limit, '--limit', LISTED, LISTED_MAX);
  const found = await allOf<DeadLetter>({ url: options.url, path: '/api/dead-letters' }, filterOf(options), most);
  if (json) {
    output.json(found);
    return 0;
  }
  if (found.length === 0) {
    output.say('There are no dead letters.');
    return 0;
  }
  const rows = found.map(({ id, source, kind, reason, created_at, message }) => [
    clean(id),
    clean(source),
    kind,
    output.style('red', clean(reason)),
    clean(created_at),
    clean(message),
  ]);
  for (const line of table([['id', 'source', 'kind', 'reason', 'since', 'message'], ...rows])) output.result(line);
  if (found.length === most) output.say(`The newest ${most} are shown; --limit shows more, and export all.`);
  return 0;
}

async function show(ids: readonly string[], { url }: DeadOptions, { output, json }: Context): Promise<number> {
  const [given] = ids;
  if (given === undefined || ids.length > 1) throw new UsageError(['dead show takes one id']);
  const letter = await askWell<DeadLetter>({ url, path: `/api/dead-letters/${readId(given, 'ded')}` });
  if (json) {
    output.json(letter);
    return 0;
  }
  const { event, ...fields } = letter;
  const rows = Object.entries(fields)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => [name.replaceAll('_', ' '), clean(String(value))]);
  for (const line of table(rows, '  ')) output.result(line);
  if (event !== undefined) for (const line of JSON.stringify(event, null, 2).split('\n')) output.result(`    ${line}`);
  for (const command of nextCommands(letter)) output.say(`Next: ${command}`);
  return 0;
}

/** By ids, each in its own way; or all that a selection names. */
async function retry(ids: readonly string[], options: DeadOptions, context: Context): Promise<number> {
  const { source, reason, kind, destination, type, since, until } = options;
  if (options.event !== undefined && ids.length !== 1)
    throw new UsageError(['--event takes the place of one dead event: name its id']);
  if (ids.length > 0) {
    const letters = await Promise.all(
      ids.map((id) => askWell<DeadLetter>({ url: options.url, path: `/api/dead-letters/${readId(id, 'ded')}` })),
    );
    const deliveries = [...new Set(letters.filter((one) => one.kind === 'mapping').map((one) => one.delivery))];
    const events = letters.filter((one) => one.kind === 'event').map((one) => one.id);
    if (options.event !== undefined && events.length === 0)
      throw new UsageError(['--event takes the place of a dead event; this is a mapping that failed: mend it']);
    const edited = options.event === undefined ? {} : { event: await readEvent(options.event) };
    let code = 0;
    if (deliveries.length > 0) code = Math.max(code, await startReplay('remap', { ids: deliveries }, options, context));
    if (events.length > 0)
      code = Math.max(code, await startReplay('resend', { ids: events }, { ...options, edited }, context));
    return code;
  }
  const range = { source, reason, destination, type, since, until };
  if (Object.values(range).every((value) => value === undefined)) {
    throw new UsageError(['dead retry needs ids, or --source, --reason, --type, --destination, --since or --until']);
  }
  const kinds = kind === undefined ? await kindsOf(options) : [kind];
  if (kinds.length === 0) context.output.say('There are no such dead letters.');
  let code = 0;
  for (const one of kinds) {
    // A delivery whose mapping failed has no destination yet.
    const asked =
      one === 'mapping' ? { ...range, destination: undefined, state: 'failed' } : { ...range, state: 'dead' };
    code = Math.max(code, await startReplay(one === 'mapping' ? 'remap' : 'resend', asked, options, context));
  }
  return code;
}

/** In the form that a mapping gives, or as `dead show --json` prints the letter. */
async function readEvent(file: string): Promise<object> {
  let parsed: unknown;
  try {
    parsed = JSON.parse((await readInput(file)).toString('utf8'));
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError([`${shown(file)} is no JSON`]);
  }
  const isObject = (value: unknown): value is object =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const letter = parsed as { readonly id?: unknown; readonly event?: unknown } | null;
  const event = isObject(letter) && String(letter.id).startsWith('ded_') ? letter.event : parsed;
  if (isObject(event)) return event;
  throw new UsageError([`${shown(file)} must be one event: {"event": "…", "properties": {…}}`]);
}

async function kindsOf(options: DeadOptions): Promise<readonly string[]> {
  const found: string[] = [];
  for (const kind of ['mapping', 'event']) {
    const at = { url: options.url, path: '/api/dead-letters' };
    for await (const page of pagesOf<DeadLetter>(at, { ...filterOf(options), kind }, PAGE_MAX)) {
      if (page.length > 0) found.push(kind);
      if (page.length > 0) break;
    }
  }
  return found;
}

async function exportAll(options: DeadOptions, { output }: Context): Promise<number> {
  const most = readCount(options.limit, '--limit', EXPORTED_MAX, EXPORTED_MAX);
  let count = 0;
  const at = { url: options.url, path: '/api/dead-letters' };
  for await (const page of pagesOf<DeadLetter>(at, filterOf(options), most)) {
    for (const letter of page) output.result(JSON.stringify(letter));
    count += page.length;
  }
  output.say(count === 1 ? '1 dead letter.' : `${count} dead letters.`);
  return 0;
}
