/**
 * Tells when something below a folder changed: by the operating system's own word (gathered, for an editor's save is
 * several changes), and by a slow poll, because on some mounts there is no such word.
 */
import { type FSWatcher, watch } from 'node:fs';
import type { Clock } from '../clock.ts';

/** Longer than an editor takes to write two files, shorter than anyone waits. */
const GATHER_MS = 100;
const POLL_MS = 10_000;

export type WatchOptions = {
  readonly dir: string;
  readonly clock: Clock;
  /** Never called twice at once. */
  readonly onChange: () => Promise<void>;
};

export class FolderWatch implements AsyncDisposable {
  readonly #options: WatchOptions;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #changed = new AbortController();
  #watcher: FSWatcher | null = null;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#listen();
    this.#done = this.#run();
  }

  #listen(): void {
    if (this.#watcher !== null) return;
    try {
      const watcher = watch(this.#options.dir, { recursive: true });
      this.#watcher = watcher;
      watcher.on('change', () => this.#changed.abort());
      // The folder itself is gone, or there are no more inotify watches to be had: the poll goes on, and tries again.
      watcher.on('error', () => this.#unlisten(watcher));
      watcher.on('close', () => this.#unlisten(watcher));
    } catch {
      this.#watcher = null;
    }
  }

  #unlisten(watcher: FSWatcher): void {
    if (this.#watcher !== watcher) return;
    this.#watcher = null;
    watcher.close();
  }

  async #run(): Promise<void> {
    const { clock, onChange } = this.#options;
    while (!this.#stop.signal.aborted) {
      await clock.wait(POLL_MS, AbortSignal.any([this.#changed.signal, this.#stop.signal]));
      if (this.#changed.signal.aborted) await clock.wait(GATHER_MS, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      this.#changed = new AbortController();
      this.#listen();
      await onChange();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    if (this.#watcher !== null) this.#unlisten(this.#watcher);
    await this.#done;
  }
}
