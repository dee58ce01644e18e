/**
 * A running relay, built from settings. With the rooms it is wired from (`wiring/`) it is the only one that knows every
 * room. `await using relay = await startRelay(settings)`.
 *
 *   starting → serving → stopping (no new webhooks, what is in flight ends) → stopped, exit code 0
 *                 └── failed (the store gave up: nothing is accepted any more) → stopped, exit code 1
 */
import { type Clock, systemClock } from './clock.ts';
import type { Settings } from './config/settings.ts';
import { withoutCredentials } from './config/shown.ts';
import type { Listening } from './intake/server.ts';
import { createMappingStage, type MappingStage } from './mapping/stage.ts';
import { createLog } from './observe/log.ts';
import { createMask } from './observe/mask.ts';
import { version } from './version.ts';
import { type Core, openCore } from './wiring/core.ts';
import { openAdminPort, openPublicPort, urlOf } from './wiring/ports.ts';

export type RelayOptions = {
  readonly clock?: Clock;
  /** A person reads the log: lines instead of JSON. */
  readonly terminal?: { readonly colours: boolean };
};

export type Relay = AsyncDisposable & {
  readonly publicUrl: string;
  readonly adminUrl: string;
  /** Where the sandbox listens; null: a real destination is configured. */
  readonly sandboxUrl: string | null;
  /** Resolves with the exit code once everything has ended. */
  readonly stopped: Promise<number>;
  /** Ends within 10 s; calling it again waits for the same end. */
  stop(): Promise<void>;
  /** Reads all source folders again. */
  reload(): Promise<void>;
};

/** Requests under way when stopping get so long to be answered. */
const CLOSE_GRACE_MS = 2_000;
const SWEEP_MS = 1_000;

/** Rejects with a UsageError when a port or the data folder is taken, or a folder cannot be read. */
export async function startRelay(settings: Settings, options: RelayOptions = {}): Promise<Relay> {
  const clock = options.clock ?? systemClock;
  const mask = createMask();
  const colours = options.terminal?.colours ?? false;
  const log = createLog({ level: settings.logLevel, clock, mask, pretty: options.terminal !== undefined, colours });
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => log.close());
  const core = cleanup.use(await openCore({ settings, clock, log, mask }));
  const publicPort = cleanup.use(await openPublicPort(core));
  const adminPort = cleanup.use(await openAdminPort(core, () => urlOf(publicPort)));
  const relay = new RunningRelay(core, publicPort, adminPort, cleanup.move());
  await relay.begin();
  return relay;
}

class RunningRelay implements Relay {
  readonly publicUrl: string;
  readonly adminUrl: string;
  readonly sandboxUrl: string | null;
  readonly stopped: Promise<number>;
  readonly #core: Core;
  readonly #publicPort: Listening;
  readonly #held: AsyncDisposableStack;
  readonly #stage: MappingStage;
  readonly #sweeping = new AbortController();
  #swept: Promise<void> = Promise.resolve();
  #ended!: (exitCode: number) => void;
  #stopping: Promise<void> | null = null;

  constructor(core: Core, publicPort: Listening, adminPort: Listening, held: AsyncDisposableStack) {
    this.#core = core;
    this.#publicPort = publicPort;
    this.#held = held;
    this.publicUrl = urlOf(publicPort);
    this.adminUrl = urlOf(adminPort);
    this.sandboxUrl = core.destinations.sandbox?.url ?? null;
    this.stopped = new Promise((resolve) => {
      this.#ended = resolve;
    });
    this.#stage = createMappingStage({
      buffer: core.buffer,
      library: core.sources.library,
      runner: core.sources.runner,
      shape: core.shape,
      clock: core.clock,
      busy: core.pressure.busy,
      log: { warn: (fields, message) => core.log.error('buffer.trouble', { message, error: String(fields.err) }) },
      onMapped: core.tellers.mapped,
    });
    core.mappingInHand = () => this.#stage.inHand;
  }

  async begin(): Promise<void> {
    const { log, forwarders, settings, destinations, buffer } = this.#core;
    for (const { forwarder } of forwarders) forwarder.start();
    this.#swept = this.#sweep();
    void buffer.failed.then((reason) => this.#fail(reason));
    // What health and readiness tell from now on was really asked.
    await this.#core.snapshot(0);
    this.#core.phase = 'serving';
    if (destinations.sandbox) log.warn('relay.sandbox', { url: destinations.sandbox.url });
    const several = destinations.all.length > 1;
    log.info('relay.started', {
      version,
      relay: buffer.relay,
      public: this.publicUrl,
      admin: this.adminUrl,
      destination: destinations.all.map(({ name, address }) => (several ? `${name} ${address}` : address)).join(', '),
      mappings: settings.mappingsDir,
      data: settings.redis === null ? settings.dataDir : withoutCredentials(settings.redis.url),
    });
  }

  reload(): Promise<void> {
    return this.#core.sources.library.reload();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#end(0);
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #fail(reason: Error): void {
    this.#core.log.error('relay.failed', { reason: reason.message });
    if (this.#stopping) return;
    this.#core.phase = 'failed';
    this.#stopping = this.#end(1);
  }

  async #end(exitCode: number): Promise<void> {
    const { log, forwarders, clock } = this.#core;
    if (exitCode === 0) this.#core.phase = 'stopping';
    const startedAt = clock.monotonic();
    log.info('relay.stopping', {});
    this.#sweeping.abort();
    // At the same time, or the bounds of all would add up to more than a stop may take.
    await Promise.allSettled([
      this.#publicPort.close(CLOSE_GRACE_MS),
      this.#stage[Symbol.asyncDispose](),
      ...forwarders.map(({ forwarder }) => forwarder.stop()),
      this.#swept,
    ]);
    log.info('relay.stopped', { ms: Math.round(clock.monotonic() - startedAt) });
    await this.#held.disposeAsync();
    this.#ended(exitCode);
  }

  /** Once a second: retention, and a look at how full the buffer is, for readiness. */
  async #sweep(): Promise<void> {
    const { buffer, clock, log } = this.#core;
    while (!this.#sweeping.signal.aborted) {
      await clock.wait(SWEEP_MS, this.#sweeping.signal);
      if (this.#sweeping.signal.aborted) return;
      try {
        await buffer.sweep();
        await this.#core.snapshot();
      } catch (error) {
        log.error('buffer.trouble', { doing: 'sweep', error: String(error) });
      }
    }
  }
}
