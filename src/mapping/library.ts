/**
 * The library: every source's folder, as it runs. A folder that compiles and passes its cases takes the place of what
 * it was, at once; one that does not is refused, what it was goes on, and the status says why until it is mended.
 * A folder that is gone takes no new webhooks; what it has accepted is still mapped the way it was.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Source } from '../model.ts';
import { fingerprint } from './folder.ts';
import { type LoadOptions, loadFolder } from './load.ts';
import type { Problem } from './problem.ts';
import type { Program } from './program.ts';
import type { Runner } from './runner.ts';
import type { StageSource } from './stage.ts';
import { FolderWatch } from './watch.ts';

export const SOURCES_MAX = 1_000;
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

export type LoadedSource = {
  readonly name: string;
  readonly source: Source;
  /** Null: its mapping was refused and there was none before; webhooks are taken and wait as dead letters. */
  readonly program: Program | null;
  /** `warn`: a change was refused, and what runs is older than what lies on disk. */
  readonly status: 'pass' | 'warn';
  readonly problems: readonly Problem[];
  /** What works, but should be known (`verify: none`). */
  readonly warnings: readonly Problem[];
  readonly caseCount: number;
};

export type LibraryChange = {
  readonly name: string;
  readonly kind: 'added' | 'replaced' | 'refused' | 'mended' | 'removed';
};

export type LibraryOptions = LoadOptions & {
  readonly runner: Pick<Runner, 'map' | 'compile' | 'warmDoor'>;
  readonly watch: boolean;
  readonly log: {
    info(fields: Readonly<Record<string, unknown>>, message: string): void;
    warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  };
};

export interface Library extends AsyncDisposable {
  /** The source that takes webhooks under this name; null: none does. */
  get(name: string): LoadedSource | null;
  all(): readonly LoadedSource[];
  /** How what was accepted is mapped: also of a source whose folder is gone. */
  mappingOf(name: string): StageSource | null;
  problems(): readonly Problem[];
  onChange(listener: (change: LibraryChange) => void): () => void;
  /** Reads everything again, also what looks unchanged (a secret's file may be new). */
  reload(): Promise<void>;
}

/** Resolves when every folder was read once. Rejects only when no evaluator can be had. */
export async function openLibrary(options: LibraryOptions): Promise<Library> {
  const library = new FolderLibrary(options);
  await library.reload();
  if (options.watch) library.watch();
  return library;
}

class FolderLibrary implements Library {
  readonly #options: LibraryOptions;
  readonly #loaded = new Map<string, LoadedSource>();
  readonly #refused = new Map<string, readonly Problem[]>();
  readonly #removed = new Map<string, StageSource>();
  readonly #fingerprints = new Map<string, string>();
  readonly #listeners = new Set<(change: LibraryChange) => void>();
  #ofTheFolder: readonly Problem[] = [];
  #turn: Promise<void> = Promise.resolve();
  #watch: FolderWatch | null = null;

  constructor(options: LibraryOptions) {
    this.#options = options;
  }

  get(name: string): LoadedSource | null {
    return this.#loaded.get(name) ?? null;
  }

