/** compose.yaml and .env.example name settings: only such as exist, with the defaults that the table has. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readSettings } from '../../src/config/settings.ts';
import { type SettingName, settingNames, settingRow } from '../../src/config/settings-table.ts';
import { imageSteps } from '../support/image-steps.ts';

type Service = {
  readonly init?: boolean;
  readonly read_only?: boolean;
  readonly tmpfs?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
  readonly profiles?: readonly string[];
  readonly ports: readonly string[];
  readonly environment: Record<string, string>;
  readonly secrets?: readonly string[];
  readonly volumes: readonly string[];
  readonly privileged?: boolean;
  readonly user?: string;
};

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** The variables that the sample sources name. */
const samples = readdirSync(join(root, 'mappings')).filter((name) => /^[a-z]/.test(name));
const sourceSecrets = samples.flatMap((source) =>
  [...read(`mappings/${source}/source.yaml`).matchAll(/^[a-z_]+: \$\{(\w+)\}/gm)].map(([, name]) => name as string),
);
const secretSettings = settingNames.filter((name) => settingRow(name).secret);
const known = new Set([
  ...settingNames,
  ...sourceSecrets,
  ...[...secretSettings, ...sourceSecrets].map((name) => `${name}_FILE`),
]);

describe('compose.yaml', () => {
  const compose = parse(read('compose.yaml'), { merge: true });
  const services = Object.entries(compose.services as Record<string, Service>);

  it.each(services)('gives %s only settings that exist', (_, { environment }) => {
    expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([]);
  });

  it.each(services)('gives %s settings that the relay starts with', (_, { environment }) => {
    const values = Object.entries(environment).map(([name, value]) =>
      // Secrets are mounted only by Docker; what matters here is that one is given.
      name.endsWith('_FILE') ? [name.slice(0, -'_FILE'.length), 'given'] : [name, String(value)],
    );
    expect(() => readSettings(Object.fromEntries(values))).not.toThrow();
  });

  it.each(services)('hardens %s', (_, service) => {
    expect(service).toMatchObject({
      init: true,
      read_only: true,
      tmpfs: ['/tmp'],
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      stop_grace_period: '30s',
    });
    expect(service.privileged).toBeUndefined();
    expect(service.user).toBeUndefined();
  });

  it.each(services)('publishes the private port of %s on this machine only, and wants a token', (_, service) => {
    const privatePorts = service.ports.filter((port) => port.endsWith(':8081'));
    expect(privatePorts).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+:8081$/)]);
    expect(service.environment.RELAY_ADMIN_TOKEN_FILE ?? service.environment.RELAY_ADMIN_TOKEN).toBeTruthy();
  });

  it.each(services)("gives %s the image's one volume and the mappings read-only", (_, { volumes }) => {
    const { described, env } = imageSteps().image;
    const [data] = described.VOLUME as string[];
    expect(volumes).toEqual([
      expect.stringMatching(new RegExp(`^[a-z-]+:${data}$`)),
      `./mappings:${env.RELAY_MAPPINGS_DIR}:ro`,
    ]);
  });

  it('declares every secret and volume that a service takes', () => {
    for (const [, { secrets = [], environment, volumes }] of services) {
      for (const secret of secrets) expect(Object.keys(compose.secrets)).toContain(secret);
      const mounted = Object.values(environment).filter((value) => String(value).startsWith('/run/secrets/'));
      expect(mounted.map((path) => path.slice('/run/secrets/'.length)).sort()).toEqual([...secrets].sort());
      const named = volumes.map((volume) => volume.split(':')[0] as string).filter((name) => !name.startsWith('.'));
      for (const name of named) expect(Object.keys(compose.volumes)).toContain(name);
    }
  });

  it('has a demo that needs no token and starts only when it is asked for', () => {
    const { demo } = compose.services as Record<string, Service>;
    expect(demo?.profiles).toEqual(['demo']);
    expect(Object.keys(demo?.environment ?? {}).filter((name) => name.startsWith('MIXPANEL_TOKEN'))).toEqual([]);
    expect(demo?.secrets).toBeUndefined();
  });
});

describe('.env.example', () => {
  const lines = [...read('.env.example').matchAll(/^(#?)([A-Z][A-Z0-9_]*)=(.*)$/gm)];
  const given = new Map(lines.map(([, , name, value]) => [name as string, value as string]));

  it('has every setting once, and the secrets of the sample sources', () => {
    expect(lines.map(([, , name]) => name).sort()).toEqual([...settingNames, ...sourceSecrets].sort());
  });

  it.each(settingNames.map((name) => [name]))('shows the default of %s', (name: SettingName) => {
    expect(given.get(name)).toBe(settingRow(name).default ?? '');
  });

  it('changes nothing until a line is uncommented', () => {
    expect(lines.filter(([, hash]) => hash !== '#')).toEqual([]);
  });
});
