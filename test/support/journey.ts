/**
 * A journey: the real program beside a sandbox that plays the destination, with folders of its own. The relay can be
 * stopped and started again; the sandbox and what it has received stay.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { createSandbox, type Sandbox } from '../../src/destinations/sandbox/sandbox.ts';
import { numberedMapping, Oracle } from './oracle.ts';
import { type Environment, type RunningRelay, serve, temporaryFolder, until } from './program.ts';
import { type Answer, Crowd, portOf, sendOne, type Webhook } from './senders.ts';

export const SECRET = 'a secret of the journeys';

/** Mixpanel's own advice (2 s doubling to 60 s) would make every journey wait for minutes. */
export const shortRetries: Environment = {
  RELAY_RETRY_BASE: '20ms',
  RELAY_RETRY_MAX: '200ms',
  RELAY_RETRY_JITTER: '0ms-20ms',
  RELAY_BATCH_LINGER: '50ms',
};

export type SourceFolder = {
  readonly mapping?: string;
  /** Lines added to source.yaml. */
  readonly yaml?: string;
};

export type JourneyOptions = {
  /** Folders by name; default: one called `numbered` with the mapping that the oracle understands. */
  readonly sources?: Readonly<Record<string, SourceFolder>>;
  /** The text of destinations.yaml; the sandbox is at `${MIXPANEL_API_URL}`. */
  readonly destinations?: string;
  readonly env?: Environment;
  /** Where the data folder is; default: below the journey's own folder. */
  readonly dataDir?: string;
  readonly seed?: number;
};

export class Journey implements AsyncDisposable {
  readonly oracle: Oracle;
  readonly sandbox: Sandbox;
  readonly mappingsDir: string;
  readonly dataDir: string;
  readonly #options: JourneyOptions;
  readonly #folder: ReturnType<typeof temporaryFolder>;
  readonly #address: { readonly port: number; readonly url: string };
  #relay: RunningRelay | null = null;
  /** Of all relays of this journey that have ended. */
  readonly outputs: string[] = [];

  static async open(name: string, options: JourneyOptions = {}): Promise<Journey> {
    const sandbox = createSandbox({ clock: systemClock, copiesMax: 2_000_000, bytesMax: 1024 ** 3 });
    const address = await sandbox.listen('127.0.0.1', 0);
    return new Journey(name, options, sandbox, address);
  }

