import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeSettings } from '../../src/config/describe.ts';
import { lookupVariable } from '../../src/config/environment.ts';
import { settingNames, settingsHelp, settingsMarkdown } from '../../src/config/settings-table.ts';

const CANARY = 'canary-81c0aa';
const lineOf = (env: Record<string, string>, name: string) => describeSettings(env).find((line) => line.name === name);

it('every setting is listed with its default and where its value came from', () => {
  const lines = describeSettings({ RELAY_PORT: '9000' });
  expect(lines.map((line) => line.name)).toEqual(settingNames);
  expect(lineOf({ RELAY_PORT: '9000' }, 'RELAY_PORT')).toMatchObject({
    value: '9000',
    from: 'environment',
    default: '8080',
  });
  expect(lineOf({}, 'RELAY_PORT')).toMatchObject({ value: '8080', from: 'default' });
});

it('a secret shows only that it is set', () => {
  expect(lineOf({ MIXPANEL_TOKEN: CANARY }, 'MIXPANEL_TOKEN')).toMatchObject({ value: '[set]', secret: true });
  expect(lineOf({}, 'MIXPANEL_TOKEN')).toMatchObject({ value: null });
});

it('no secret stands anywhere in the list, also not in an address or from a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'describe-'));
  try {
    writeFileSync(join(folder, 'token'), CANARY);
    const env = {
      MIXPANEL_TOKEN_FILE: join(folder, 'token'),
      RELAY_ADMIN_TOKEN: CANARY,
      MIXPANEL_API_URL: `https://me:${CANARY}@proxy.example`,
    };
    expect(JSON.stringify(describeSettings(env))).not.toContain(CANARY);
    expect(lineOf(env, 'MIXPANEL_TOKEN')).toMatchObject({ value: '[set]', from: 'file' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('bad values are listed as they are instead of thrown about', () => {
  expect(lineOf({ RELAY_PORT: 'x' }, 'RELAY_PORT')).toMatchObject({ value: 'x' });
  expect(lineOf({ MIXPANEL_REGION: 'moon' }, 'MIXPANEL_API_URL')).toMatchObject({ value: null });
});

it('the API address is shown as the region makes it', () => {
  expect(lineOf({ MIXPANEL_REGION: 'in' }, 'MIXPANEL_API_URL')).toMatchObject({ value: 'https://api-in.mixpanel.com' });
});

it('help and README name every setting once', () => {
  for (const name of settingNames) {
    expect(settingsMarkdown().split(`| \`${name}\` |`)).toHaveLength(2);
    expect(settingsHelp()).toContain(`  ${name} `);
  }
});

it('a variable is looked up in the environment, then in the file NAME_FILE names', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lookup-'));
  try {
    const path = join(folder, 'secret');
    writeFileSync(path, 'from file\n');
    expect(lookupVariable('KEY', { KEY: 'direct', KEY_FILE: path })).toBe('direct');
    expect(lookupVariable('KEY', { KEY: '', KEY_FILE: path })).toBe('from file');
    expect(lookupVariable('KEY', { KEY_FILE: join(folder, 'none') })).toBeUndefined();
    expect(lookupVariable('KEY', {})).toBeUndefined();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
