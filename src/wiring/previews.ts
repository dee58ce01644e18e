/**
 * Mappings tried out: in evaluators of their own, so that a trial that has to be killed costs no mapping that is at work. They
 * start with the first trial and end when nobody has tried anything for a minute.
 */
import type { PreviewAsked, PreviewOutcome } from '../admin/schemas/preview.ts';
import type { BufferKeeper } from '../buffer/contract.ts';
import type { Clock } from '../clock.ts';
import { type Diagnostic, type MapFailure, programOf } from '../mapping/program.ts';
import { createRunner, type MapInput, type Runner } from '../mapping/runner.ts';
import { pretender, type TriedPayload, tryDeliveries } from '../mapping/trial.ts';
import type { Shape } from '../mapping/turn-to-events.ts';
import type { Source } from '../model.ts';
import type { Core } from './core.ts';
import { pseudonymKeyOf } from './sources.ts';

export type Previews = AsyncDisposable & {
  readonly ask: (asked: PreviewAsked) => Promise<PreviewOutcome>;
};

export type PreviewOptions = {
  readonly clock: Clock;
  readonly buffer: Pick<BufferKeeper, 'delivery'>;
  readonly sourceOf: (name: string) => Source | null;
  readonly shape: Shape;
  readonly openRunner: () => Runner;
};

/** Trials at once; each takes 5 ms, or up to 600 when it has to be stopped. */
const AT_ONCE_MAX = 8;
const IDLE_MS = 60_000;
/** Of each, events and broken outputs, in an answer; a delivery may give 10,000. */
const SHOWN_MAX = 1_000;

export function openPreviews(core: Pick<Core, 'clock' | 'buffer' | 'sources' | 'shape' | 'settings' | 'destinations'>) {
  const { clock, buffer, sources, shape, settings, destinations } = core;
  const sandbox = destinations.configs.every(({ type }) => type === 'sandbox');
  return createPreviews({
    ...{ clock, buffer, shape },
    sourceOf: (name) => sources.library.get(name)?.source ?? null,
    openRunner: () => createRunner({ clock, pseudonymKey: pseudonymKeyOf(settings, sandbox) }),
  });
}

export function createPreviews(options: PreviewOptions): Previews {
  const { clock } = options;
  const bench = new Bench(options);
  let running = 0;

  const attempt = async (asked: PreviewAsked): Promise<PreviewOutcome> => {
    const source = options.sourceOf(asked.source);
    if (source === null) return { kind: 'unknown_source' };
    const { destination = source.destinations[0] ?? '' } = asked;
    if (!source.destinations.includes(destination)) return { kind: 'unknown_destination' };
    return await bench.use(async (runner) => {
      const delivery = await deliveryOf(asked, source, runner);
      if ('kind' in delivery) return delivery;
      const compiled = await runner.compile(asked.mapping);
      if (!compiled.ok) return refused(compiled.diagnostics[0]);
      const program = programOf(asked.mapping);
      const now = clock.now();
      const [trial] = await tryDeliveries([delivery], { program, runner, shape: options.shape, destination, now });
      if (trial === undefined) throw new Error('the evaluator gave no result');
      if (trial.failure !== null) return failed(trial.failure);
      const { events, broken } = trial;
      const leftOut = Math.max(0, events.length - SHOWN_MAX) + Math.max(0, broken.length - SHOWN_MAX);
      return {
        kind: 'made',
        made: { events: events.slice(0, SHOWN_MAX), broken: broken.slice(0, SHOWN_MAX), left_out: leftOut },
      };
    });
  };

  const deliveryOf = async (
    asked: PreviewAsked,
    source: Source,
    runner: Runner,
  ): Promise<MapInput | Exclude<PreviewOutcome, { readonly kind: 'made' }>> => {
    if (asked.delivery === undefined) {
      const payload = payloadOf(asked);
      return payload === null ? unreadable : await pretender(source, runner)(payload, clock.now());
    }
    const whole = await options.buffer.delivery(asked.delivery);
    if (whole?.summary.source !== source.name) return { kind: 'unknown_delivery' };
    const { summary, headers, query, body } = whole;
    if (body === null || headers === null || query === null) return { kind: 'body_gone' };
    const { id, provider, key, received_at: at } = summary;
    return { ...{ id, source: source.name, provider, key, headers, query, body }, receivedAt: Date.parse(at) };
  };

  return {
    ask: async (asked) => {
      if (running >= AT_ONCE_MAX) return { kind: 'busy' };
      running += 1;
      try {
        return await attempt(asked);
      } finally {
        running -= 1;
      }
    },
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  };
}

const unreadable = {
  kind: 'failed',
  code: 'mapping_error',
  reason: 'mapping_error',
  message: 'The body cannot be read: it is nested too deeply',
} as const;

/** Null: so deep that it cannot be written again. */
function payloadOf({ payload, body: sent, headers = {}, query = {}, ...asked }: PreviewAsked): TriedPayload | null {
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  if (sent !== undefined)
    return { body: Buffer.from(sent, asked.body_encoding === 'base64' ? 'base64' : 'utf8'), headers: lower, query };
  const type = lower['content-type'] ?? 'application/json';
  // JSON is given as JSON; anything else as the text it is.
  const asText = typeof payload === 'string' && !/[/+]json\b/i.test(type);
  let text: string;
  try {
    text = asText ? payload : JSON.stringify(payload);
  } catch {
    return null;
  }
  const body = Buffer.from(text);
  return { body, headers: { ...lower, 'content-type': type }, query };
}

function refused(diagnostic: Diagnostic | undefined): PreviewOutcome {
  const { code = 'error', message = 'The mapping cannot be compiled', line = 1, column = 1 } = diagnostic ?? {};
  return { kind: 'failed', code, reason: 'mapping_missing', message, line, column };
}

function failed({ code, reason, message, line, column }: MapFailure): PreviewOutcome {
  const place = line === undefined || column === undefined ? {} : { line, column };
  // Said in fields of their own here.
  const prefix = line === undefined ? `${code}: ` : `${code} at ${line}:${column}: `;
  const words = message.startsWith(prefix) ? message.slice(prefix.length) : message;
  return { kind: 'failed', code: code ?? reason, reason, message: words, ...place };
}

/** The runner of trials. States: none → open (in use, idle) → none … → closed. */
class Bench implements AsyncDisposable {
  readonly #options: PreviewOptions;
  readonly #closed = new AbortController();
  #runner: Runner | null = null;
  #users = 0;
  #idle: AbortController | null = null;

  constructor(options: PreviewOptions) {
    this.#options = options;
  }

  async use<T>(work: (runner: Runner) => Promise<T>): Promise<T> {
    if (this.#closed.signal.aborted) throw new Error('the relay stops');
    this.#idle?.abort();
    this.#runner ??= this.#options.openRunner();
    this.#users += 1;
    try {
      return await work(this.#runner);
    } finally {
      this.#users -= 1;
      if (this.#users === 0) void this.#restThenEnd();
    }
  }

  async #restThenEnd(): Promise<void> {
    const idle = new AbortController();
    this.#idle = idle;
    await this.#options.clock.wait(IDLE_MS, AbortSignal.any([idle.signal, this.#closed.signal]));
    if (idle.signal.aborted || this.#closed.signal.aborted) return;
    const runner = this.#runner;
    this.#runner = null;
    await runner?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.#runner?.[Symbol.asyncDispose]();
  }
}