  private constructor(name: string, options: JourneyOptions, sandbox: Sandbox, address: { port: number; url: string }) {
    this.#options = options;
    this.#folder = temporaryFolder(name);
    this.#address = address;
    this.sandbox = sandbox;
    this.oracle = new Oracle(options.seed);
    this.mappingsDir = join(this.#folder.path, 'mappings');
    this.dataDir = options.dataDir ?? join(this.#folder.path, 'data');
    mkdirSync(this.mappingsDir);
    if (options.destinations) writeFileSync(join(this.mappingsDir, 'destinations.yaml'), options.destinations);
    for (const [source, folder] of Object.entries(options.sources ?? { numbered: {} })) this.write(source, folder);
  }

  /** The relay that runs now. */
  get relay(): RunningRelay {
    if (!this.#relay) throw new Error('no relay runs');
    return this.#relay;
  }

  get port(): number {
    return portOf(this.relay.publicUrl);
  }

  get environment(): Environment {
    return {
      MIXPANEL_TOKEN: 'token-of-the-journeys',
      MIXPANEL_API_URL: this.#address.url,
      RELAY_MAPPINGS_DIR: this.mappingsDir,
      RELAY_DATA_DIR: this.dataDir,
      ...shortRetries,
      ...this.#options.env,
    };
  }

  write(source: string, { mapping = numberedMapping, yaml = '' }: SourceFolder): void {
    const folder = join(this.mappingsDir, source);
    mkdirSync(folder, { recursive: true });
    // The limit of a source is not what journeys are about.
    const limits = yaml.includes('limits:') ? '' : 'limits: { accept: 1000000/s }\n';
    writeFileSync(join(folder, 'source.yaml'), `provider: github\nsecret: ${SECRET}\n${limits}${yaml}`);
    writeFileSync(join(folder, 'mapping.jsonata'), mapping);
  }

  async start(more: Environment = {}): Promise<RunningRelay> {
    this.#relay = await serve({ ...this.environment, ...more });
    return this.#relay;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM') {
    const relay = this.relay;
    const ended = await relay.stop(signal);
    this.outputs.push(ended.out);
    this.#relay = null;
    return ended;
  }

  /** Webhooks of one source from so many connections, noted by the oracle. */
  crowd(connections: number, source = 'numbered', more: { restMs?: number; fillerLength?: number } = {}): Crowd {
    const { fillerLength = 0, restMs = 0 } = more;
    const load = this.oracle.load(source, fillerLength);
    return new Crowd({ port: this.port, connections, secret: SECRET, restMs, ...load });
  }

  /** So many webhooks and no more, from so many connections; resolves when all were answered. */
  async sendMany(count: number, connections = 16, source = 'numbered', fillerLength = 0): Promise<void> {
    let begun = 0;
    let ended = 0;
    const load = this.oracle.load(source, fillerLength);
    const crowd = new Crowd({
      port: this.port,
      connections,
      secret: SECRET,
      next: () => {
        begun++;
        return begun > count ? null : load.next();
      },
      told: (webhook, answer) => {
        ended++;
        load.told(webhook, answer);
      },
    });
    await until(() => ended >= count, `${count} answers`, 60_000);
    await crowd.stop();
  }

  async sendThis(webhook: Webhook): Promise<Answer> {
    const answer = await sendOne(this.port, webhook, SECRET);
    this.oracle.told(webhook, answer);
    return answer;
  }

  /** One webhook never sent before. */
  async sendFresh(source = 'numbered'): Promise<{ readonly webhook: Webhook; readonly answer: Answer }> {
    const webhook = this.oracle.make(source);
    return { webhook, answer: await this.sendThis(webhook) };
  }

  /** Until every obligation has arrived. */
  async arrived(boundMs = 30_000): Promise<void> {
    const { oracle, sandbox } = this;
    // Cheap first: looking through all copies again and again would take the machine from the relay.
    const enough = () => sandbox.state().events.distinct >= oracle.eventsOwed;
    try {
      await until(() => enough() && oracle.missing(sandbox) === 0, 'every obligation to arrive', boundMs);
    } catch (error) {
      const words = oracle.differences(sandbox);
      throw new Error([String(error), ...words, ...this.troubles()].join('\n'));
    }
  }

  /**
   * Until every obligation has arrived and the relay knows it: the destination has an event before its answer is back,
   * so what health counts and which letters there are is known only then.
   */
  async settled(boundMs = 30_000): Promise<void> {
    await this.arrived(boundMs);
    const waiting = async () => Object.values((await this.health()).sources).map((source) => source.waiting);
    await until(async () => (await waiting()).every((count) => count === 0), 'nothing to wait any more', boundMs);
  }

  /** The destination goes away (its port refuses) and comes back on the same port. */
  async destinationGoes(): Promise<void> {
    await this.sandbox.close();
  }

  async destinationComes(): Promise<void> {
    await this.sandbox.listen('127.0.0.1', this.#address.port);
  }

  health(): Promise<PrivateHealth> {
    return this.relay.api<PrivateHealth>('/health');
  }

  /** Warnings and errors in the log, the last of them: for messages of failed tests. */
  troubles(): string[] {
    const text = [...this.outputs, this.#relay?.seen.out ?? ''].join('\n');
    return text
      .split('\n')
      .filter((line) => /"level":(50|60|"error"|"fatal")|buffer\.trouble/.test(line))
      .slice(-5);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relay?.[Symbol.asyncDispose]();
    await this.sandbox.close();
    this.#folder[Symbol.dispose]();
  }
}

export type SourceCounts = {
  readonly status: string;
  readonly accepted: number;
  readonly duplicates: number;
  readonly skipped: number;
  readonly map_failed: number;
  readonly delivered: number;
  readonly dead: number;
  readonly waiting: number;
  readonly reasons: readonly string[];
};

export type PrivateHealth = {
  readonly status: string;
  readonly relay?: string;
  readonly sources: Readonly<Record<string, SourceCounts>>;
  readonly destinations: Readonly<
    Record<string, { readonly state: string; readonly waiting: number; readonly sender?: string | null }>
  >;
  readonly checks: Readonly<Record<string, readonly { readonly observedValue: unknown; readonly status: string }[]>>;
};
