/** compose.yaml against the code: settings that exist, ports and folders of the image, nothing with rights it does not need. */
import { spawn, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { readSettings } from '../../src/config/settings.ts';
import { settingRow } from '../../src/config/settings-table.ts';
import { type ComposeService, composeFile, knownVariables, settingsGiven } from '../support/deploy-files.ts';
import { imageSteps } from '../support/image-steps.ts';
import { freePort, nginxConfig } from '../support/nginx.ts';
import { temporaryFolder, until } from '../support/program.ts';

const compose = composeFile();
const { described, env: imageEnv } = imageSteps().image;
const all = Object.entries(compose.services);
const relays = all.filter(([, { build }]) => build !== undefined);
/** Those that keep what they accept on a volume of their own. */
const alone = relays.filter(([, { environment }]) => environment?.REDIS_URL === undefined);
const service = (name: string) => compose.services[name] as ComposeService;
const portOf = (name: 'RELAY_PORT' | 'RELAY_ADMIN_PORT') => settingRow(name).default as string;
const targetOf = (path: string) => path.split(':')[path.startsWith('/') ? 0 : 1];

describe('every service of compose.yaml', () => {
  it.each(all)('gives %s no right it can do without', (_, it_) => {
    expect(it_).toMatchObject({
      init: true,
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      stop_grace_period: '30s',
    });
    expect(it_.tmpfs?.[0]).toMatch(/^\/tmp(:|$)/);
    expect(it_.privileged).toBeUndefined();
  });

  it.each(all)('runs %s as a user that is a number and not root', (_, { user }) => {
    expect(user ?? described.USER).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  it.each(all.filter(([, { build }]) => build === undefined))('names the version of %s', (_, { image }) => {
    expect(image).toMatch(/^[a-z]+:\d+\.\d+-alpine$/);
  });

  it('declares every secret, volume and network that a service takes', () => {
    for (const [, { secrets = [], environment = {}, volumes = [], networks = [] }] of all) {
      for (const secret of secrets) expect(Object.keys(compose.secrets)).toContain(secret);
      const mounted = Object.values(environment).filter((value) => String(value).startsWith('/run/secrets/'));
      expect(mounted.map((path) => path.slice('/run/secrets/'.length)).sort()).toEqual([...secrets].sort());
      const named = volumes.map((volume) => volume.split(':')[0] as string).filter((name) => !name.startsWith('.'));
      for (const name of named) expect(Object.keys(compose.volumes)).toContain(name);
      for (const name of networks) expect(Object.keys(compose.networks ?? {})).toContain(name);
    }
  });

  it('starts only the single relay when nothing is named', () => {
    expect(all.filter(([, { profiles }]) => profiles === undefined).map(([name]) => name)).toEqual(['relay']);
  });
});

describe('every relay of compose.yaml', () => {
  it.each(relays)('%s has only settings that exist', (_, { environment = {} }) => {
    expect(Object.keys(environment).filter((name) => !knownVariables.has(name))).toEqual([]);
  });

  it.each(relays)('%s has settings that the relay starts with', (_, { environment = {} }) => {
    expect(() => readSettings(settingsGiven(environment))).not.toThrow();
  });

  it.each(relays)('%s runs as the user of the image', (_, { user }) => {
    expect(user).toBeUndefined();
  });

  it.each(relays)('%s wants a token, where its private port can be reached', (_, { environment = {} }) => {
    expect(environment.RELAY_ADMIN_HOST).toBe('0.0.0.0');
    expect(environment.RELAY_ADMIN_TOKEN_FILE ?? environment.RELAY_ADMIN_TOKEN).toBeTruthy();
  });

  it.each(relays)("%s has a place to write for the image's data folder, and the mappings read-only", (_, it_) => {
    const [data] = described.VOLUME as string[];
    expect(imageEnv.RELAY_DATA_DIR).toBe(data);
    const writable = (it_.volumes ?? []).filter((volume) => !volume.endsWith(':ro'));
    const places = [...writable, ...(it_.tmpfs ?? [])].map(targetOf);
    expect(places.sort()).toEqual([data, '/tmp'].sort());
    expect(it_.volumes).toContain(`./mappings:${imageEnv.RELAY_MAPPINGS_DIR}:ro`);
  });

  it.each(alone)('%s publishes its private port on this machine only', (_, { ports = [] }) => {
    const privatePorts = ports.filter((port) => port.endsWith(`:${portOf('RELAY_ADMIN_PORT')}`));
    expect(privatePorts).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+:\d+$/)]);
    expect(ports.filter((port) => port.endsWith(`:${portOf('RELAY_PORT')}`))).toHaveLength(1);
  });

  it.each(alone)('%s keeps what it accepts on a volume of its own', (_, { volumes = [] }) => {
    const [name] = volumes.filter((volume) => !volume.startsWith('.'));
    const others = all.flatMap(([, { volumes: theirs = [] }]) => theirs.filter((volume) => volume === name));
    expect(others).toEqual([name]);
  });
});

