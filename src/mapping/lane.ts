/**
 * A lane: jobs in, verdicts out, over one evaluator at a time. It keeps the wall clock, because an evaluation blocks the
 * evaluator, and finds out which job of a batch took the evaluator down:
 *
 *   in a batch       an evaluator that dies or hangs says nothing of the guilty one: what has no answer is done again,
 *                    carefully (each answer is out before the next job begins)
 *   carefully        the first without an answer is guilty: it is tried once more, alone; the others go on
 *   alone            the last time (`triesMax`) it fails: timeout or crash
 *
 * A revision that took an evaluator down goes alone from then on, until it succeeds once; after three in a row it is not
 * tried twice any more. Ordinary jobs go before those that go alone.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { CompileAsked } from './batch.ts';
import type { EvaluatorChild } from './child.ts';
import { Crew } from './crew.ts';
import { frame, frameKind } from './frames.ts';
import type { CompileResult, Job, MapFailure, MapResult } from './program.ts';
import { KEY_OF_CASES, MarkedValues, mayAskForPseudonyms } from './pseudonym.ts';

export type LaneOptions = {
  readonly clock: Clock;
  /** How long the evaluator may be silent. */
  readonly wallMs: number;
  readonly jobsWaitingMax: number;
  /** How often a job that took an evaluator down is tried in all. */
  readonly triesMax: number;
  /** Null: there are no pseudonyms. */
  readonly pseudonymKey: string | null;
  readonly entry?: string;
  readonly onRestart?: (reason: string) => void;
};

/** Measured: 64 a batch cost the relay 5 µs each; more gain nothing. */
const BATCH_JOBS_MAX = 64;
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
/** Evaluators lost in a row by one revision, after which it gets one try only. */
const LOST_TRUST = 3;
const SUSPECTS_MAX = 1_000;

type Ticket = {
  readonly job: Job;
  readonly settle: (result: MapResult) => void;
  readonly fail: (error: Error) => void;
  readonly cancelled: AbortSignal | null;
  manner: 'batch' | 'carefully' | 'alone';
  tries: number;
};

type CompileTicket = {
  readonly text: string;
  readonly settle: (result: CompileResult) => void;
  readonly fail: (error: Error) => void;
};

type Exchange = {
  readonly child: EvaluatorChild;
  readonly tickets: readonly Ticket[];
  readonly compile: CompileTicket | null;
  readonly over: AbortController;
  answered: number;
  outputs: unknown[];
  /** Of the outputs of the job that is being answered. */
  textBytes: number;
  /** Null: no job here asks for pseudonyms. */
  readonly marked: MarkedValues | null;
  heardAt: number;
  timedOut: boolean;
};

export class LaneClosed extends Error {}

