/**
 * The sources of a running relay: the library of folders, the evaluator that maps, and the sources as the door needs
 * them, kept in step.
 */
import type { Clock } from '../clock.ts';
import { environment, lookupVariable } from '../config/environment.ts';
import { sandboxSecret, sandboxSecrets } from '../config/sandbox-secrets.ts';
import type { Settings } from '../config/settings.ts';
import { parseSourceFile } from '../config/source-file.ts';
import { UsageError } from '../errors.ts';
import { type Library, openLibrary } from '../mapping/library.ts';
import type { ParseSource } from '../mapping/load.ts';
import type { Problem } from '../mapping/problem.ts';
import { createRunner, type Runner } from '../mapping/runner.ts';
import type { Shape } from '../mapping/turn-to-events.ts';
import type { Rate, Source } from '../model.ts';
import type { SourceStatus } from '../observe/health.ts';
import type { Log } from '../observe/log.ts';
import { described } from '../verify/described.ts';
import { providers } from '../verify/registry.ts';
import type { RemoteTexts } from '../verify/remote-texts.ts';
import { createVerifier } from '../verify/verifier.ts';
import { knownProviders } from './known-providers.ts';
import type { LearnedSecrets } from './learned-secrets.ts';
import type { SharedLimits } from './shared-limits.ts';
import { createSourcesAtDoor, type SourcesAtDoor } from './sources-at-door.ts';

export type SourcesOptions = {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Log;
  readonly shape: Shape;
  /** Names of the destinations there are. */
  readonly destinations: ReadonlySet<string>;
  readonly sandbox: boolean;
  readonly remote: RemoteTexts;
  readonly learned: LearnedSecrets;
  readonly pseudonymKey: string | null;
  readonly limits: SharedLimits;
  /** Called with the sources as they are now, at the start and after every change. */
  readonly changed: (sources: readonly Source[]) => void;
};

export type OpenedSources = AsyncDisposable & {
  readonly runner: Runner;
  readonly library: Library;
  readonly door: SourcesAtDoor;
  readonly forwardRate: (source: string) => Rate | null;
  readonly weightOf: (source: string) => number;
  readonly statuses: () => readonly SourceStatus[];
};

export type SourceParserOptions = {
  readonly settings: Pick<Settings, 'dataDir' | 'publicUrl'>;
  readonly destinations: ReadonlySet<string>;
  /** Nothing really leaves: a secret that is not set becomes a random one. */
  readonly sandbox: boolean;
};

/** How a source.yaml is read, with the relay's variables, providers and destinations; a verifier must be possible too. */
export function sourceParser(options: SourceParserOptions): ParseSource {
  const lookup = (variable: string) => lookupVariable(variable, environment());
  // Contract §3: only in sandbox mode a missing secret becomes a random one.
  const kept = options.sandbox
    ? sandboxSecrets({ folder: options.settings.dataDir, lookup, providers: knownProviders })
    : null;
  return (text, place) => {
    const parsed = parseSourceFile(text, {
      ...place,
      lookup: kept?.lookupFor(text) ?? lookup,
      providers: knownProviders,
      destinations: options.destinations,
    });
    if (!parsed.ok) return parsed;
    const source = addressed(parsed.source, options);
    try {
      createVerifier(source, { publicUrl: options.settings.publicUrl });
      return { ...parsed, source };
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const problems = error.problems.map((message) => ({ file: place.file, line: 1, column: 1, message }));
      return { ok: false, problems };
    }
  };
}

/**
 * A provider that signs the URL needs one. In sandbox mode any will do that `send` signs too; otherwise the source is closed
 * until somebody says it, as with a secret that is missing.
 */
function addressed(source: Source, options: Pick<SourceParserOptions, 'settings' | 'sandbox'>): Source {
  const known = source.url !== null || options.settings.publicUrl !== null;
  const provider = providers.get(source.provider);
  if (known || source.provider === 'custom' || !provider || !described(provider).url_signed) return source;
  if (options.sandbox) return { ...source, url: `http://localhost/hooks/${source.name}` };
  if (provider.urlOptional) return source;
  return { ...source, secrets: [], missing: [...source.missing, 'RELAY_PUBLIC_URL'] };
}

