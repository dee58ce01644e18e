/**
 * A real redis-server for tests: of its own, on a free port of the loopback, in a folder of its own, set as the relay demands. It can be stopped,
 * killed, frozen and started again on what it left.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** As the relay demands (start-checks.ts); `save ''`: the append-only file alone is what survives. */
const demanded = { appendonly: 'yes', appendfsync: 'always', 'maxmemory-policy': 'noeviction', save: '' };
const startMs = 15_000;

export type RedisSettings = Readonly<Record<string, string>>;

export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  #settings: RedisSettings;
  #child: ChildProcess | null = null;

  constructor(port: number, folder: string, settings: RedisSettings) {
    this.port = port;
    this.#folder = folder;
    this.#settings = settings;
  }

  /** `settings`: in the place of what the relay demands. `below`: where it keeps what it is told. */
  static async start(settings: RedisSettings = {}, below = tmpdir()): Promise<RedisServer> {
    const folder = await mkdtemp(join(below, 'redis-'));
    const server = new RedisServer(await freePort(), folder, { ...demanded, ...settings });
    await server.startAgain();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** On what it left; resolves when it answers. */
  async startAgain(settings: RedisSettings = {}): Promise<void> {
    this.#settings = { ...this.#settings, ...settings };
    const set = Object.entries(this.#settings).flatMap(([name, value]) => [`--${name}`, value]);
    const place = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder];
    const child = spawn('redis-server', [...place, '--daemonize', 'no', '--loglevel', 'warning', ...set], {
      stdio: 'ignore',
    });
    this.#child = child;
    const until = Date.now() + startMs;
    while (!(await this.#answers())) {
      if (child.exitCode !== null || Date.now() > until) throw new Error('redis-server did not start');
      await pause(10);
    }
  }

  /** In order, as an operator stops it. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  /** As the kernel kills it: nothing is written any more. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** It holds its connections and says nothing. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  /** One command, as text; answers the raw reply. */
  async ask(...words: readonly string[]): Promise<string> {
    const socket = connect(this.port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`);
      const [reply] = (await once(socket, 'data')) as [Buffer];
      return reply.toString();
    } finally {
      socket.destroy();
    }
  }

  /** Ends it and removes what it kept. */
  async remove(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    try {
      return (await this.ask('PING')).startsWith('+PONG');
    } catch {
      return false;
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    // One that is frozen hears nothing else.
    child.kill('SIGCONT');
    await ended;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
