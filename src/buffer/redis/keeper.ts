/**
 * The buffer in Redis: keeps the promises of `../contract.ts` for any number of relays at once. keys.ts says what is where,
 * shard.ts how it is reached; each change is one script of lua/.
 *
 * Every answer comes after the fsync of Redis (start-checks.ts), so all that is answered is durable. When Redis is away, calls
 * reject soon (`StoreUnavailableError`) and work again by themselves when it is back; `failed` is for what only a person mends.
 */
import { type Clock, newId } from '../../clock.ts';
import { UsageError } from '../../errors.ts';
import type { Delivery, LeasedEvent, RawDelivery, Route, Verified } from '../../model.ts';
import type {
  Accepted,
  BufferKeeper,
  BufferTally,
  Instance,
  LeaseRequest,
  MappedDelivery,
  Settlement,
} from '../contract.ts';
import type { AttemptNote, DeadLetterFilter, DeliveryFilter, PageRequest } from '../reading.ts';
import { placeName, type ReadyChange, ReadyEvents } from '../ready-events.ts';
import type { NewReplay, ReplayStep, SelectRequest } from '../replaying.ts';
import type { Sendership, SendershipOf } from '../sendership.ts';
import { Accepting } from './accepting.ts';
import { beside } from './beside.ts';
import { noteInstance } from './instances.ts';
import { laneParts } from './keys.ts';
import { Leasing } from './leasing.ts';
import { MappingLog } from './mapping-log.ts';
import { Positions } from './positions.ts';
import { script } from './script.ts';
import { Senderships } from './sendership.ts';
import { Shard } from './shard.ts';
import type { RedisDurability } from './start-checks.ts';
import { Sweeping } from './sweeping.ts';
import { Tallies } from './tallies.ts';
import { NotAdmittedError, StoreCarriedError, StoreUnavailableError } from './trouble.ts';
import { Watch } from './watch.ts';

export type RedisBufferOptions = {
  /** REDIS_URL */
  readonly url: string;
  /** RELAY_REDIS_SHARDS */
  readonly shards: number;
  /** RELAY_REDIS_DURABILITY */
  readonly durability: RedisDurability;
  /** RELAY_BUFFER_MAX_BYTES, of all shards together */
  readonly bytesMax: number;
  /** RELAY_KEEP_DELIVERIES */
  readonly keepDeliveriesMs: number;
  readonly clock: Clock;
  /** A relay that was not heard of for so long is dead, and its unmapped deliveries are another's. */
  readonly claimMs?: number;
  /** A webhook is answered within so long, kept or not. */
  readonly acceptMs?: number;
  /** What the server's clock says, when a test says so; otherwise the server is asked. */
  readonly serverTime?: () => number;
};

/** Whoever posts a webhook hears within 300 ms that it cannot be kept (issue 6). */
const acceptMsUsual = 250;
/** Ten times what a busy relay takes to look again. */
const claimMsUsual = 15_000;
/** At the start Redis may be starting, too. */
const startMs = 10_000;
const startAgainMs = 200;
/** Mapping goes on above the bound, so that what waits can leave, within this much. */
const headroomBytes = (bytesMax: number) => Math.max(4 * 1024 * 1024, Math.floor(bytesMax / 8));

const whereRedisIs = 'REDIS_URL says where Redis is, and with rediss:// that it speaks TLS there.';

const closeScript = script('close', [], { allowOom: true });

/** Throws a UsageError (exit code 1) when Redis is not there, loses what it is given, or holds what this relay cannot read. */
export async function openRedisBuffer(options: RedisBufferOptions): Promise<RedisBuffer> {
  const buffer = new RedisBuffer(options);
  try {
    await buffer.start();
    return buffer;
  } catch (error) {
    await buffer.crash();
    throw error;
  }
}

