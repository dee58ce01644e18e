/**
 * The main thread's end of the line to the store's thread.
 *
 *   open ──close()──▶ closed
 *     └──fatal, or the thread died──▶ failed: everything that waits is rejected, nothing is asked any more
 */
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../clock.ts';
import { UsageError } from '../../errors.ts';
import type { ReadyChange } from '../ready-events.ts';
import type { Answer, Ask, DiskSpace, Kind, Opening, Question, Reply } from './messages.ts';

type Waiting = { readonly resolve: (answer: unknown) => void; readonly reject: (error: Error) => void };

export class Link {
  readonly failed: Promise<Error>;
  readonly #worker: Worker;
  readonly #clock: Clock;
  readonly #onReady: (changes: readonly ReadyChange[]) => void;
  readonly #disk: (() => DiskSpace) | undefined;
  readonly #waiting = new Map<number, Waiting>();
  readonly #opened: Promise<'opened'>;
  readonly #gone: Promise<void>;
  #open: (opened: 'opened') => void = () => {};
  #fail: (error: Error) => void = () => {};
  #failure: Error | null = null;
  #closing = false;
  #turn = 0;

  private constructor(
    worker: Worker,
    clock: Clock,
    onReady: (changes: readonly ReadyChange[]) => void,
    disk: (() => DiskSpace) | undefined,
  ) {
    this.#worker = worker;
    this.#clock = clock;
    this.#onReady = onReady;
    this.#disk = disk;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
    this.#gone = new Promise((resolve) => worker.once('exit', () => resolve()));
    worker.on('message', (reply: Reply) => this.#hear(reply));
    worker.on('error', (error) => this.#end(error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', () => this.#end(new Error("the store's thread ended")));
  }

  static async open(
    opening: Opening,
    clock: Clock,
    onReady: (changes: readonly ReadyChange[]) => void,
    disk: (() => DiskSpace) | undefined,
  ): Promise<Link> {
    // No flags are inherited: a test runner's loaders have no business in there.
    const place = new URL('./worker.ts', import.meta.url);
    const worker = new Worker(place, { workerData: opening, execArgv: [], env: keptCompiled() });
    const link = new Link(worker, clock, onReady, disk);
    const first = await Promise.race([link.#opened, link.failed]);
    if (first === 'opened') return link;
    await link.#gone;
    throw first;
  }

  get failure(): Error | null {
    return this.#failure;
  }

  ask<K extends Kind>(kind: K, ask: Ask<K>, transfer: ArrayBuffer[] = []): Promise<Answer<K>> {
    if (this.#failure) return Promise.reject(this.#failure);
    const turn = ++this.#turn;
    const question: Question = {
      turn,
      kind,
      ask,
      now: this.#clock.now(),
      monotonic: this.#clock.monotonic(),
      ...(this.#disk ? { disk: this.#disk() } : {}),
    };
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(turn, { resolve, reject });
      this.#worker.postMessage(question, transfer);
    }) as Promise<Answer<K>>;
  }

  async close(): Promise<void> {
    this.#closing = true;
    if (!this.#failure) await this.ask('close', {}).catch(() => {});
    await this.#gone;
  }

  /** As a crash would: nothing is finished, nothing written back. For tests. */
  async kill(): Promise<void> {
    this.#closing = true;
    await this.#worker.terminate();
  }

  #hear(reply: Reply): void {
    if ('fatal' in reply) this.#end(new Error(reply.fatal));
    if ('refused' in reply) this.#end(new UsageError(reply.refused, 1));
    if ('opened' in reply) {
      this.#onReady(reply.opened);
      this.#open('opened');
    }
    if (!('turn' in reply)) return;
    if (reply.ready.length > 0) this.#onReady(reply.ready);
    const waiting = this.#waiting.get(reply.turn);
    this.#waiting.delete(reply.turn);
    if ('mistake' in reply) waiting?.reject(new Error(reply.mistake));
    else waiting?.resolve(reply.answer);
  }

  #end(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    if (!this.#closing) this.#fail(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** Where this program keeps what it compiled, if anywhere: compiling the thread's files anew is five sixths of its start. */
function keptCompiled(): NodeJS.ProcessEnv {
  const folder = getCompileCacheDir();
  // Node puts a folder for its version into the one that it was told.
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) };
}
