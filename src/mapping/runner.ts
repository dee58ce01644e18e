/**
 * Mappings are run here, from the relay's side. A program can do no harm: it has no rights, and what loops, recurses,
 * backtracks or eats memory is stopped within 300 ms and fails alone (contract §7). The door has an evaluator of its own,
 * so that no mapping can delay an answer to a provider.
 */
import type { Clock } from '../clock.ts';
import type { Delivery, Source } from '../model.ts';
import type { WebhookView } from '../verify/contract.ts';
import { providers } from '../verify/registry.ts';
import { Lane } from './lane.ts';
import { type CompileResult, type Job, type MapResult, type Program, programOf } from './program.ts';

/** Contract §7 says 300 ms until it is stopped; JSONata's own limit (230) comes first where it works. */
const WALL_MS = 280;
/** At the door somebody waits. */
const DOOR_WALL_MS = 150;
const DOOR_ANSWER_MS = 250;
/** The first id a new evaluator is asked for waits for its start, rather than be missing. */
const DOOR_START_MS = 2_000;
/** A `delivery_id` that took the evaluator down is not asked again for so long: others wait in the same line. */
const DOOR_SHUT_MS = 10_000;
const DOOR_SHUT_MAX = 1_000;
/** One lane for what may wait a little, one for the door. */
const LANES = {
  mapping: { wallMs: WALL_MS, jobsWaitingMax: 20_000, triesMax: 2 },
  door: { wallMs: DOOR_WALL_MS, jobsWaitingMax: 1_000, triesMax: 1 },
} as const;

export type RunnerOptions = {
  readonly clock: Clock;
  /** RELAY_PSEUDONYM_KEY, which never leaves this side. Null: mappings that call `$pseudonym` are refused. */
  readonly pseudonymKey?: string | null;
  readonly onRestart?: (lane: 'mapping' | 'door', reason: string) => void;
  /** For tests: another program than the evaluator, another patience. */
  readonly entry?: string;
  readonly wallMs?: number;
};

/** What `$`, `$headers`, `$query` and `$delivery` are made of. */
export type MapInput = Pick<
  Delivery,
  'id' | 'source' | 'provider' | 'receivedAt' | 'key' | 'headers' | 'query' | 'body'
>;

export type MapTask = {
  readonly program: Program;
  readonly delivery: MapInput;
  /** True: a case, whose pseudonyms are the same on every machine. */
  readonly rehearsal?: boolean;
};

export interface Runner extends AsyncDisposable {
  /** Results in order. Rejects only when no evaluator can be had: then try again later. */
  map(tasks: readonly MapTask[]): Promise<readonly MapResult[]>;
  /** The same, each when it is there: those that take evaluators down come last, long after the others. */
  mapEach(tasks: readonly MapTask[]): readonly Promise<MapResult>[];
  /** What is wrong with a mapping's text. */
  compile(text: string): Promise<CompileResult>;
  /** Start the door's evaluator before it is needed. */
  warmDoor(): void;
  /** The id that `delivery_id` of a custom source gives; null when it gives none, fails, or takes too long. */
  doorId(source: Pick<Source, 'name' | 'provider' | 'deliveryId'>, view: WebhookView): Promise<string | null>;
  readonly state: RunnerState;
}

export type RunnerState = {
  readonly ready: boolean;
  readonly spareReady: boolean;
  readonly restarts: number;
  readonly pids: readonly number[];
};