export class RedisBuffer implements BufferKeeper {
  readonly failed: Promise<Error>;
  readonly relay: string;
  readonly #options: RedisBufferOptions;
  readonly #shards: readonly Shard[];
  readonly #ready = new ReadyEvents();
  readonly #accepting: Accepting;
  readonly #log: MappingLog;
  readonly #leasing: Leasing;
  readonly #tallies: Tallies;
  readonly #sweeping: Sweeping;
  readonly #watch: Watch;
  readonly #senderships: Senderships;
  readonly #beside: ReturnType<typeof beside>;
  readonly #underWay = new Set<Promise<unknown>>();
  #broken: Error | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: RedisBufferOptions) {
    this.#options = options;
    const { clock, bytesMax, keepDeliveriesMs, durability } = options;
    const { claimMs = claimMsUsual, acceptMs = acceptMsUsual } = options;
    const holder = newId('rly', clock.now());
    this.relay = holder;
    const failing = Promise.withResolvers<Error>();
    const positions = new Positions();
    const shards = this.#makeShards(holder, failing.resolve);
    const share = Math.floor(bytesMax / shards.length);
    const now = () => Math.trunc(clock.now());
    this.#shards = shards;
    this.failed = failing.promise;
    this.#leasing = new Leasing({ shards, holder, now });
    const looking = { ready: this.#ready, leasing: this.#leasing, claimMs, durability };
    this.#watch = new Watch({ shards, clock, positions, ...looking });
    this.#accepting = new Accepting({
      ...{ shards, positions, keepDeliveriesMs, bytesMax: share, acceptMs },
      onAccepted: () => this.#ready.tell(),
      onOutOfMemory: () => this.#watch.ranOutOfMemory(),
    });
    const { monotonic } = clock;
    const withHeadroom = share + headroomBytes(share);
    this.#log = new MappingLog({ shards, positions, claimMs, bytesMax: withHeadroom, now, monotonic });
    this.#tallies = new Tallies(shards, bytesMax, () => this.#watch.outOfMemory);
    this.#sweeping = new Sweeping(shards, keepDeliveriesMs, now);
    this.#beside = beside({ shards, clock, bytesMax: withHeadroom });
    this.#senderships = new Senderships({ shard: shards[0] as Shard, relay: holder, clock });
  }

  /** False while Redis, or one of its shards, is known to be away. */
  get answering(): boolean {
    return this.#watch.answering;
  }

  /** What Redis may lose, in words: of the one that is there now. */
  get warnings(): readonly string[] {
    return this.#watch.warnings;
  }

  /** Redis may be starting too, or loading what it kept: for a while it is waited for. */
  async start(): Promise<void> {
    const { clock } = this.#options;
    const connections = this.#shards.flatMap(({ door, work }) => [door, work]);
    await Promise.allSettled(connections.map((connection) => connection.first));
    for (let waitedMs = 0; ; waitedMs += startAgainMs) {
      try {
        await this.#watch.begin();
        return this.#watch.goOn();
      } catch (error) {
        if (error instanceof UsageError) throw error;
        const { message } = error as Error;
        if (error instanceof StoreCarriedError) throw new UsageError([message], 1);
        if (!(error instanceof StoreUnavailableError)) throw new UsageError([`Redis cannot be used: ${message}`], 1);
        if ((error as Error).cause instanceof NotAdmittedError) throw new UsageError([`${message}.`], 1);
        if (waitedMs >= startMs) throw new UsageError([`${message}. ${whereRedisIs}`], 1);
        await clock.wait(startAgainMs);
      }
    }
  }

  accept(delivery: Verified<RawDelivery>): Promise<Accepted> {
    return this.#do(() => this.#accepting.accept(delivery));
  }

  nextDeliveries(request: { after: number; limit: number; bytesMax: number }): Promise<readonly Delivery[]> {
    return this.#do(() => this.#log.next(request));
  }

  commitMapped(batch: readonly MappedDelivery[]): Promise<void> {
    return this.#do(() => this.#log.commit(batch));
  }

  ready(destination: string, route: Route = 'event'): ReadonlyMap<string, number> {
    return this.#ready.at(placeName(destination, route));
  }

  lease(request: LeaseRequest): Promise<readonly LeasedEvent[]> {
    return this.#do(() => this.#leasing.lease(request));
  }

  extend(positions: readonly number[], leaseMs: number): Promise<void> {
    return this.#do(() => this.#leasing.extend(positions, leaseMs));
  }

  settle(settlements: readonly Settlement[]): Promise<void> {
    return this.#do(() => this.#leasing.settle(settlements));
  }

  begin(positions: readonly number[]): Promise<void> {
    return this.#do(() => this.#leasing.begin(positions));
  }

  release(positions: readonly number[], attempted: boolean): Promise<void> {
    return this.#do(() => this.#leasing.release(positions, attempted));
  }

  arm(source: string, until: number) {
    return this.#do(() => this.#beside.arm(source, until));
  }

  learnSecret(source: string, secret: string, now: number) {
    return this.#do(() => this.#beside.learnSecret(source, secret, now));
  }

  learnedSecrets() {
    return this.#do(() => this.#beside.learnedSecrets());
  }

  armed(now: number) {
    return this.#do(() => this.#beside.armed(now));
  }

  forgetSecret(source: string) {
    return this.#do(() => this.#beside.forgetSecret(source));
  }

  tally(): Promise<BufferTally> {
    return this.#do(() => this.#tallies.tally());
  }

  unmappedTypes(perSourceMax: number) {
    return this.#do(() => this.#beside.unmappedTypes(perSourceMax));
  }

  deliveries(filter: DeliveryFilter, page: PageRequest) {
    return this.#do(() => this.#beside.deliveries(filter, page));
  }

  delivery(id: string) {
    return this.#do(() => this.#beside.delivery(id));
  }

  deadLetters(filter: DeadLetterFilter, page: PageRequest) {
    return this.#do(() => this.#beside.deadLetters(filter, page));
  }

  deadLetter(id: string) {
    return this.#do(() => this.#beside.deadLetter(id));
  }

  noteAttempt(note: AttemptNote) {
    return this.#do(() => this.#beside.noteAttempt(note));
  }

  countSelected(request: Omit<SelectRequest, 'limit' | 'bytesMax'>) {
    return this.#do(() => this.#beside.countSelected(request));
  }

  selectItems(request: SelectRequest) {
    return this.#do(() => this.#beside.selectItems(request));
  }

  addReplay(replay: NewReplay) {
    return this.#do(() => this.#beside.addReplay(replay));
  }

  replayStep(step: ReplayStep) {
    return this.#do(() => this.#beside.replayStep(step));
  }

  cancelReplay(id: string) {
    return this.#do(() => this.#beside.cancelReplay(id));
  }

  replay(id: string) {
    return this.#do(() => this.#beside.replay(id));
  }

  replays(page: PageRequest) {
    return this.#do(() => this.#beside.replays(page));
  }

  unfinishedReplays() {
    return this.#do(() => this.#beside.unfinishedReplays());
  }

  noteInstance(revisions: Instance): Promise<readonly Instance[]> {
    return this.#do(() => noteInstance(this.#shards[0] as Shard, revisions));
  }

  sendership(of: SendershipOf): Sendership {
    return this.#senderships.of(of);
  }

  sweep(): Promise<void> {
    return this.#do(() => this.#sweeping.sweep());
  }

  onWork(listener: () => void): () => void {
    return this.#ready.listen(listener);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** As a crash would end it, for tests: nothing in flight is finished or answered, nothing given back. */
  async crash(): Promise<void> {
    this.#closing ??= this.#end();
    await this.#closing;
  }

  #makeShards(holder: string, failed: (error: Error) => void): readonly Shard[] {
    const { url, clock, shards, serverTime } = this.#options;
    const onBroken = (error: Error) => {
      this.#broken ??= error;
      failed(error);
    };
    const onReady = (counts: readonly (string | number)[]) => this.#ready.apply(changesOf(counts));
    const shared = { url, clock, shards, serverTime, holder, onReady, onBroken, relay: true, name: 'trackrelay' };
    return Array.from({ length: shards }, (_, number) => new Shard({ ...shared, number }));
  }

  async #do<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing) throw new Error('the buffer is closed');
    if (this.#broken) throw this.#broken;
    const working = work();
    this.#underWay.add(working);
    try {
      return await working;
    } finally {
      this.#underWay.delete(working);
    }
  }

  async #close(): Promise<void> {
    await this.#accepting.drained();
    await Promise.allSettled(this.#underWay);
    await this.#senderships.end();
    const claimMs = String(this.#options.claimMs ?? claimMsUsual);
    // What cannot be given back now is taken over later.
    await Promise.allSettled(this.#shards.map((shard) => shard.call(closeScript, [claimMs])));
    await this.#end();
  }

  async #end(): Promise<void> {
    await Promise.all([this.#watch.end(), this.#senderships.crash(), ...this.#shards.map((shard) => shard.close())]);
  }
}

/** Pairs of a lane's name and what is ready in it. */
function changesOf(counts: readonly (string | number)[]): ReadyChange[] {
  const changes: ReadyChange[] = [];
  for (let at = 0; at < counts.length; at += 2) {
    const { destination, route, source } = laneParts(counts[at] as string);
    changes.push([placeName(destination, route as Route), source, counts[at + 1] as number]);
  }
  return changes;
}
