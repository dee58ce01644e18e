/**
 * `check --unmapped [source]`: the types that a running relay skipped or could not map, those that come most first. A
 * list for whoever writes mappings: finding something on it is no failure. Exit 0 · 2: no such source · 3: not reachable.
 */
import { didYouMean } from '../config/nearest.ts';
import { shown } from '../config/shown.ts';
import { UsageError } from '../errors.ts';
import { clean } from '../observe/clean.ts';
import { type Output, table } from './output.ts';
import { askPrivate } from './private-listener.ts';
import type { Context } from './program.ts';

/** A relay under load may take its time; the private listener gives up after 5 s. */
const TIMEOUT_MS = 10_000;

type Unmapped = {
  readonly source: string;
  readonly type: string | null;
  readonly skipped: number;
  readonly failed: number;
  readonly last_delivery: string;
  readonly last_at: string;
  readonly since: string;
};
type Checks = Readonly<Record<string, readonly { readonly observedValue?: unknown }[]>>;
type Sources = Readonly<Record<string, { readonly unmapped?: readonly Omit<Unmapped, 'source'>[] }>>;

export async function checkUnmapped(
  options: { readonly source: string | null; readonly url?: string },
  { output, json }: Context,
): Promise<number> {
  const sources = await askSources(options.url);
  const names = options.source === null ? Object.keys(sources) : [nameIn(sources, options.source)];
  const found = names.flatMap((source) => (sources[source]?.unmapped ?? []).map((one) => ({ source, ...one })));
  found.sort((a, b) => b.skipped + b.failed - (a.skipped + a.failed));
  if (json) output.json(found);
  else speak(found, output);
  return 0;
}

async function askSources(url: string | undefined): Promise<Sources> {
  const reply = await askPrivate({ method: 'GET', url, path: '/health', timeoutMs: TIMEOUT_MS });
  try {
    const { sources, checks } = JSON.parse(reply.body) as { sources?: unknown; checks?: Checks };
    // Nothing would then look as if nothing fell through.
    if (checks?.['buffer:fill_ratio']?.[0]?.observedValue === null)
      throw new UsageError(["the relay's buffer does not answer: see trackrelay health"], 1);
    if (typeof sources === 'object' && sources !== null) return sources as Sources;
  } catch (error) {
    if (error instanceof UsageError) throw error;
  }
  throw new UsageError([`what answered is no relay's private listener: ${reply.status} without sources`], 1);
}

function nameIn(sources: Sources, name: string): string {
  if (Object.hasOwn(sources, name)) return name;
  throw new UsageError([`the relay has no source ${shown(name)}${didYouMean(name, Object.keys(sources))}`]);
}

function speak(found: readonly Unmapped[], output: Output): void {
  if (found.length === 0) {
    output.say('Nothing falls through: every delivery became an event.');
    return;
  }
  const head = ['source', 'type', 'skipped', 'failed', 'last delivery', 'received'];
  const rows = found.map(({ source, type, skipped, failed, last_delivery, last_at }) => [
    clean(source),
    type === null ? output.style('dim', '(none)') : clean(type),
    String(skipped),
    failed === 0 ? '0' : output.style('red', String(failed)),
    clean(last_delivery),
    clean(last_at),
  ]);
  for (const line of table([head, ...rows])) output.result(line);
}
