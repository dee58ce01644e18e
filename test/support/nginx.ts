/**
 * The real nginx with the repository's own configuration, in a folder of its own. Only what belongs to the place is
 * changed: ports, the relays' addresses, where files lie. A change that no longer fits the file fails the test.
 */
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { root, temporaryFolder, until } from './program.ts';

export const nginxConfig = readFileSync(join(root, 'deploy/nginx/nginx.conf'), 'utf8');

/** Debian keeps it where only root's PATH leads. */
const PROGRAM = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'].find((path) => {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
});
/** `nobody`: in the container, too, it has no rights. */
const NOBODY = 65_534;

export type Front = AsyncDisposable & {
  readonly port: number;
  readonly url: string;
  /** The access log and what nginx itself said. */
  readonly log: () => string;
};

export type FrontOptions = {
  /** Ports of the relays on this machine. */
  readonly relays: readonly number[];
  /** Further changes: what stands in the file, and what takes its place. */
  readonly changes?: readonly (readonly [from: string | RegExp, to: string])[];
};

function placed(text: string, changes: FrontOptions['changes'] = []): string {
  return changes.reduce((before, [from, to]) => {
    const after = before.replaceAll(typeof from === 'string' ? from : new RegExp(from, 'g'), to);
    if (after === before) throw new Error(`${from} is not in deploy/nginx/nginx.conf`);
    return after;
  }, text);
}

/** Resolves when it answers. */
export async function startNginx({ relays, changes = [] }: FrontOptions): Promise<Front> {
  if (PROGRAM === undefined) throw new Error('nginx is not installed: node scripts/prepare.mjs test');
  using cleanup = new DisposableStack();
  const folder = cleanup.use(temporaryFolder('nginx'));
  const port = await freePort();
  const config = placed(nginxConfig, [
    [' /tmp/', ` ${folder.path}/`],
    ['/dev/stdout', join(folder.path, 'access.log')],
    [/listen 8080 default_server/, `listen 127.0.0.1:${port} default_server`],
    // Debian's nginx is older than `resolve`, and here is nobody who knows the name.
    [/server relays:8080 resolve ([^;]+);/, relays.map((relay) => `server 127.0.0.1:${relay} $1;`).join(' ')],
    ...changes,
  ]);
  const file = join(folder.path, 'nginx.conf');
  writeFileSync(file, config);
  const asNobody = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  chmodSync(folder.path, 0o755);
  if (asNobody.uid !== undefined) chownSync(folder.path, NOBODY, NOBODY);

  const words = ['-p', folder.path, '-c', file, '-e', join(folder.path, 'error.log')];
  const judged = spawnSync(PROGRAM, [...words, '-t'], { encoding: 'utf8', timeout: 10_000, ...asNobody });
  if (judged.status !== 0 || /\[(warn|emerg|alert)\]/.test(judged.stderr)) throw new Error(judged.stderr);
  const child = spawn(PROGRAM, words, { stdio: ['ignore', 'ignore', 'pipe'], ...asNobody });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-100_000);
  });
  const ended = new Promise<void>((done) => child.once('close', () => done()));
  // TERM takes the workers along; KILL would leave them behind.
  const leave = () => child.kill('SIGTERM');
  process.once('exit', leave);
  const held = cleanup.move();
  const stop = async () => {
    process.off('exit', leave);
    leave();
    await ended;
    held.dispose();
  };
  const read = (name: string) => {
    try {
      return readFileSync(join(folder.path, name), 'utf8');
    } catch {
      return '';
    }
  };
  const url = `http://127.0.0.1:${port}`;
  const answers = () =>
    fetch(`${url}/livez`).then(
      () => true,
      () => false,
    );
  try {
    await until(answers, 'nginx to answer', 10_000);
  } catch (error) {
    await stop();
    throw new Error(`${error}\n${said}`);
  }
  return { port, url, log: () => read('access.log') + read('error.log') + said, [Symbol.asyncDispose]: stop };
}

/** Taken and given back: nginx does not tell which port it was given. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}
