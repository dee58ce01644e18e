/**
 * The programs under measure: relay, sandbox, echo, load generator, each a fresh process. All of them end with their
 * scope, and whatever is left ends with the bench.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import type { BloomreachState } from '../../src/destinations/sandbox/bloomreach.ts';
import { benchSecret } from './bench-source.ts';
import type { LoadPlan, LoadResult } from './load.ts';

export const root = resolve(import.meta.dirname, '../..');

/** The relay promises to stop within 10 s. */
const STOP_MAX_MS = 12_000;
const WORDS_MAX = 4_000;

export type Running = AsyncDisposable & {
  readonly pid: number;
  /** Resolves with everything printed; rejects when it did not exit with 0. */
  readonly ended: Promise<string>;
  readonly printed: () => string;
  /** SIGTERM; SIGKILL when that does not end it. */
  stop(): Promise<void>;
};

export type Relay = Running & {
  readonly port: number;
  readonly adminUrl: string;
  /** From spawn to the first 200 of /readyz. */
  readonly readyMs: number;
};

/** What `/health` of the private port says about the bench's source. */
export type SourceCounts = {
  readonly accepted: number;
  readonly delivered: number;
  readonly waiting: number;
  readonly dead: number;
  readonly map_failed: number;
  readonly deliveriesWaiting: number;
};

export type Launching = {
  /** Words before `node`, such as taskset with two cores. */
  readonly before: readonly string[];
  /** Further flags of the relay's Node. */
  readonly relayFlags: readonly string[];
  readonly over: AbortSignal;
};

export class Programs {
  readonly #options: Launching;
  readonly #running = new Set<ChildProcess>();

  constructor(options: Launching) {
    this.#options = options;
  }

  /** At once, for a bench that is ended itself. */
  killAll(): void {
    for (const child of this.#running) child.kill('SIGKILL');
  }

  start(args: readonly string[], env: Readonly<Record<string, string>> = {}, outFile?: string): Running {
    return this.launch(process.execPath, args, env, outFile);
  }

  /** Any program, as `start` starts Node. */
  launch(
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    outFile?: string,
  ): Running {
    this.#options.over.throwIfAborted();
    const [command = program, ...rest] = [...this.#options.before, program, ...args];
    const out = outFile === undefined ? 'pipe' : openSync(outFile, 'w');
    const child = spawn(command, rest, {
      cwd: root,
      env: { PATH: '/usr/bin:/bin', ...env },
      stdio: ['ignore', out, 'pipe'],
    });
    if (typeof out === 'number') closeSync(out);
    this.#running.add(child);
    let printed = '';
    let words = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-WORDS_MAX);
    });
    const ended = new Promise<string>((done, fail) => {
      child.once('error', fail);
      child.once('close', (code, signal) => {
        this.#running.delete(child);
        if (code === 0) done(printed);
        else
          fail(new Error(`${args.join(' ').slice(0, 80)} ended with ${code ?? signal}: ${words || logEnd(outFile)}`));
      });
    });
    ended.catch(() => undefined);
    const stop = () => stopChild(child, ended);
    return { pid: child.pid ?? 0, ended, printed: () => printed, stop, [Symbol.asyncDispose]: stop };
  }

  /** Runs a program of this folder to its end; answers what it printed. */
  async run(file: string, args: readonly string[]): Promise<string> {
    await using running = this.start([join('test/bench', file), ...args]);
    return await running.ended;
  }

  async load(plan: LoadPlan): Promise<LoadResult> {
    return JSON.parse(await this.run('load.ts', [JSON.stringify(plan)])) as LoadResult;
  }

  async echo(): Promise<Running & { readonly port: number }> {
    const port = await freePort();
    const running = this.start(['test/bench/echo.ts', String(port)]);
    await this.until(() => running.printed() !== '', 'the echo to listen', 10_000);
    return { ...running, port };
  }

  async sandbox(keep: 'keys' | 'all' = 'keys'): Promise<Running & { readonly url: string }> {
    const running = this.start(['test/bench/sandbox.ts', '0', keep]);
    await this.until(() => running.printed().endsWith('\n'), 'the sandbox to listen', 10_000);
    return { ...running, url: running.printed().trim() };
  }

  /** `node src/main.ts serve` with default settings but for the places and a buffer that holds a million; `redis`: its REDIS_URL. */
  async relay(at: { folder: string; mappings: string; destination: string; redis?: string }): Promise<Relay> {
    const [port, adminPort] = [await freePort(), await freePort()];
    const startedAt = performance.now();
    const running = this.start(
      [...this.#options.relayFlags, 'src/main.ts', 'serve'],
      {
        RELAY_HOST: '127.0.0.1',
        RELAY_PORT: String(port),
        RELAY_ADMIN_PORT: String(adminPort),
        RELAY_DATA_DIR: join(at.folder, 'data'),
        ...(at.redis === undefined ? null : { REDIS_URL: at.redis }),
        RELAY_MAPPINGS_DIR: at.mappings,
        RELAY_BUFFER_MAX_BYTES: String(16 * 1024 ** 3),
        MIXPANEL_TOKEN: 'bench',
        MIXPANEL_API_URL: at.destination,
        BENCH_SECRET: benchSecret,
      },
      join(at.folder, 'relay.log'),
    );
    let gone = false;
    running.ended
      .catch(() => undefined)
      .finally(() => {
        gone = true;
      });
    const url = `http://127.0.0.1:${port}/readyz`;
    await this.until(async () => gone || (await answers(url)), 'the relay to be ready', 60_000, 5);
    const readyMs = performance.now() - startedAt;
    if (gone) await running.ended;
    return { ...running, port, adminUrl: `http://127.0.0.1:${adminPort}`, readyMs };
  }

  /** Looks again and again; throws after the bound, or when the bench is over. */
  async until(so: () => boolean | Promise<boolean>, what: string, boundMs: number, stepMs = 20): Promise<void> {
    const endsAt = performance.now() + boundMs;
    while (!(await so())) {
      this.#options.over.throwIfAborted();
      if (performance.now() > endsAt) throw new Error(`waited ${boundMs} ms in vain for ${what}`);
      await after(stepMs);
    }
  }

  /** Waits until nothing waits in the relay any more; with `mappedOnly` until everything is mapped. */
  async settled(relay: Relay, boundMs: number, mappedOnly = false): Promise<void> {
    const so = async () => {
      const { deliveriesWaiting, waiting } = await countsOf(relay);
      return deliveriesWaiting === 0 && (mappedOnly || waiting === 0);
    };
    await this.until(so, 'the relay to have nothing waiting', boundMs, 200);
  }
}

