/** Two real Redis servers, one the replica of the other, behind one address that leads to either. */
import { Line } from './line.ts';
import { until } from './program.ts';
import { RedisServer } from './redis-server.ts';

/** What a test may have changed, and no waiting for more replicas before the first one is sent what there is. */
const usual = {
  ...{ appendonly: 'yes', appendfsync: 'always', 'replica-read-only': 'yes', 'min-replicas-to-write': '0' },
  'repl-diskless-sync-delay': '0',
};

export class RedisPair {
  readonly line: Line;
  readonly #servers: readonly [RedisServer, RedisServer];
  #first = 0;

  /** `primary`: one that runs already. */
  static async start(primary?: RedisServer): Promise<RedisPair> {
    const servers = await Promise.all([primary ?? RedisServer.start(), RedisServer.start()]);
    for (const server of servers) await server.ask('CONFIG', 'SET', ...Object.entries(usual).flat());
    return new RedisPair(servers, await Line.to(servers[0].port));
  }

  private constructor(servers: readonly [RedisServer, RedisServer], line: Line) {
    this.#servers = servers;
    this.line = line;
  }

  get primary(): RedisServer {
    return this.#servers[this.#first] as RedisServer;
  }

  get replica(): RedisServer {
    return this.#servers[1 - this.#first] as RedisServer;
  }

  /** Both run and are empty, one follows the other, and the address leads to that one. */
  async renew(): Promise<void> {
    for (const server of this.#servers) {
      if (server.pid === 0) await server.startAgain();
      await server.ask('CONFIG', 'SET', ...Object.entries(usual).flat());
      await server.ask('REPLICAOF', 'NO', 'ONE');
    }
    await this.primary.ask('FLUSHALL');
    await this.follow();
    this.line.leadTo(this.primary.port);
  }

  /** The replica is one, and has what the primary has. */
  async follow(): Promise<void> {
    await this.replica.ask('REPLICAOF', '127.0.0.1', String(this.primary.port));
    await this.caughtUp();
  }

  async caughtUp(): Promise<void> {
    const same = async () => {
      const [said, heard] = await Promise.all(
        [this.primary, this.replica].map((server) => server.ask('INFO', 'replication')),
      );
      const linked = heard?.includes('master_link_status:up') && heard.includes('role:slave');
      return linked === true && offsetIn(said, 'master_repl_offset') === offsetIn(heard, 'slave_repl_offset');
    };
    await until(same, 'the replica to have caught up', 10_000);
  }

  /** The replica is the primary from now on. What becomes of the old one, and where the address leads, is the caller's. */
  async promote(): Promise<void> {
    await this.replica.ask('REPLICAOF', 'NO', 'ONE');
    this.#first = 1 - this.#first;
  }

  /** As an operator does it: Redis lets the two change their places when the replica has everything. */
  async changePlaces(): Promise<void> {
    await this.primary.ask('FAILOVER');
    const changed = async () => (await this.replica.ask('INFO', 'replication')).includes('role:master');
    await until(changed, 'the replica to take the place', 10_000);
    this.#first = 1 - this.#first;
  }

  async remove(): Promise<void> {
    await this.line.close();
    await Promise.all(this.#servers.map((server) => server.remove()));
  }
}

function offsetIn(text: string | undefined, name: string): string | undefined {
  return new RegExp(`${name}:(\\d+)`).exec(text ?? '')?.[1];
}
