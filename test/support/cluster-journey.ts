/**
 * A journey with several relays: the real program so many times, one real redis-server that they share, one sandbox in the destination's place.
 * Each relay keeps its port when it is started again, as behind a balancer, and reaches Redis over a line of its own that can go bad.
 */
import { join } from 'node:path';
import type { Sandbox } from '../../src/destinations/sandbox/sandbox.ts';
import { Journey, type JourneyOptions, type PrivateHealth, SECRET } from './journey.ts';
import { Line } from './line.ts';
import type { Oracle } from './oracle.ts';
import { type Ended, type Environment, type RunningRelay, serve, until } from './program.ts';
import { freePort, RedisServer } from './redis-server.ts';
import { type Answer, Crowd, sendOne, type Webhook } from './senders.ts';

/** Batches of a relay that was killed are another one's twice this and 5 s later. */
const quickLeases: Environment = { RELAY_SEND_TIMEOUT: '1s' };

type Member = { readonly port: number; readonly line: Line; relay: RunningRelay | null };

export type ClusterOptions = JourneyOptions & { readonly relays: number };

export class ClusterJourney implements AsyncDisposable {
  readonly redis: RedisServer;
  readonly journey: Journey;
  readonly #members: readonly Member[];
  /** Answered 200 as new, although it had been before. */
  readonly acceptedTwice: string[] = [];
  readonly #accepted = new Set<string>();

  /** With all its relays running. */
  static async open(name: string, { relays, ...options }: ClusterOptions): Promise<ClusterJourney> {
    const redis = await RedisServer.start();
    const members: Member[] = [];
    for (let count = 0; count < relays; count++) {
      members.push({ port: await freePort(), line: await Line.to(redis.port), relay: null });
    }
    const journey = await Journey.open(name, { ...options, env: { ...quickLeases, ...options.env } });
    const cluster = new ClusterJourney(redis, journey, members);
    try {
      await Promise.all(members.map((_, index) => cluster.start(index)));
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(redis: RedisServer, journey: Journey, members: readonly Member[]) {
    this.redis = redis;
    this.journey = journey;
    this.#members = members;
  }

  get oracle(): Oracle {
    return this.journey.oracle;
  }

  get sandbox(): Sandbox {
    return this.journey.sandbox;
  }

  get size(): number {
    return this.#members.length;
  }

  relay(index: number): RunningRelay {
    const { relay } = this.#member(index);
    if (!relay) throw new Error(`relay ${index} does not run`);
    return relay;
  }

  line(index: number): Line {
    return this.#member(index).line;
  }

  async start(index: number, more: Environment = {}): Promise<RunningRelay> {
    const member = this.#member(index);
    member.relay = await serve({
      ...this.journey.environment,
      RELAY_PORT: String(member.port),
      RELAY_DATA_DIR: join(this.journey.dataDir, String(index)),
      REDIS_URL: member.line.url,
      ...more,
    });
    return member.relay;
  }

  async stop(index: number, signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    const ended = await this.relay(index).stop(signal);
    this.journey.outputs.push(ended.out);
    this.#member(index).relay = null;
    return ended;
  }

  /** Senders of one relay; `next` and `told` are the caller's, `told` after the oracle. */
  crowd(
    index: number,
    options: Pick<ConstructorParameters<typeof Crowd>[0], 'connections' | 'next' | 'restMs'>,
    told?: (webhook: Webhook, answer: Answer) => void,
  ): Crowd {
    return new Crowd({
      ...options,
      port: this.#member(index).port,
      secret: SECRET,
      told: (webhook, answer) => {
        this.#told(webhook, answer);
        told?.(webhook, answer);
      },
    });
  }

  async send(index: number, webhook: Webhook): Promise<Answer> {
    const answer = await sendOne(this.#member(index).port, webhook, SECRET);
    this.#told(webhook, answer);
    return answer;
  }

  sendFresh(index: number, source = 'numbered'): Promise<Answer> {
    return this.send(index, this.oracle.make(source));
  }

  health(index: number): Promise<PrivateHealth> {
    return this.relay(index).api<PrivateHealth>('/health');
  }

  /** Until every obligation has arrived. */
  async arrived(boundMs = 60_000): Promise<void> {
    try {
      await this.journey.arrived(boundMs);
    } catch (error) {
      const ends = this.#members.map(({ relay }, index) => `relay ${index}: ${relay?.seen.out.slice(-600) ?? 'ended'}`);
      throw new Error([String(error), ...ends].join('\n'));
    }
  }

  /** Until nothing waits any more, as the relay that is asked sees it. */
  async settled(index: number, boundMs = 30_000): Promise<void> {
    const waiting = async () => Object.values((await this.health(index)).sources).map((source) => source.waiting);
    await until(async () => (await waiting()).every((count) => count === 0), 'nothing to wait any more', boundMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#members.map(({ relay }) => relay?.[Symbol.asyncDispose]()));
    await Promise.allSettled([...this.#members.map(({ line }) => line.close()), this.journey[Symbol.asyncDispose]()]);
    await this.redis.remove();
  }

  #told(webhook: Webhook, answer: Answer): void {
    this.oracle.told(webhook, answer);
    if (answer.status !== 200 || !answer.text.includes('"accepted"')) return;
    if (this.#accepted.has(webhook.id)) this.acceptedTwice.push(webhook.id);
    this.#accepted.add(webhook.id);
  }

  #member(index: number): Member {
    const member = this.#members[index];
    if (!member) throw new Error(`there is no relay ${index}`);
    return member;
  }
}