export async function countsOf(relay: Relay): Promise<SourceCounts> {
  const answer = await fetch(`${relay.adminUrl}/health`, { signal: AbortSignal.timeout(5_000) });
  const { sources, checks } = (await answer.json()) as {
    sources: { bench: Omit<SourceCounts, 'deliveriesWaiting'> };
    checks: Record<string, { observedValue: number }[]>;
  };
  return { ...sources.bench, deliveriesWaiting: checks['buffer:deliveries_waiting']?.[0]?.observedValue ?? Number.NaN };
}

export type Arrived = { readonly raw: number; readonly distinct: number; readonly dropped: number };

export async function arrivedAt(sandbox: { readonly url: string }): Promise<Arrived> {
  const answer = await fetch(`${sandbox.url}/__state`, { signal: AbortSignal.timeout(5_000) });
  return ((await answer.json()) as { events: Arrived }).events;
}

export type Arrival = { readonly arrivedAt: number; readonly eventTime: number };

/** What arrived at a sandbox that keeps all (100,000 at most): when, and the time that each event has. Then it is empty. */
export async function takeArrivals(sandbox: { readonly url: string }): Promise<readonly Arrival[]> {
  const { raw, dropped } = await arrivedAt(sandbox);
  if (dropped > 0) throw new Error(`the sandbox could not keep ${dropped} events`);
  const within = { signal: AbortSignal.timeout(30_000) };
  const answer = await fetch(`${sandbox.url}/__events?raw=1&limit=${Math.max(1, raw)}`, within);
  const { items } = (await answer.json()) as {
    items: { receivedAt: number; record: { properties: { time: number } } }[];
  };
  await fetch(`${sandbox.url}/__events`, { method: 'DELETE', ...within });
  return items.map(({ receivedAt, record }) => ({ arrivedAt: receivedAt, eventTime: record.properties.time }));
}

/** Requests that were answered, and commands that were taken; `refused`: with 429. */
export type TakenByBloomreach = { readonly requests: number; readonly refused: number; readonly commands: number };

export async function takenByBloomreach(sandbox: { readonly url: string }): Promise<TakenByBloomreach> {
  const answer = await fetch(`${sandbox.url}/__bloomreach`, { signal: AbortSignal.timeout(5_000) });
  const { requests, statuses, commands } = (await answer.json()) as BloomreachState;
  return { requests, refused: statuses['429'] ?? 0, commands: commands.taken };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1_000) })).status === 200;
  } catch {
    return false;
  }
}

async function stopChild(child: ChildProcess, ended: Promise<string>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const patience = new AbortController();
  const late = after(STOP_MAX_MS, 'late', { signal: patience.signal }).catch(() => 'ended');
  const end = ended.then(
    () => 'ended',
    () => 'ended',
  );
  if ((await Promise.race([end, late])) === 'late') child.kill('SIGKILL');
  patience.abort();
  await end;
}

function logEnd(file: string | undefined): string {
  return file === undefined ? 'it said nothing' : readFileSync(file, 'utf8').slice(-1_000);
}

/** Free a moment ago; known before the start, so that readiness can be watched from the first moment on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