export class Lane implements AsyncDisposable {
  readonly #options: LaneOptions;
  readonly #crew: Crew;
  readonly #suspects = new Map<string, number>();
  #ordinary: Ticket[] = [];
  #alone: Ticket[] = [];
  #compiles: CompileTicket[] = [];
  #exchange: Exchange | null = null;
  #closed = false;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#crew = new Crew({
      clock: options.clock,
      ...(options.entry === undefined ? {} : { entry: options.entry }),
      onReady: () => this.#pump(),
      onFrame: (kind, payload) => this.#hear(kind, payload),
      onLost: (words) => this.#lost(words),
      onHopeless: (words) => this.#giveUp(new Error(`The evaluator cannot be started: ${words}`)),
    });
  }

  get crew(): Pick<Crew, 'pids' | 'restarts' | 'spareReady' | 'atWork'> {
    return this.#crew;
  }

  /** In order. One rejects only when there is no evaluator to be had: then nothing is said about the job. */
  run(jobs: readonly Job[], cancelled: AbortSignal | null = null): Promise<MapResult>[] {
    const refusal = this.#refusal(jobs.length);
    if (refusal !== null) return jobs.map(() => Promise.reject(refusal));
    const results = jobs.map(
      (job) =>
        new Promise<MapResult>((settle, fail) => {
          const suspect = this.#suspects.has(job.program.revision);
          const ticket: Ticket = { job, settle, fail, cancelled, manner: suspect ? 'alone' : 'batch', tries: 0 };
          (suspect ? this.#alone : this.#ordinary).push(ticket);
        }),
    );
    this.#pump();
    return results;
  }

  async compile(text: string): Promise<CompileResult> {
    const refusal = this.#refusal(1);
    if (refusal !== null) throw refusal;
    const result = new Promise<CompileResult>((settle, fail) => this.#compiles.push({ text, settle, fail }));
    this.#pump();
    return result;
  }

  #refusal(more: number): Error | null {
    if (this.#closed) return new LaneClosed('The evaluator is closed');
    const waiting = this.#ordinary.length + this.#alone.length + this.#compiles.length;
    return waiting + more > this.#options.jobsWaitingMax ? new Error('Too many jobs wait for the evaluator') : null;
  }

  #pump(): void {
    const child = this.#crew.atWork;
    if (this.#exchange !== null || child === null || this.#closed) return;
    const compile = this.#compiles.shift() ?? null;
    const tickets = compile === null ? this.#take() : [];
    if (compile === null && tickets.length === 0) return;
    const heardAt = this.#options.clock.monotonic();
    const over = new AbortController();
    const exchange = {
      child,
      tickets,
      compile,
      over,
      answered: 0,
      outputs: [],
      textBytes: 0,
      marked: this.#markedFor(tickets),
      heardAt,
      timedOut: false,
    };
    this.#exchange = exchange;
    if (compile !== null) {
      const asked: CompileAsked = { text: compile.text, pseudonyms: this.#options.pseudonymKey !== null };
      child.send(frame(frameKind.compile, Buffer.from(JSON.stringify(asked))));
    } else {
      const careful = tickets[0]?.manner !== 'batch';
      const jobs = tickets.map(({ job }) => job);
      child.send(child.programs.encode(jobs, careful, exchange.marked?.nonce ?? null));
    }
    void this.#watch(exchange);
  }

  #markedFor(tickets: readonly Ticket[]): MarkedValues | null {
    if (this.#options.pseudonymKey === null) return null;
    return tickets.some(({ job }) => mayAskForPseudonyms(job.program.text)) ? new MarkedValues() : null;
  }

  #take(): Ticket[] {
    const from = this.#ordinary.length > 0 ? this.#ordinary : this.#alone;
    const taken: Ticket[] = [];
    let bytes = 0;
    let examined = 0;
    for (const ticket of from) {
      const first = taken[0];
      if (taken.length >= (first?.manner === 'alone' ? 1 : BATCH_JOBS_MAX)) break;
      if (first !== undefined && (ticket.manner !== first.manner || bytes + ticket.job.body.length > BATCH_BYTES_MAX)) {
        break;
      }
      examined++;
      if (ticket.cancelled?.aborted) {
        ticket.fail(new Error('Nobody waits for it any more'));
        continue;
      }
      taken.push(ticket);
      bytes += ticket.job.body.length;
    }
    from.splice(0, examined);
    return taken;
  }

  /** Ends the evaluator when it says nothing for too long. */
  async #watch(exchange: Exchange): Promise<void> {
    const { clock, wallMs } = this.#options;
    while (!exchange.over.signal.aborted) {
      const silentMs = clock.monotonic() - exchange.heardAt;
      if (silentMs < wallMs) {
        await clock.wait(wallMs - silentMs, exchange.over.signal);
        continue;
      }
      // Perhaps it was the relay that did not listen: let it read what has come in meanwhile.
      const { heardAt } = exchange;
      await nextTurn();
      await nextTurn();
      if (exchange.over.signal.aborted) return;
      if (exchange.heardAt === heardAt) {
        exchange.timedOut = true;
        exchange.child.kill();
        return;
      }
    }
  }

  #hear(kind: number, payload: Buffer): void {
    const exchange = this.#exchange;
    if (exchange === null) throw new Error(`unasked for: frame ${kind}`);
    exchange.heardAt = this.#options.clock.monotonic();
    if (kind === frameKind.compiled && exchange.compile !== null) {
      exchange.compile.settle(JSON.parse(payload.toString()) as CompileResult);
      this.#finish(exchange);
      return;
    }
    const ticket = exchange.tickets[exchange.answered];
    if (ticket === undefined || payload.readUInt32LE(0) !== exchange.answered) throw new Error('an answer out of turn');
    if (kind === frameKind.marked && exchange.marked !== null) {
      exchange.marked.take(listOf(payload.toString('utf8', 4)));
      return;
    }
    exchange.textBytes += payload.length;
    if (kind === frameKind.failed) {
      this.#answer(exchange, ticket, JSON.parse(this.#textOf(payload, 4, exchange, ticket)) as MapFailure);
    } else if (kind === frameKind.more) {
      for (const output of listOf(this.#textOf(payload, 4, exchange, ticket))) exchange.outputs.push(output);
    } else if (kind === frameKind.done) {
      const tookMicros = payload.readUInt32LE(4);
      const last = listOf(this.#textOf(payload, 8, exchange, ticket));
      const outputs = exchange.outputs.length === 0 ? last : exchange.outputs.concat(last);
      exchange.outputs = [];
      this.#answer(exchange, ticket, { ok: true, outputs, tookMicros, textBytes: exchange.textBytes });
    } else throw new Error(`unasked for: frame ${kind}`);
  }

  /** With the pseudonyms in place of their marks. */
  #textOf(payload: Buffer, from: number, { marked }: Exchange, { job }: Ticket): string {
    const text = payload.toString('utf8', from);
    const key = job.rehearsal ? KEY_OF_CASES : this.#options.pseudonymKey;
    return marked === null || key === null ? text : marked.reveal(text, key);
  }

  #answer(exchange: Exchange, ticket: Ticket, result: MapResult): void {
    exchange.answered++;
    exchange.textBytes = 0;
    exchange.marked?.forget();
    if (ticket.manner === 'alone') this.#suspects.delete(ticket.job.program.revision);
    ticket.settle(result);
    if (exchange.answered === exchange.tickets.length) this.#finish(exchange);
  }

  #finish(exchange: Exchange): void {
    exchange.over.abort();
    this.#exchange = null;
    this.#pump();
  }

  #lost(words: string): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.#exchange = null;
    exchange.over.abort();
    this.#options.onRestart?.(exchange.timedOut ? 'silent' : words.slice(0, 200) || 'ended');
    const failure: MapFailure = exchange.timedOut
      ? { ok: false, reason: 'mapping_timeout', message: 'The mapping ran too long and was stopped' }
      : { ok: false, reason: 'mapping_crash', message: 'The mapping took the evaluator down (memory or recursion)' };
    if (exchange.compile !== null) {
      const diagnostic = { code: failure.reason, message: failure.message, line: 1, column: 1, token: '' };
      exchange.compile.settle({ ok: false, diagnostics: [diagnostic] });
    }
    this.#blame(exchange.tickets.slice(exchange.answered), failure);
  }

  #blame(unanswered: Ticket[], failure: MapFailure): void {
    const [first] = unanswered;
    if (first === undefined) return;
    if (first.manner === 'batch' && unanswered.length > 1) {
      for (const ticket of unanswered) ticket.manner = 'carefully';
      this.#ordinary.unshift(...unanswered);
      return;
    }
    const { revision } = first.job.program;
    const lost = (this.#suspects.get(revision) ?? 0) + 1;
    if (this.#suspects.size < SUSPECTS_MAX || this.#suspects.has(revision)) this.#suspects.set(revision, lost);
    first.tries++;
    first.manner = 'alone';
    if (first.tries >= this.#options.triesMax || lost > LOST_TRUST) first.settle(failure);
    else this.#alone.unshift(first);
    this.#ordinary.unshift(...unanswered.slice(1));
    // What waits of the same revision need not take others down with it.
    const suspects = this.#ordinary.filter(({ job }) => job.program.revision === revision);
    if (suspects.length === 0) return;
    this.#ordinary = this.#ordinary.filter(({ job }) => job.program.revision !== revision);
    for (const ticket of suspects) ticket.manner = 'alone';
    this.#alone.push(...suspects);
  }

  #giveUp(error: Error): void {
    const waiting = [...this.#ordinary, ...this.#alone, ...this.#compiles];
    this.#ordinary = [];
    this.#alone = [];
    this.#compiles = [];
    for (const { fail } of waiting) fail(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const closed = new LaneClosed('The evaluator is closed');
    const exchange = this.#exchange;
    this.#exchange = null;
    exchange?.over.abort();
    for (const ticket of exchange?.tickets.slice(exchange.answered) ?? []) ticket.fail(closed);
    exchange?.compile?.fail(closed);
    this.#giveUp(closed);
    await this.#crew[Symbol.asyncDispose]();
  }
}

function listOf(text: string): unknown[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new Error('outputs that are no list');
  return list;
}
