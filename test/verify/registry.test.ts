import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { providers } from '../../src/verify/registry.ts';

it('every provider has a file of its name, and every file is listed', () => {
  const files = readdirSync(new URL('../../src/verify/providers/', import.meta.url)).map((file) =>
    file.replace('.ts', ''),
  );
  expect([...providers.keys()].sort()).toEqual(files.sort());
});

it('every provider says what it is, how sure we are, and where the vendor says so', () => {
  for (const [name, provider] of providers) {
    expect(provider.name).toBe(name);
    expect(provider.label).not.toBe('');
    expect(provider.secret).not.toBe('');
    expect(provider.docs).toMatch(name === 'custom' ? /^README\.md#/ : /^https:\/\//);
    expect(['documented', 'vendor-sdk', 'unconfirmed']).toContain(provider.confidence);
  }
});
