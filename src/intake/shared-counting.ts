/**
 * Asking for counts that all relays share, without ever waiting long for them.
 *
 *   shared ──no answer in time, or a failure──▶ apart ──after a pause, when somebody asks: a trial──▶ shared
 *
 * While it is apart nobody waits: each limiter counts here by itself. A trial is a question like any other whose answer nobody waits
 * for, so what does not work for the limiters never looks as if it did.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../clock.ts';

/** What a Redis must be able to do for the limiters; wiring hands it in. */
export type SharedCounters = {
  /** All keys begin with it, so that they lie on one node of a cluster. */
  readonly prefix: string;
  /** Rejects or answers sooner or later. */
  command(args: readonly string[]): Promise<unknown>;
};

/** With the 250 ms that the buffer may take it stays below the 300 ms in which a webhook is answered. */
const usualWaitMs = 40;
/** Back well within 3 s of Redis' return, and at most two trials a second while it is away. */
const pauseMs = 500;
/** As many as there may be webhooks behind the door; what is beyond is counted here. */
const askingMax = 5_000;

export type SharedCountingOptions = {
  readonly counters: SharedCounters;
  readonly clock: Clock;
  readonly waitMs?: number;
  /** Told at each turn; `why` is for the log. */
  readonly turned?: (turn: { readonly shared: boolean; readonly why: string }) => void;
};

export class SharedCounting {
  readonly counters: SharedCounters;
  readonly #options: SharedCountingOptions;
  #shared = true;
  #trying = false;
  #tryAgainAt = 0;
  #asking = 0;
  #why = '';

  constructor(options: SharedCountingOptions) {
    this.#options = options;
    this.counters = options.counters;
  }

  /** False: each relay counts for itself. */
  get shared(): boolean {
    return this.#shared;
  }

  /** Never rejects. Null: there is no shared answer now. */
  async ask<T extends object>(question: () => Promise<T>): Promise<T | null> {
    if (!this.#shared) this.#tryWhenDue(question);
    if (!this.#shared || this.#asking >= askingMax) return null;
    this.#asking += 1;
    const answer = await this.#inTime(question);
    this.#asking -= 1;
    if (answer === null && this.#shared) this.#turn(false);
    return answer;
  }

  async #inTime<T extends object>(question: () => Promise<T>): Promise<T | null> {
    const over = new AbortController();
    const failed = (error: unknown) => {
      this.#why = error instanceof Error ? error.message : String(error);
      return null;
    };
    const answer = question().catch(failed);
    try {
      return await Promise.race([answer, this.#late(over.signal)]);
    } finally {
      over.abort();
    }
  }

  async #late(over: AbortSignal): Promise<null> {
    const { clock, waitMs = usualWaitMs } = this.#options;
    await clock.wait(waitMs, over);
    // When it was this process that had no time, the answer lies in the socket: it is read first.
    if (!over.aborted) await nextTurn();
    if (!over.aborted) this.#why = `no answer within ${waitMs} ms`;
    return null;
  }

  #tryWhenDue(question: () => Promise<object>): void {
    if (this.#trying || this.#options.clock.monotonic() < this.#tryAgainAt) return;
    this.#trying = true;
    void this.#inTime(question).then((answer) => {
      this.#trying = false;
      this.#turn(answer !== null);
    });
  }

  #turn(shared: boolean): void {
    const before = this.#shared;
    this.#shared = shared;
    if (!shared) this.#tryAgainAt = this.#options.clock.monotonic() + pauseMs;
    if (shared !== before) this.#options.turned?.({ shared, why: shared ? 'Redis answers' : this.#why });
  }
}
