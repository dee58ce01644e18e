/** .env.example names settings: only such as exist, with the defaults that the table has. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type SettingName, settingNames, settingRow } from '../../src/config/settings-table.ts';
import { sourceSecrets } from '../support/deploy-files.ts';

const read = (file: string) => readFileSync(join(import.meta.dirname, '../..', file), 'utf8');

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
