/**
 * The mapping stage: log → queue. Deliveries are taken in the order of their positions, mapped, shaped for each
 * destination of their source, and committed; the next batch is mapped while the last one is committed. States:
 * idle (waits for work) → mapping → idle … → stopped. What takes too long (a mapping that has to be killed again and
 * again) is set aside and committed when it comes, so that no source waits for another's mistake. A delivery is committed or it is read again: nothing is lost when
 * this stops in the middle, and committing twice changes nothing (buffer/contract.ts, promise 3).
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BufferKeeper, MappedDelivery } from '../buffer/contract.ts';
import type { Clock } from '../clock.ts';
import type { Delivery, Source } from '../model.ts';
import { bodyKept } from './kept-body.ts';
import { type MapResult, OUTPUT_BYTES_MAX, type Program } from './program.ts';
import type { Runner } from './runner.ts';
import { failed, type Shape, turnToEvents } from './turn-to-events.ts';

const BATCH_DELIVERIES = 256;
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
/** Events of one transaction, about: a larger one would keep accepting waiting for its fsync. */
const COMMIT_EVENTS = 2_000;
/** Shaping goes on for so long before others get a turn of the event loop. */
const SLICE_MS = 4;
/** While accepting is busy, mapping rests this long after each batch (of a quarter of the size): slower, never stopped. */
const BUSY_REST_MS = 150;
const BUSY_DELIVERIES = 64;
const BACKOFF_BASE_MS = 100;
const BACKOFF_MAX_MS = 5_000;
/** Work is announced (`onWork`); this is for the announcement that never came. */
const IDLE_POLL_MS = 1_000;
/** JSON of the outputs that a batch may hold in memory, about; each revision's largest is remembered to foresee it. */
const HELD_BYTES_MAX = 32 * 1024 * 1024;
const REVISIONS_REMEMBERED_MAX = 2_000;
/** A batch takes 20 ms; who is not done after so long is set aside. */
const PATIENCE_MS = 500;
/** Deliveries set aside; when there are more, everybody waits. */
const ASIDE_MAX = 512;
/** Time a stop gives the batch in hand. */
const STOP_MAX_MS = 2_000;

/** How a source is mapped now; null as program: its mapping was refused. */
export type StageSource = {
  readonly destinations: readonly string[];
  readonly program: Program | null;
  /** How bodies are kept once they were mapped. */
  readonly keep: Source['keep'];
};

export type MappingStageOptions = {
  readonly buffer: Pick<BufferKeeper, 'nextDeliveries' | 'commitMapped' | 'onWork'>;
  readonly library: { mappingOf(source: string): StageSource | null };
  readonly runner: Pick<Runner, 'mapEach'>;
  readonly shape: Shape;
  readonly clock: Clock;
  /** True while accepting needs the machine. */
  readonly busy: () => boolean;
  readonly log: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
  /** For metrics: called after the commit. `seconds` is what the mapping took; null when it never came to an end. */
  readonly onMapped?: (mapped: MappedDelivery, seconds: number | null) => void;
};

export interface MappingStage extends AsyncDisposable {
  /** Deliveries read and not yet committed. */
  readonly inHand: number;
}

export function createMappingStage(options: MappingStageOptions): MappingStage {
  return new Stage(options);
}

/** A delivery that is asked about. */
type Asked = {
  readonly delivery: Delivery;
  readonly destinations: readonly string[];
  readonly keep: Source['keep'];
  readonly program: Program | null;
};
type Spoken = Asked & {
  /** Null: there was no mapping to ask. */
  readonly result: MapResult | null;
};
type Mapped = { readonly mapped: MappedDelivery; readonly seconds: number | null };

class Stage implements MappingStage {
  readonly #options: MappingStageOptions;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #wake = new AbortController();
  #inHand = 0;
  readonly #aside = new Set<Promise<void>>();
  /** Bytes of the most that a delivery became, by revision. */
  readonly #largest = new Map<string, number>();
  #sliceBegan = 0;

