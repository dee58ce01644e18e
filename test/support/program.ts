/**
 * The real program as a child process, as a user runs it: `node src/main.ts …` with an environment that holds nothing
 * by accident. For journeys and the tests of the command line.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');

export type Environment = Readonly<Record<string, string>>;
export type Ended = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
};

/** Output kept of a child; what comes after is dropped. */
const KEPT_MAX = 20_000_000;

/** Compiling the same files again for each of many hundred children and threads would take a third of all tests' processor time. */
export const compiled = join(root, 'node_modules/.cache/compiled');

function start(args: readonly string[], env: Environment) {
  const child = spawn(process.execPath, [join(root, 'src/main.ts'), ...args], {
    cwd: env.PWD ?? root,
    env: { PATH: '/usr/bin:/bin', NODE_COMPILE_CACHE: compiled, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A test that is given up must not leave its relay behind.
  const leave = () => child.kill('SIGKILL');
  process.once('exit', leave);
  child.once('close', () => process.off('exit', leave));
  const seen = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (seen.out.length < KEPT_MAX) seen.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (seen.err.length < KEPT_MAX) seen.err += text;
  });
  const ended = new Promise<Ended>((done) => {
    child.on('close', (code, signal) => done({ code, signal, ...seen }));
  });
  return { child, seen, ended };
}

/** Runs a command to its end. */
export function run(args: readonly string[], env: Environment = {}, input = ''): Promise<Ended> {
  const { child, ended } = start(args, env);
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return ended;
}

export type RunningRelay = AsyncDisposable & {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly publicUrl: string;
  readonly adminUrl: string;
  /** Everything printed so far. */
  readonly seen: { readonly out: string; readonly err: string };
  readonly ended: Promise<Ended>;
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
  api<T = Record<string, unknown>>(path: string): Promise<T>;
};

/** Starts `serve` on free ports and waits until it is ready (30 s at most: the machine may be busy). */
export async function serve(env: Environment = {}): Promise<RunningRelay> {
  const { child, seen, ended } = start(['serve'], {
    RELAY_HOST: '127.0.0.1',
    RELAY_PORT: '0',
    RELAY_ADMIN_PORT: '0',
    ...env,
  });
  let over = false;
  void ended.then(() => {
    over = true;
  });
  const started = () => seen.out.split('\n').find((line) => line.includes('"relay.started"'));
  await until(() => over || started() !== undefined, 'the relay to start').catch((error: unknown) => {
    child.kill('SIGKILL');
    throw new Error(`${error}\n${seen.out.slice(-2_000)}\n${seen.err.slice(-2_000)}`);
  });
  const line = started();
  if (line === undefined) throw new Error(`the relay did not start:\n${seen.out}\n${seen.err}`);
  const { public: publicUrl, admin: adminUrl } = JSON.parse(line) as { public: string; admin: string };
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    return ended;
  };
  const api = async <T>(path: string) => (await (await fetch(adminUrl + path)).json()) as T;
  const kill = async () => void (await stop('SIGKILL'));
  return { child, pid: child.pid as number, publicUrl, adminUrl, seen, ended, stop, api, [Symbol.asyncDispose]: kill };
}

/** Looks every 20 ms until it is so; throws after the bound, naming what did not happen. */
export async function until(so: () => boolean | Promise<boolean>, what: string, boundMs = 30_000): Promise<void> {
  const endsAt = performance.now() + boundMs;
  while (!(await so())) {
    if (performance.now() > endsAt) throw new Error(`waited ${boundMs} ms in vain for ${what}`);
    await new Promise((next) => setTimeout(next, 20));
  }
}

/** A folder that goes away with its scope. */
export function temporaryFolder(name: string): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), `trackrelay-${name}-`));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
