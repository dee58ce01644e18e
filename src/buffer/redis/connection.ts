/**
 * One connection to Redis that is there again by itself: after a restart, a failover, or a line that died without a word.
 *
 *   away ──connected to a primary──▶ up ──closed, silent past a deadline, or told that it is one no more──▶ away
 *
 * From away it is tried again at once, then ever later, at most half a second. An address may lead to another server each time: a failover.
 *
 * Every call has a deadline of its own, and fails at once while Redis is away: nothing is queued here. Node-redis would wait for ever
 * on a line that died silently: its time-out of the socket starts anew with each write, its time-out of commands covers only what is not
 * yet written. So the watch is ours: whoever misses a deadline while nothing at all was heard for `silentMs` ends the connection.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RedisClient } from 'redis';
import type { Clock } from '../../clock.ts';
import {
  connectingTrouble,
  isElsewhere,
  NeverAskedError,
  NotAdmittedError,
  replyWord,
  StoreUnavailableError,
  troubleOf,
} from './trouble.ts';

/** One attempt: connecting, and the first words. With `backoffMaxMs` the relay is back within 3 s of Redis (issue 6). */
const attemptMs = 1_500;
const connectMs = 1_000;
const backoffMs = 50;
const backoffMaxMs = 500;
const silentMs = 1_000;
/** Calls without an answer; a relay's stages ask far less at once. */
const inFlightMax = 10_000;

export type ConnectionOptions = {
  readonly url: string;
  readonly clock: Clock;
  /** Shown in CLIENT LIST. */
  readonly name: string;
  /** Before it counts as connected; `again`: it was before. */
  readonly greet?: ((ask: Ask, again: boolean) => Promise<void>) | undefined;
};
export type Ask = (command: readonly Argument[]) => Promise<Reply>;
export type Argument = string | Buffer;
export type CallOptions = {
  readonly deadlineMs: number;
  /** Text comes as bytes. */
  readonly bytes?: boolean;
};
/** What a script answers: text (or bytes), integers, nothing, or lists of these. */
export type Reply = string | Buffer | number | null | readonly Reply[];

type MakeClient = ReturnType<typeof RedisClient.factory>;
type Client = ReturnType<MakeClient>;

let library: ReturnType<typeof load> | undefined;