export function createRunner(options: RunnerOptions): Runner {
  const { clock, entry, onRestart } = options;
  const lane = (name: keyof typeof LANES) =>
    new Lane({
      ...LANES[name],
      ...(options.wallMs === undefined ? {} : { wallMs: options.wallMs }),
      clock,
      pseudonymKey: options.pseudonymKey ?? null,
      ...(entry === undefined ? {} : { entry }),
      onRestart: (reason) => onRestart?.(name, reason),
    });
  const mapping = lane('mapping');
  const door = new Door(clock, () => lane('door'));
  return {
    map: (tasks) => Promise.all(mapping.run(tasks.map(jobOf))),
    mapEach: (tasks) => mapping.run(tasks.map(jobOf)),
    compile: (text) => mapping.compile(text),
    warmDoor: () => door.warm(),
    doorId: (source, view) => door.ask(source, view),
    get state() {
      const { atWork, spareReady, restarts, pids } = mapping.crew;
      return { ready: atWork !== null, spareReady, restarts, pids: [...pids, ...door.pids] };
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([mapping[Symbol.asyncDispose](), door[Symbol.asyncDispose]()]);
    },
  };
}

function jobOf({ program, delivery, rehearsal = false }: MapTask): Job {
  const { id, source, provider, key, receivedAt, headers, query, body } = delivery;
  return {
    program,
    purpose: 'mapping',
    headers,
    query,
    delivery: { id, source, provider, received_at: new Date(receivedAt).toISOString(), key },
    contentType: headers['content-type'] ?? null,
    bodyForm: providers.get(provider)?.body ?? {},
    body,
    rehearsal,
  };
}

class Door implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #open: () => Lane;
  /** Expressions not to be asked, until when. */
  readonly #shut = new Map<string, number>();
  /** Expressions seen, as programs: made once, for the door has no time to hash. */
  readonly #programs = new Map<string, Program>();
  #lane: Lane | null = null;

  constructor(clock: Clock, open: () => Lane) {
    this.#clock = clock;
    this.#open = open;
  }

  get pids(): readonly number[] {
    return this.#lane?.crew.pids ?? [];
  }

  warm(): Lane {
    this.#lane ??= this.#open();
    return this.#lane;
  }

  async ask(source: Pick<Source, 'name' | 'provider' | 'deliveryId'>, view: WebhookView): Promise<string | null> {
    const text = source.deliveryId;
    if (text === null || this.#isShut(text)) return null;
    const lane = this.warm();
    const answerMs = lane.crew.atWork === null ? DOOR_START_MS : DOOR_ANSWER_MS;
    const tooLate = new AbortController();
    const answered = new AbortController();
    const job: Job = {
      program: this.#program(text),
      purpose: 'id',
      headers: view.headers,
      query: view.query,
      delivery: { source: source.name, provider: source.provider },
      contentType: 'application/json',
      bodyForm: {},
      body: Buffer.from(JSON.stringify(view.body) ?? 'null'),
      rehearsal: false,
    };
    const late = this.#clock.wait(answerMs, answered.signal).then(() => tooLate.abort());
    const asked = Promise.all(lane.run([job], tooLate.signal)).then(
      ([result]) => this.#judge(text, result),
      () => null,
    );
    const id = await Promise.race([asked, late]);
    answered.abort();
    return id ?? null;
  }

  /** Also of an answer that comes too late: who took the evaluator down is not asked again soon. */
  #judge(text: string, result: MapResult | undefined): string | null {
    if (result?.ok) return (result.outputs[0] as string | undefined) ?? null;
    if (result?.reason === 'mapping_timeout' || result?.reason === 'mapping_crash') this.#close(text);
    return null;
  }

  #program(text: string): Program {
    let program = this.#programs.get(text);
    if (program === undefined) {
      if (this.#programs.size >= DOOR_SHUT_MAX) this.#programs.clear();
      program = programOf(text);
      this.#programs.set(text, program);
    }
    return program;
  }

  #isShut(text: string): boolean {
    const until = this.#shut.get(text);
    if (until === undefined) return false;
    if (this.#clock.monotonic() < until) return true;
    this.#shut.delete(text);
    return false;
  }

  #close(text: string): void {
    if (this.#shut.size >= DOOR_SHUT_MAX) this.#shut.clear();
    this.#shut.set(text, this.#clock.monotonic() + DOOR_SHUT_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lane?.[Symbol.asyncDispose]();
  }
}
