/** Keepers on a real Redis, as many as a test wants, all crashed at its end. */
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { openRedisBuffer, type RedisBuffer, type RedisBufferOptions } from '../../src/buffer/redis/keeper.ts';
import { systemClock } from '../../src/clock.ts';
import type { LeasedEvent } from '../../src/model.ts';
import { mapped, webhook } from './buffer-fixtures.ts';
import { RedisServer } from './redis-server.ts';

export const everything = { after: 0, limit: 1_000, bytesMax: 10_000_000 };

export class RedisKeepers {
  readonly #server: RedisServer;
  readonly #open: RedisBuffer[] = [];

  constructor(server: RedisServer) {
    this.#server = server;
  }

  async open(options: Partial<RedisBufferOptions> = {}): Promise<RedisBuffer> {
    const keeper = await openRedisBuffer({
      ...{ url: this.#server.url, shards: 1, durability: 'strict', bytesMax: 64 * 1024 * 1024 },
      // What is asked here is not how fast a machine is that others use, too.
      ...{ keepDeliveriesMs: 1_000_000_000, clock: systemClock, acceptMs: 5_000, ...options },
    });
    this.#open.push(keeper);
    return keeper;
  }

  async crashAll(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((keeper) => keeper.crash()));
  }
}

export type EmptiedRedis = {
  readonly server: RedisServer;
  /** The server's clock for keepers of `openAtTime`; at the start of each test it is the same. */
  time: number;
  open(options?: Partial<RedisBufferOptions>): Promise<RedisBuffer>;
  openAtTime(options?: Partial<RedisBufferOptions>): Promise<RedisBuffer>;
  crashAll(): Promise<void>;
};

/** For the tests of one file or `describe`: a server that is empty before each, and keepers on it that are gone after each. */
export function emptiedRedis(): EmptiedRedis {
  let server: RedisServer;
  let keepers: RedisKeepers;
  const redis: EmptiedRedis = {
    get server() {
      return server;
    },
    time: 0,
    open: (options) => keepers.open(options),
    openAtTime: (options) => keepers.open({ serverTime: () => redis.time, ...options }),
    crashAll: () => keepers.crashAll(),
  };
  beforeAll(async () => {
    server = await RedisServer.start();
    keepers = new RedisKeepers(server);
  });
  afterAll(() => server.remove());
  beforeEach(async () => {
    await server.ask('FLUSHALL');
    redis.time = 1_000_000;
  });
  afterEach(() => keepers.crashAll());
  return redis;
}

export const accept = (keeper: RedisBuffer, parts = {}) => keeper.accept(webhook(systemClock, parts));

/** Maps all there is, into so many events each. */
export async function mapAll(keeper: RedisBuffer, events = 1, parts = {}): Promise<void> {
  const deliveries = await keeper.nextDeliveries(everything);
  await keeper.commitMapped(deliveries.map((delivery) => mapped(delivery, events, parts)));
}

export const lease = (keeper: RedisBuffer, parts = {}) =>
  keeper.lease({
    ...{ destination: 'mixpanel', turns: [{ source: 'shop', eventsMax: 1_000 }], bytesMax: 1_000_000 },
    ...{ leaseMs: 60_000, ...parts },
  });
export const positionsOf = (events: readonly LeasedEvent[]) => events.map(({ position }) => position);
export const deliver = (keeper: RedisBuffer, events: readonly LeasedEvent[]) =>
  keeper.settle(positionsOf(events).map((position) => ({ position, state: 'delivered' })));