describe('the demo', () => {
  it('needs no token and starts only when it is asked for', () => {
    const { profiles, environment, secrets } = service('demo');
    expect(profiles).toEqual(['demo']);
    expect(Object.keys(environment ?? {}).filter((name) => name.startsWith('MIXPANEL_TOKEN'))).toEqual([]);
    expect(secrets).toBeUndefined();
  });
});

describe('the profile redis', () => {
  const members = all.filter(([, { profiles }]) => profiles?.includes('redis'));

  it('has two relays or more, nginx and Redis', () => {
    expect(members.map(([name]) => name).sort()).toEqual(['front', 'redis', 'relays']);
    expect(service('relays').deploy?.replicas).toBeGreaterThanOrEqual(2);
  });

  it('publishes nothing but the webhooks, through nginx', () => {
    const published = members.flatMap(([name, { ports = [] }]) => ports.map((port) => `${name} ${port}`));
    expect(published).toEqual([`front 8080:${/listen (\d+)/.exec(nginxConfig)?.[1]}`]);
  });

  it('lets only the relays reach Redis', () => {
    expect(compose.networks?.store).toEqual({ internal: true });
    const near = all.filter(([, { networks }]) => networks?.includes('store')).map(([name]) => name);
    expect(near.sort()).toEqual(['redis', 'relays']);
    expect(service('redis').networks).toEqual(['store']);
  });

  it('shares one Redis by the name it has there', () => {
    const url = new URL(service('relays').environment?.REDIS_URL as string);
    expect({ host: url.hostname, port: url.port }).toEqual({ host: 'redis', port: '6379' });
  });

  it('has nginx ask the relays by their name, at their public port', () => {
    const servers = [...nginxConfig.matchAll(/^ +server (\S+) /gm)].map(([, address]) => address);
    expect(servers).toEqual(Array.from({ length: 2 }, () => `relays:${portOf('RELAY_PORT')}`));
  });

  it('mounts the configuration where nginx reads it', () => {
    expect(service('front').volumes).toEqual(['./deploy/nginx/nginx.conf:/etc/nginx/nginx.conf:ro']);
  });
});

describe('Redis of the profile', () => {
  const { command = [], volumes, healthcheck } = service('redis');
  const flags = new Map(command.slice(1).flatMap((word, at, words) => (at % 2 ? [] : [[word, words[at + 1]]])));

  it('logs every write before it answers, forgets nothing, and keeps the log on a volume', () => {
    expect(command[0]).toBe('redis-server');
    expect(Object.fromEntries(flags)).toMatchObject({
      '--appendonly': 'yes',
      '--appendfsync': 'always',
      '--maxmemory-policy': 'noeviction',
    });
    expect(volumes).toEqual(['redis-data:/data']);
  });

  it('is one that the real server takes these words for', async () => {
    using folder = temporaryFolder('compose-redis');
    const port = await freePort();
    const child = spawn('redis-server', [...command.slice(1), '--port', `${port}`, '--dir', folder.path]);
    const ended = new Promise((done) => child.once('close', done));
    try {
      const ask = (...words: string[]) =>
        spawnSync('redis-cli', ['-p', `${port}`, ...words], { encoding: 'utf8', timeout: 5_000 }).stdout;
      await until(() => ask('ping').includes('PONG'), 'Redis to answer', 10_000);
      const setting = (name: string) => ask('config', 'get', name).trim().split('\n')[1] ?? '';
      expect([setting('appendonly'), setting('appendfsync'), setting('save')]).toEqual(['yes', 'always', '']);
      expect([setting('maxmemory-policy'), setting('maxmemory')]).toEqual(['noeviction', String(2 * 1024 ** 3)]);
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
  });

  it('has room for more than the bound of the relays, so that theirs comes first', () => {
    const gigabytes = /^(\d+)gb$/.exec(flags.get('--maxmemory') ?? '')?.[1];
    expect(Number(gigabytes) * 1024 ** 3).toBeGreaterThan(Number(settingRow('RELAY_BUFFER_MAX_BYTES').default));
  });

  it('is waited for until it has read its log', () => {
    expect(healthcheck?.test.join(' ')).toContain('ping');
    expect(service('relays').depends_on?.redis?.condition).toBe('service_healthy');
  });
});
