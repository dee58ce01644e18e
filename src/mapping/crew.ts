/**
 * Two evaluators: one that works and a spare that is already warm, so that the death of one costs nobody the 100 ms and
 * more of a start. States: starting → at work (spare starting → spare ready) → at work … → dismissed.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { type ChildListener, EvaluatorChild } from './child.ts';
import { frameKind } from './frames.ts';

/** A start takes 0.1 s on an idle machine; a crowded one may be very slow, a broken one never gets there. */
const START_MAX_MS = 15_000;
const BACKOFF_BASE_MS = 100;
const BACKOFF_MAX_MS = 5_000;
/** After so many failed starts in a row whoever waits is told; trying goes on. */
export const STARTS_FAILED_MAX = 5;

export type CrewOptions = {
  readonly clock: Clock;
  /** Another program than the evaluator, for tests. */
  readonly entry?: string;
  /** The one at work is ready, or a new one has taken its place and is. */
  readonly onReady: () => void;
  readonly onFrame: (kind: number, payload: Buffer) => void;
  /** The one at work has ended. */
  readonly onLost: (lastWords: string) => void;
  /** It cannot be started at all. */
  readonly onHopeless: (lastWords: string) => void;
};

export class Crew implements AsyncDisposable {
  readonly #options: CrewOptions;
  readonly #stop = new AbortController();
  readonly #listener: ChildListener;
  #active: EvaluatorChild | null = null;
  #spare: EvaluatorChild | null = null;
  #failedStarts = 0;
  #restarts = 0;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#listener = {
      frame: (child, kind, payload) => this.#take(child, kind, payload),
      ended: (child) => this.#lost(child),
    };
    this.#active = this.#start();
  }

  /** The evaluator at work when it can take work now. */
  get atWork(): EvaluatorChild | null {
    return this.#active?.ready === true ? this.#active : null;
  }

  get spareReady(): boolean {
    return this.#spare?.ready === true;
  }

  get pids(): readonly number[] {
    return [this.#active?.pid, this.#spare?.pid].filter((pid) => typeof pid === 'number');
  }

  /** Evaluators lost while they were at work. */
  get restarts(): number {
    return this.#restarts;
  }

  #start(): EvaluatorChild {
    const child = new EvaluatorChild(this.#listener, this.#options.entry);
    void this.#options.clock.wait(START_MAX_MS, this.#stop.signal).then(() => {
      if (!child.ready) child.kill();
    });
    return child;
  }

  #take(child: EvaluatorChild, kind: number, payload: Buffer): void {
    if (kind !== frameKind.ready) {
      if (child !== this.#active || !child.ready) throw new Error(`unasked for: frame ${kind}`);
      this.#options.onFrame(kind, payload);
      return;
    }
    child.ready = true;
    this.#failedStarts = 0;
    if (child !== this.#active) return;
    this.#fillSpare();
    this.#options.onReady();
  }

  #fillSpare(): void {
    if (this.#stop.signal.aborted || this.#spare !== null || this.#active === null) return;
    this.#spare = this.#start();
    this.#spare.watchOver(this.#active);
  }

  #lost(child: EvaluatorChild): void {
    const wasReady = child.ready;
    child.ready = false;
    const wasActive = child === this.#active;
    if (wasActive) {
      this.#active = this.#spare;
      this.#spare = null;
    } else if (child === this.#spare) this.#spare = null;
    if (this.#stop.signal.aborted) return;
    if (!wasReady) this.#failedStarts++;
    if (wasActive && wasReady) this.#restarts++;
    if (this.#failedStarts >= STARTS_FAILED_MAX) this.#options.onHopeless(child.lastWords);
    if (wasActive) this.#options.onLost(child.lastWords);
    void this.#replace();
    if (wasActive && this.#active?.ready === true) this.#options.onReady();
  }

  async #replace(): Promise<void> {
    if (this.#failedStarts > 0) {
      const waitMs = Math.min(BACKOFF_BASE_MS * 2 ** (this.#failedStarts - 1), BACKOFF_MAX_MS);
      await this.#options.clock.wait(waitMs, this.#stop.signal);
    } else {
      // Whoever waits for an answer comes before a spare that nobody needs yet.
      await nextTurn();
    }
    if (this.#stop.signal.aborted) return;
    if (this.#active === null) this.#active = this.#start();
    else if (this.#active.ready) this.#fillSpare();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    const children = [this.#active, this.#spare].filter((child) => child !== null);
    await Promise.all(children.map((child) => child[Symbol.asyncDispose]()));
  }
}