  constructor(options: MappingStageOptions) {
    this.#options = options;
    const forget = options.buffer.onWork(() => this.#wake.abort());
    this.#done = this.#run().finally(forget);
  }

  get inHand(): number {
    return this.#inHand;
  }

  async #run(): Promise<void> {
    let after = 0;
    let committing = Promise.resolve();
    while (!this.#stop.signal.aborted) {
      this.#wake = new AbortController();
      // Not for work: it has come already, and a wait that it cuts short would turn without a pause, so that nothing that was
      // set aside could ever come back.
      while (this.#aside.size >= ASIDE_MAX && !this.#stop.signal.aborted) await this.#rest();
      const busy = this.#options.busy();
      const request = { after, limit: busy ? BUSY_DELIVERIES : BATCH_DELIVERIES, bytesMax: BATCH_BYTES_MAX };
      const read = await this.#insist('read', () => this.#options.buffer.nextDeliveries(request));
      if (read === null) break;
      const batch = this.#withinMemory(read);
      const last = batch.at(-1);
      if (last === undefined) {
        await committing;
        // When all that was read is committed, the start of the log is what is unmapped, also what a replay put back.
        if (after > 0 && this.#aside.size === 0) after = 0;
        else await this.#rest(this.#wake.signal);
        continue;
      }
      after = last.position;
      this.#inHand += batch.length;
      const results = await this.#insist('map', () => this.#map(batch));
      if (results === null) break;
      // One commit at a time, in order; the next batch is mapped meanwhile.
      await committing;
      committing = this.#shapeAndCommit(results);
      if (busy) await this.#options.clock.wait(BUSY_REST_MS, this.#stop.signal);
    }
    await committing;
  }

  /** Waits for something set aside, an end, the poll, or what else cuts it short. */
  async #rest(...cutShortBy: readonly AbortSignal[]): Promise<void> {
    const enough = new AbortController();
    const signal = AbortSignal.any([...cutShortBy, this.#stop.signal, enough.signal]);
    await Promise.race([this.#options.clock.wait(IDLE_POLL_MS, signal), ...this.#aside]);
    enough.abort();
  }

  /** As many of them as will not become more than may be held; the rest is read again. A new revision may give anything. */
  #withinMemory(read: readonly Delivery[]): readonly Delivery[] {
    let bytes = 0;
    const end = read.findIndex(({ source }, index) => {
      const revision = this.#options.library.mappingOf(source)?.program?.revision;
      bytes += revision === undefined ? 0 : (this.#largest.get(revision) ?? OUTPUT_BYTES_MAX);
      return index > 0 && bytes > HELD_BYTES_MAX;
    });
    return end === -1 ? read : read.slice(0, end);
  }

  #remember({ revision }: Program, result: MapResult): void {
    if (this.#largest.size >= REVISIONS_REMEMBERED_MAX) this.#largest.clear();
    this.#largest.set(revision, Math.max(this.#largest.get(revision) ?? 0, result.ok ? result.textBytes : 0));
  }

  async #map(batch: readonly Delivery[]): Promise<readonly Spoken[]> {
    const { library, runner, clock } = this.#options;
    const asked: Asked[] = batch.map((delivery) => {
      const source = library.mappingOf(delivery.source);
      const { destinations = [], program = null, keep = 'full' } = source ?? {};
      return { delivery, destinations, program, keep };
    });
    const tasks = asked.flatMap(({ delivery, program }) => (program === null ? [] : [{ program, delivery }]));
    const answers = runner.mapEach(tasks);
    const results = new Map<number, MapResult>();
    const all = Promise.all(
      answers.map(async (answer, index) => {
        const { program, delivery } = tasks[index] as (typeof tasks)[number];
        const result = await answer;
        this.#remember(program, result);
        results.set(delivery.position, result);
      }),
    );
    const enough = new AbortController();
    try {
      await Promise.race([all, clock.wait(PATIENCE_MS, enough.signal)]);
    } finally {
      enough.abort();
    }
    // Who rejects later is asked again where it is awaited.
    all.catch(() => {});
    const answerOf = new Map(tasks.map(({ delivery }, index) => [delivery.position, answers[index]]));
    const spoken: Spoken[] = [];
    for (const one of asked) {
      const result = one.program === null ? null : results.get(one.delivery.position);
      if (result !== undefined) spoken.push({ ...one, result });
      else this.#setAside(one, answerOf.get(one.delivery.position));
    }
    return spoken;
  }

  #setAside(one: Asked, answer: Promise<MapResult> | undefined): void {
    const { program, delivery } = one;
    const work = (async () => {
      let result = (await answer?.catch(() => null)) ?? null;
      if (result === null && program !== null) {
        const again = () => Promise.all(this.#options.runner.mapEach([{ program, delivery }]));
        result = (await this.#insist('map', again))?.[0] ?? null;
      }
      // Null: stopped. It is read again at the next start.
      if (result === null) this.#inHand--;
      else await this.#shapeAndCommit([{ ...one, result }]);
    })().finally(() => this.#aside.delete(work));
    this.#aside.add(work);
  }

  /** Never rejects: nobody awaits it before the next batch is mapped. */
  async #shapeAndCommit(batch: readonly Spoken[]): Promise<void> {
    let piece: Mapped[] = [];
    let events = 0;
    for (const spoken of batch) {
      const one = await this.#shape(spoken);
      piece.push(one);
      events += one.mapped.events.length + one.mapped.dead.length;
      if (events < COMMIT_EVENTS) continue;
      await this.#commit(piece);
      piece = [];
      events = 0;
    }
    if (piece.length > 0) await this.#commit(piece);
  }

  async #shape({ delivery, destinations, program, keep, result }: Spoken): Promise<Mapped> {
    const { clock, shape } = this.#options;
    if (result === null) {
      const message = `The source ${delivery.source} has no mapping that runs; mend or bring back its folder and replay`;
      return { mapped: failed(delivery, 'mapping_missing', message), seconds: null };
    }
    const seconds = result.ok ? result.tookMicros / 1e6 : null;
    const steps = turnToEvents(delivery, result, { destinations, shape, now: clock.now() });
    try {
      for (;;) {
        if (clock.monotonic() - this.#sliceBegan > SLICE_MS) {
          await nextTurn();
          this.#sliceBegan = clock.monotonic();
        }
        const step = steps.next();
        if (step.done) return { mapped: bodyKept(step.value, { delivery, keep, program }), seconds };
      }
    } catch (error) {
      // A bug of ours in shaping must not stop every other source.
      this.#options.log.warn({ err: error, delivery: delivery.id }, 'Mapping stage: an output could not be shaped');
      return { mapped: failed(delivery, 'mapping_error', `An output could not be shaped: ${error}`), seconds };
    }
  }

  async #commit(piece: readonly Mapped[]): Promise<void> {
    const mapped = piece.map((one) => one.mapped);
    const committed = await this.#insist('commit', async () => {
      await this.#options.buffer.commitMapped(mapped);
      return true;
    });
    this.#inHand -= piece.length;
    if (committed === null) return;
    try {
      for (const one of piece) this.#options.onMapped?.(one.mapped, one.seconds);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'Mapping stage: what was mapped could not be counted');
    }
  }

  /** Again and again with backoff, until it works or the stage is stopped (null). */
  async #insist<T>(what: string, action: () => Promise<T>): Promise<T | null> {
    const { clock, log } = this.#options;
    for (let attempt = 0; ; attempt++) {
      try {
        return await action();
      } catch (error) {
        if (this.#stop.signal.aborted) return null;
        const waitMs = Math.min(BACKOFF_BASE_MS * 2 ** attempt, BACKOFF_MAX_MS);
        log.warn({ err: error, again_in_ms: waitMs }, `Mapping stage: cannot ${what}`);
        await clock.wait(waitMs, this.#stop.signal);
        if (this.#stop.signal.aborted) return null;
      }
    }
  }

  /** Takes nothing new; the batch in hand is finished when that is quick, else left for the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    const over = new AbortController();
    await Promise.race([this.#done, this.#options.clock.wait(STOP_MAX_MS, over.signal)]);
    over.abort();
  }
}