/** Only a relay that uses Redis loads it: 700 modules, a tenth of a relay's start. */
async function load() {
  const { RedisClient, RESP_TYPES } = await import('redis');
  // Its own `createClient` makes a class of all commands for whoever did not ask last, 31 ms of the loop for each attempt to connect.
  const makeClient: MakeClient = RedisClient.factory();
  return { makeClient, asBytes: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } } };
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #closing = new AbortController();
  readonly #stayed: Promise<void>;
  readonly #first = Promise.withResolvers<void>();
  #client: Client | null = null;
  #asBytes: Parameters<Client['sendCommand']>[1] = {};
  #end: (reason: Error) => void = () => {};
  #heardAt = 0;
  /** How often it came up. */
  #times = 0;
  /** This time it did what was asked. */
  #served = false;
  #inFlight = 0;
  /** Where a cluster says that the shard is. */
  #moved: string | null = null;
  #why: Error = new Error('not connected yet');

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#first.promise.catch(() => {});
    this.#stayed = this.#stay();
  }

  /** Rejects when the very first attempt fails; it goes on trying nevertheless. */
  get first(): Promise<void> {
    return this.#first.promise;
  }

  get up(): boolean {
    return this.#client !== null;
  }

  /** Another number: another connection, and perhaps another server. */
  get times(): number {
    return this.#times;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  async call(command: readonly Argument[], { deadlineMs, bytes = false }: CallOptions): Promise<Reply> {
    const client = this.#client;
    if (!client) throw this.#away();
    if (this.#inFlight >= inFlightMax) throw new NeverAskedError('Too many questions wait for Redis');
    const over = new AbortController();
    this.#inFlight += 1;
    try {
      const answer = client.sendCommand<Reply>(command, bytes ? this.#asBytes : {});
      const late = this.#options.clock.wait(deadlineMs, over.signal).then(async (): Promise<never> => {
        // When it was this process that had no time, the answer lies in the socket: it is read first.
        await nextTurn();
        if (!over.signal.aborted) this.#suspect(client);
        throw new StoreUnavailableError(`Redis did not answer within ${deadlineMs} ms`);
      });
      // Whichever loses the race may end later, when nobody listens any more; a late answer is a sign of life, too.
      late.catch(() => {});
      answer.then(
        () => this.#heard(client, true),
        () => {},
      );
      return await Promise.race([answer, late]);
    } catch (error) {
      throw this.#understood(error as Error, client);
    } finally {
      over.abort();
      this.#inFlight -= 1;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#end(new Error('closed'));
    await this.#stayed;
  }

  async #stay(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    let failures = 0;
    while (!signal.aborted) {
      const ended = Promise.withResolvers<Error>();
      this.#end = (reason) => {
        if (this.#client) this.#why = reason;
        ended.resolve(reason);
      };
      const client = await this.#makeClient(this.#end);
      this.#served = false;
      try {
        await this.#attempt(client, ended.promise);
        this.#client = client;
        this.#times += 1;
        this.#heardAt = clock.monotonic();
        this.#first.resolve();
        await ended.promise;
      } catch (error) {
        this.#why = connectingTrouble(error as Error);
        this.#moved = replyWord(error) === 'MOVED' ? movedTo(this.#options.url, this.#why.message) : null;
        this.#first.reject(error);
      } finally {
        this.#client = null;
        destroy(client);
      }
      failures = this.#served ? 0 : failures + 1;
      const longest = Math.min(backoffMaxMs, backoffMs * 2 ** Math.min(failures, 10));
      await clock.wait(longest * (0.5 + clock.random() / 2), signal);
    }
  }

  async #makeClient(ended: (reason: Error) => void): Promise<Client> {
    library ??= load();
    const { makeClient, asBytes } = await library;
    this.#asBytes = asBytes;
    const { url, name } = this.#options;
    const client = makeClient({
      url: this.#moved ?? url,
      name,
      disableOfflineQueue: true,
      // Reconnecting is ours: theirs waits for the first words of a server that never says them.
      socket: { connectTimeout: connectMs, reconnectStrategy: false },
    });
    client.on('error', ended);
    client.on('end', () => ended(new Error('the connection was closed')));
    return client;
  }

  async #attempt(client: Client, ended: Promise<Error>): Promise<void> {
    const enough = new AbortController();
    const connecting = this.#connect(client);
    connecting.catch(() => {});
    const failing = ended.then((reason): never => {
      throw reason;
    });
    failing.catch(() => {});
    const late = this.#options.clock.wait(attemptMs, enough.signal).then((): never => {
      throw new Error(`no answer to a new connection within ${attemptMs} ms`);
    });
    late.catch(() => {});
    try {
      await Promise.race([connecting, failing, late]);
    } finally {
      enough.abort();
    }
  }

  async #connect(client: Client): Promise<void> {
    await client.connect();
    await takesWrites(client);
    await this.#options.greet?.((command) => client.sendCommand<Reply>(command), this.#times > 0);
  }

  #heard(client: Client, served: boolean): void {
    if (client !== this.#client) return;
    this.#heardAt = this.#options.clock.monotonic();
    this.#served ||= served;
  }

  #suspect(client: Client): void {
    if (client !== this.#client) return;
    if (this.#options.clock.monotonic() - this.#heardAt >= silentMs) this.#end(new Error('it fell silent'));
  }

  #away(): NeverAskedError {
    const why = this.#why;
    const words = why instanceof NotAdmittedError ? why.message : `Redis is away: ${why.message}`;
    return new NeverAskedError(words, { cause: why });
  }

  #understood(error: Error, client: Client): Error {
    if (error instanceof StoreUnavailableError) return error;
    const current = client === this.#client;
    const elsewhere = isElsewhere(error);
    if (elsewhere && current) {
      this.#moved = replyWord(error) === 'MOVED' ? movedTo(this.#options.url, error.message) : null;
      this.#end(error);
    }
    const reply = /^[A-Z]+ /.test(error.message);
    if (reply) {
      this.#heard(client, !elsewhere);
      return troubleOf(error);
    }
    // Node-redis' own words say only that it was told to hang up.
    return new StoreUnavailableError(`Redis went away: ${current ? error.message : this.#why.message}`, {
      cause: error,
    });
  }
}

/**
 * A replica refuses what it is given or, where it may be written to, forgets it with the next copy of its primary: what is kept there is not
 * kept. In a cluster each node says with every answer where a key is.
 */
async function takesWrites(client: Client): Promise<void> {
  const { mode, role } = (await client.sendCommand(['HELLO'])) as unknown as { mode?: unknown; role?: unknown };
  if (String(mode) === 'sentinel') throw new NotAdmittedError('REDIS_URL leads to a Sentinel, not to Redis itself');
  if (String(role) === 'replica' && String(mode) !== 'cluster') throw new Error('it is a replica, which keeps nothing');
}

function destroy(client: Client): void {
  try {
    client.destroy();
  } catch {
    // It was closed already.
  }
}

/** `MOVED 3999 10.0.0.2:6381`: the same user, password and transport at another place; an empty host is the same one. */
function movedTo(url: string, message: string): string | null {
  const address = message.split(' ')[2] ?? '';
  const colon = address.lastIndexOf(':');
  if (colon === -1) return null;
  const moved = new URL(url);
  const host = address.slice(0, colon);
  if (host !== '') moved.hostname = host.includes(':') ? `[${host}]` : host;
  moved.port = address.slice(colon + 1);
  return moved.href;
}
