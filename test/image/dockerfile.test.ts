/**
 * The image without a Docker engine: the Dockerfile keeps the rules, and its own COPY and RUN steps, carried out into a
 * folder by scripts/image-steps.mjs, give a tree in which the relay runs as a stranger without a writable file.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

type Stage = {
  readonly name: string;
  readonly from: string;
  readonly env: Record<string, string>;
  readonly labels: Record<string, string>;
  readonly steps: readonly string[];
  readonly described: {
    readonly USER?: string;
    readonly VOLUME?: unknown;
    readonly STOPSIGNAL?: string;
    readonly HEALTHCHECK?: { readonly options: string; readonly command: unknown };
    readonly ENTRYPOINT?: unknown;
    readonly CMD?: unknown;
  };
  readonly root?: string;
};
type Report = { readonly stages: readonly Stage[]; readonly image: Stage };

const repository = join(import.meta.dirname, '../..');
const json = (file: string) => JSON.parse(readFileSync(join(repository, file), 'utf8'));

function imageSteps(...words: string[]): Report {
  const script = join(repository, 'scripts/image-steps.mjs');
  const ran = spawnSync(process.execPath, [script, ...words], { encoding: 'utf8', timeout: 120_000 });
  if (ran.status !== 0) throw new Error(`image-steps ended with ${ran.status}:\n${ran.stderr}`);
  return JSON.parse(ran.stdout) as Report;
}

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

  const relay = (...words: string[]) => {
    const asRoot = process.getuid?.() === 0;
    return spawnSync(process.execPath, [join(root, 'app/src/main.ts'), ...words], {
      cwd: join(root, 'app'),
      encoding: 'utf8',
      timeout: 20_000,
      // An empty environment but for what the image sets, its paths seen from here.
      env: { NODE_ENV: 'production', RELAY_DATA_DIR: join(root, 'data'), RELAY_MAPPINGS_DIR: join(root, 'mappings') },
      ...(asRoot ? { uid: 10_001, gid: 10_001 } : {}),
    });
  };

  it('answers --version as an unprivileged user with production packages only', () => {
    const { status, stdout, stderr } = relay('--version');
    expect({ status, stdout: stdout.trim(), stderr }).toEqual({
      status: 0,
      stdout: json('package.json').version,
      stderr: '',
    });
  });

  it('holds every command of the relay: none needs a package that was left out', () => {
    const every = relay('--help').stdout.matchAll(/^ {2}([a-z]+)(?: \[| {2})/gm);
    expect([...every].map(([, name]) => name)).toEqual(expect.arrayContaining(['serve', 'check', 'health']));
    const script = `for (const file of ${JSON.stringify(sources(join(root, 'app/src')))}) await import(file);`;
    const loaded = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(loaded.stderr).toBe('');
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

/** The commands' files: what main.ts loads only when a command is called. */
function sources(folder: string): string[] {
  return spawnSync('find', [join(folder, 'cli'), '-name', '*.ts'], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter(Boolean);
}