  all(): readonly LoadedSource[] {
    return [...this.#loaded.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  mappingOf(name: string): StageSource | null {
    const loaded = this.#loaded.get(name);
    if (loaded === undefined) return this.#removed.get(name) ?? null;
    return stageSource(loaded);
  }

  problems(): readonly Problem[] {
    const refused = [...this.#refused.values()].flat();
    return [...this.#ofTheFolder, ...refused, ...this.all().flatMap(({ problems }) => problems)];
  }

  onChange(listener: (change: LibraryChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  reload(): Promise<void> {
    return this.#inTurn(true);
  }

  watch(): void {
    const { dir, clock, log } = this.#options;
    const onChange = () =>
      this.#inTurn(false).catch((error: unknown) => log.warn({ err: error }, 'Mappings: cannot be read again now'));
    this.#watch = new FolderWatch({ dir, clock, onChange });
  }

  /** One reading at a time: two would race for what is loaded last. */
  #inTurn(everything: boolean): Promise<void> {
    const turn = this.#turn.then(() => this.#read(everything));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #read(everything: boolean): Promise<void> {
    const names = await this.#folders();
    if (names === null) return;
    for (const name of new Set([...this.#loaded.keys(), ...this.#refused.keys()])) {
      if (!names.includes(name)) this.#remove(name);
    }
    for (const name of names) {
      const print = await fingerprint(this.#options.dir, name);
      if (!everything && this.#fingerprints.get(name) === print) continue;
      await this.#readOne(name);
      // After it has worked: what could not be compiled for want of an evaluator is read again.
      this.#fingerprints.set(name, print);
    }
  }

  /** Null: the folder of folders cannot be read now; everything stays as it is. */
  async #folders(): Promise<string[] | null> {
    const { dir, log } = this.#options;
    const problem = (file: string, message: string): Problem => ({ source: '', file, line: 1, column: 1, message });
    let entries: string[];
    try {
      entries = (await readdir(dir)).sort();
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      this.#ofTheFolder = [problem(dir, missing ? 'There is no such folder' : `The folder cannot be read: ${error}`)];
      log.warn({ err: error }, 'Mappings: the folder cannot be read; what is loaded stays');
      return null;
    }
    const problems: Problem[] = [];
    const names: string[] = [];
    for (const name of entries) {
      if (name.startsWith('_') || name.startsWith('.')) continue;
      // Followed, not looked at: a mounted ConfigMap is all links.
      const isFolder = await stat(join(dir, name)).then(
        (found) => found.isDirectory(),
        () => false,
      );
      if (!isFolder) continue;
      if (!NAME.test(name))
        problems.push(problem(name, 'A source is called by small letters, digits and -, 63 at most'));
      else if (names.length < SOURCES_MAX) names.push(name);
      else problems.push(problem(name, `There are more than ${SOURCES_MAX} sources`));
    }
    this.#ofTheFolder = problems;
    return names;
  }

  async #readOne(name: string): Promise<void> {
    const { source, program, cases, problems, warnings } = await loadFolder(name, this.#options);
    const before = this.#loaded.get(name);
    this.#refused.delete(name);
    if (source !== null && (problems.length === 0 || before === undefined || before.program === null)) {
      const status = problems.length === 0 ? 'pass' : 'warn';
      const loaded = { name, source, program, status, problems, warnings, caseCount: cases.length } as const;
      this.#loaded.set(name, loaded);
      this.#removed.delete(name);
      if (source.deliveryId !== null && source.deliveryId !== 'body') this.#options.runner.warmDoor();
      if (problems.length > 0) this.#tell(name, 'refused', problems);
      else if (before === undefined) this.#tell(name, 'added');
      else if (before.status === 'warn') this.#tell(name, 'mended');
      else if (!isSame(before, loaded)) this.#tell(name, 'replaced');
      return;
    }
    if (before === undefined) this.#refused.set(name, problems);
    else this.#loaded.set(name, { ...before, status: 'warn', problems });
    this.#tell(name, 'refused', problems);
  }

  #remove(name: string): void {
    const loaded = this.#loaded.get(name);
    this.#refused.delete(name);
    this.#fingerprints.delete(name);
    if (loaded === undefined) return;
    this.#loaded.delete(name);
    if (this.#removed.size >= SOURCES_MAX) this.#removed.delete(this.#removed.keys().next().value as string);
    this.#removed.set(name, stageSource(loaded));
    this.#tell(name, 'removed');
  }

  #tell(name: string, kind: LibraryChange['kind'], problems: readonly Problem[] = []): void {
    const { log } = this.#options;
    if (kind === 'refused') {
      const [first] = problems;
      const where = `${first?.file}:${first?.line}:${first?.column}`;
      log.warn({ source: name, problems }, `Mappings: ${name} was refused, see ${where}: ${first?.message}`);
    } else log.info({ source: name, revision: this.#loaded.get(name)?.program?.revision }, `Mappings: ${name} ${kind}`);
    for (const listener of this.#listeners) listener({ name, kind });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch?.[Symbol.asyncDispose]();
    await this.#turn;
  }
}

/** Compared only, never shown: a source holds secrets. */
function isSame(before: LoadedSource, now: LoadedSource): boolean {
  return before.program?.revision === now.program?.revision && isDeepStrictEqual(before.source, now.source);
}

function stageSource({ source, program }: LoadedSource): StageSource {
  return { destinations: source.destinations, program, keep: source.keep };
}
