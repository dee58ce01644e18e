/**
 * The image without a Docker engine: the Dockerfile keeps the rules, and its own COPY and RUN steps, carried out into a
 * folder by scripts/image-steps.mjs, give a tree in which the relay runs as a stranger without a writable file.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageSteps } from '../support/image-steps.ts';

const repository = join(import.meta.dirname, '../..');
const json = (file: string) => JSON.parse(readFileSync(join(repository, file), 'utf8'));

describe('the Dockerfile', () => {
  const { stages, image } = imageSteps();
  const { described } = image;

  it('starts from a pinned tag of the Node that the tests run on, in every stage', () => {
    for (const { from } of stages) expect(from).toBe(`node:${json('package.json').devDependencies.node}-trixie-slim`);
  });

  it('ends as a user that is a number and not root', () => {
    expect(described.USER).toMatch(/^[1-9]\d{3,}:[1-9]\d{3,}$/);
  });

  it('starts the relay directly, without a shell in between', () => {
    expect(described.ENTRYPOINT).toEqual(['node', '/app/src/main.ts']);
    expect(described.CMD).toEqual(['serve']);
    expect(described.STOPSIGNAL).toBe('SIGTERM');
  });

  it("asks for health with the relay's own command", () => {
    expect(described.HEALTHCHECK?.command).toEqual(['node', '/app/src/main.ts', 'health']);
  });

  it('has one volume, and the settings point into the image', () => {
    expect(described.VOLUME).toEqual(['/data']);
    expect(image.env).toMatchObject({ RELAY_DATA_DIR: '/data', RELAY_MAPPINGS_DIR: '/mappings' });
  });

  it('says what it is', () => {
    expect(Object.keys(image.labels)).toContain('org.opencontainers.image.title');
    expect(image.labels['org.opencontainers.image.licenses']).toBe(json('package.json').license);
  });

  it('installs exactly what the lock file says, in a stage that stays behind', () => {
    expect(stages.at(0)?.steps).toContainEqual(expect.stringMatching(/^RUN npm ci --omit=dev/));
    expect(image.steps.filter((step) => /npm|apt|curl/.test(step))).toEqual([]);
  });

  it('copies no folder whole into the image, so that nothing lands there by accident', () => {
    const copies = stages.flatMap(({ steps }) => steps.filter((step) => step.startsWith('COPY')));
    for (const copy of copies) expect(copy).not.toMatch(/COPY( --\S+)* \.\/? /);
  });
});

describe('the tree that the Dockerfile gives', () => {
  let folder = '';
  let root = '';

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'trackrelay-image-'));
    // The relay is started as somebody else, who has to be able to get in.
    chmodSync(folder, 0o755);
    root = imageSteps(folder).image.root ?? '';
  }, 120_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** As the image starts it: an empty environment but for what the image sets, its paths seen from here, and nobody's user. */
  const asInTheImage = (env: Record<string, string> = {}) => ({
    cwd: join(root, 'app'),
    env: {
      NODE_ENV: 'production',
      RELAY_DATA_DIR: join(root, 'data'),
      RELAY_MAPPINGS_DIR: join(root, 'mappings'),
      ...env,
    },
    ...(process.getuid?.() === 0 ? { uid: 10_001, gid: 10_001 } : {}),
  });
  const main = () => join(root, 'app/src/main.ts');
  const ask = (words: string[], env: Record<string, string> = {}) =>
    spawnSync(process.execPath, [main(), ...words], { ...asInTheImage(env), encoding: 'utf8', timeout: 20_000 });

  it('answers --version', () => {
    const { status, stdout, stderr } = ask(['--version']);
    expect({ status, stdout: stdout.trim() }, stderr).toEqual({ status: 0, stdout: json('package.json').version });
  });

  it('holds every package that a command needs', () => {
    const commands = readdirSync(join(root, 'app/src/cli')).map((file) => join(root, 'app/src/cli', file));
    const script = `for (const file of ${JSON.stringify(commands)}) await import(file);`;
    const loaded = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(loaded.status, loaded.stderr).toBe(0);
  });

  it('serves as an unprivileged user, answers its own health check, and ends on SIGTERM', async () => {
    const env = { RELAY_HOST: '127.0.0.1', RELAY_PORT: '0', RELAY_ADMIN_PORT: '0', RELAY_ADMIN_TOKEN: 'test' };
    const relay = spawn(process.execPath, [main(), 'serve'], asInTheImage(env));
    const ended = once(relay, 'exit', { signal: AbortSignal.timeout(25_000) });
    try {
      const admin = await addressIn(relay.stdout);
      const health = ask(['health'], { ...env, RELAY_ADMIN_PORT: admin.port });
      expect(health.status, health.stderr).toBe(0);
      relay.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
    } finally {
      relay.kill('SIGKILL');
      await ended.catch(() => undefined);
    }
  });

  it('leaves development packages, tests and secrets outside', () => {
    const outside = [
      'app/node_modules/vitest',
      'app/node_modules/node',
      'app/test',
      'app/.env',
      'app/.git',
      'app/data',
    ];
    expect(outside.filter((path) => existsSync(join(root, path)))).toEqual([]);
  });

  it('carries the sample mappings', () => {
    expect(existsSync(join(root, 'mappings/stripe/mapping.jsonata'))).toBe(true);
  });
});

/** The private listener's address, from the line that says the relay is up. Ends when the relay does. */
async function addressIn(lines: Readable): Promise<URL> {
  let seen = '';
  for await (const line of createInterface({ input: lines })) {
    seen += `${line}\n`;
    if (line.includes('"relay.started"')) {
      lines.resume();
      return new URL((JSON.parse(line) as { admin: string }).admin);
    }
  }
  throw new Error(`the relay did not start:\n${seen}`);
}