/** In sandbox mode a key that is not set becomes a random one too, so that no mapping waits for a secret there. */
export function pseudonymKeyOf(settings: Settings, sandbox: boolean): string | null {
  if (settings.pseudonymKey !== null || !sandbox) return settings.pseudonymKey;
  return sandboxSecret('RELAY_PSEUDONYM_KEY', { folder: settings.dataDir }) ?? null;
}

export async function openSources(options: SourcesOptions): Promise<OpenedSources> {
  const { settings, clock, log, pseudonymKey } = options;
  await using cleanup = new AsyncDisposableStack();
  const runner = cleanup.use(
    createRunner({
      clock,
      pseudonymKey,
      onRestart: (lane, reason) => log.warn('evaluator.restarted', { lane, reason }),
    }),
  );
  const library = cleanup.use(
    await openLibrary({
      dir: settings.mappingsDir,
      parse: sourceParser(options),
      runner,
      shape: options.shape,
      clock,
      watch: true,
      log: {
        info: () => undefined,
        warn: (fields, message) => log.warn('source.trouble', { message, error: String(fields.err ?? '') }),
      },
    }),
  );
  const { remote, learned } = options;
  const shared = options.limits.counting;
  const door = createSourcesAtDoor({ clock, publicUrl: settings.publicUrl, remote, learned: learned.get, shared });
  const take = () => {
    const sources = library.all().map((loaded) => loaded.source);
    door.take(sources);
    options.changed(sources);
  };
  take();
  learned.onChange(take);
  for (const loaded of library.all()) tellSource(log, library, loaded.name);
  for (const problem of library.problems()) if (!library.get(problem.source)) tellRefused(log, problem);
  library.onChange(({ name, kind }) => {
    take();
    if (kind === 'removed') log.info('source.removed', { source: name });
    else tellSource(log, library, name);
  });
  const held = cleanup.move();
  return {
    runner,
    library,
    door,
    weightOf: (name) => library.get(name)?.source.weight ?? 1,
    forwardRate: (name) => library.get(name)?.source.limits.forward ?? null,
    statuses: () => statusesOf(library, door),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function tellSource(log: Log, library: Library, name: string): void {
  const loaded = library.get(name);
  const problem = loaded?.problems[0] ?? library.problems().find((one) => one.source === name);
  if (problem) tellRefused(log, problem);
  if (problem || !loaded) return;
  const { source, program, caseCount } = loaded;
  if (source.missing.length > 0) log.warn('source.closed', { source: name, missing: source.missing });
  log.info('source.loaded', { source: name, provider: source.provider, revision: program?.revision, cases: caseCount });
}

function tellRefused(log: Log, { source, file, line, column, message }: Problem): void {
  log.warn('source.refused', { source, file, line, column, message });
}

function statusesOf(library: Library, door: SourcesAtDoor): SourceStatus[] {
  const loaded = library.all().map(({ name, source, program, problems, warnings }): SourceStatus => {
    const { warnings: remarks, problem } = door.remarks(name);
    const first = problems[0];
    return {
      name,
      provider: source.provider,
      revision: program?.revision ?? null,
      missing: source.missing,
      unverified: source.verify?.kind === 'none',
      refused: problem ?? (first ? placed(first) : null),
      remarks: [...remarks, ...warnings.map((warning) => warning.message)],
    };
  });
  const known = new Set(loaded.map(({ name }) => name));
  const unloaded = Map.groupBy(
    library.problems().filter((one) => !known.has(one.source)),
    (one) => one.source,
  );
  for (const [name, [first]] of unloaded) {
    if (!first) continue;
    const refused = placed(first);
    loaded.push({ name: name || first.file, provider: null, revision: null, missing: [], unverified: false, refused });
  }
  return loaded;
}

function placed({ file, line, column, message }: Problem): string {
  return `${file}:${line}:${column} ${message}`;
}
