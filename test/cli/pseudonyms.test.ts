/** `$pseudonym` as the commands that run mappings see it. */
import { createHmac } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { check } from '../../src/cli/check.ts';
import { tryMapping } from '../../src/cli/try.ts';
import { call, goodFiles, writeMappings } from '../support/cli-folders.ts';
import { temporaryFolder } from '../support/program.ts';

const KEY = 'sixteen-or-more-characters';
const TOKEN = '0123456789abcdef';
const hmac = (key: string, value: string) => createHmac('sha256', key).update(value).digest('hex');

const mapping = (goodFiles['shop/mapping.jsonata'] as string).replace('who,', '$pseudonym(who),');
const expected = JSON.parse(goodFiles['shop/cases/paid.expected.json'] as string);
expected[0].properties.distinct_id = hmac('case', 'u1');
const files = {
  'shop/mapping.jsonata': mapping,
  'shop/cases/paid.expected.json': JSON.stringify(expected),
};

type Settings = { readonly token?: string; readonly key?: string };

function settle(folder: { readonly path: string }, { token = '', key = '' }: Settings): string {
  const mappings = writeMappings(folder.path, files);
  vi.stubEnv('RELAY_MAPPINGS_DIR', mappings);
  vi.stubEnv('RELAY_DATA_DIR', join(folder.path, 'data'));
  vi.stubEnv('MIXPANEL_TOKEN', token);
  vi.stubEnv('RELAY_PSEUDONYM_KEY', key);
  return mappings;
}

async function checked(settings: Settings) {
  using folder = temporaryFolder('pseudonyms');
  const mappings = settle(folder, settings);
  const ended = await call((context) => check(mappings, context));
  return { ...ended, wrote: existsSync(join(folder.path, 'data')) };
}

async function tried(settings: Settings) {
  using folder = temporaryFolder('pseudonyms');
  settle(folder, settings);
  const once = () => call((context) => tryMapping({ source: 'shop', file: 'paid' }, context), true);
  const first = await once();
  const kept = join(folder.path, 'data/sandbox-secrets/RELAY_PSEUDONYM_KEY');
  return { first, second: await once(), kept: existsSync(kept) ? readFileSync(kept, 'utf8').trim() : null };
}

const idOf = (out: string) => JSON.parse(out)[0].properties.distinct_id;

afterEach(() => vi.unstubAllEnvs());

describe('check', () => {
  it.each([
    ['with a key', { token: TOKEN, key: KEY }],
    ['with another key', { token: TOKEN, key: `${KEY}!` }],
    ['in sandbox mode without one', {}],
  ])('%s makes the pseudonyms of cases with the key of cases, and writes nothing', async (_name, settings) => {
    const { code, out, wrote } = await checked(settings);
    expect(out).toContain('1 case: 0 problems');
    expect({ code, wrote }).toEqual({ code: 0, wrote: false });
  });

  it('without a key says where one is needed and how it is called', async () => {
    const { code, out } = await checked({ token: TOKEN });
    const [line = ''] = mapping.split('\n').flatMap((text, at) => (text.includes('$pseudonym') ? `:${at + 1}:` : []));
    expect(out).toMatch(new RegExp(`shop/mapping\\.jsonata${line}\\d+ {2}no_key  .*RELAY_PSEUDONYM_KEY`));
    expect(code).toBe(1);
  });
});

describe('try', () => {
  it('makes the pseudonyms that would be sent', async () => {
    const { first, kept } = await tried({ token: TOKEN, key: KEY });
    expect(idOf(first.out)).toBe(hmac(KEY, 'u1'));
    expect(kept).toBeNull();
  });

  it('in sandbox mode makes them with a key that is kept', async () => {
    const { first, second, kept } = await tried({});
    expect(idOf(first.out)).toBe(hmac(kept as string, 'u1'));
    expect(idOf(second.out)).toBe(idOf(first.out));
  });

  it('without a key says where one is needed', async () => {
    const { first, kept } = await tried({ token: TOKEN });
    expect({ code: first.code, out: first.out.trim() }).toEqual({ code: 1, out: '[]' });
    expect(first.err).toContain('RELAY_PSEUDONYM_KEY');
    expect(kept).toBeNull();
  });
});
