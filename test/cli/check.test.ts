import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { check } from '../../src/cli/check.ts';
import { call, goodFiles, writeMappings } from '../support/cli-folders.ts';
import { run, temporaryFolder } from '../support/program.ts';

const good = goodFiles['shop/mapping.jsonata'] as string;

async function checked(changes: Readonly<Record<string, string | null>>, json = false) {
  using folder = temporaryFolder('check');
  const mappings = writeMappings(folder.path, changes);
  const ended = await call((context) => check(mappings, context), json);
  return { ...ended, out: ended.out.replaceAll(mappings, 'M'), err: ended.err.replaceAll(mappings, 'M') };
}

describe('trackrelay check', () => {
  it('finds nothing wrong in the samples', async () => {
    const { code, out, err } = await run(['check']);
    expect(out).toMatch(/Checked \d\d sources, \d+ cases: 0 problems\.\n$/);
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  it('says which secrets are not set, and does not mind', async () => {
    const { code, out } = await checked({});
    expect(out).toContain('not set here: SHOP_SECRET');
    expect(out).toContain('Checked 1 source, 1 case: 0 problems.');
    expect(code).toBe(0);
  });

  it('takes a folder that is itself a source', async () => {
    using folder = temporaryFolder('check');
    const shop = join(writeMappings(folder.path), 'shop');
    const { code, out } = await call((context) => check(shop, context));
    expect(out).toContain('Checked 1 source, 1 case: 0 problems.');
    expect(code).toBe(0);
  });

  it('shows a mistake in a mapping with line, column and a caret', async () => {
    const { code, out } = await checked({ 'shop/mapping.jsonata': good.replace('who,', 'who') });
    expect(out).toContain('✗ M/shop/mapping.jsonata:3:57  S0202  Expected "}", got "time"');
    const [line = '', caret = ''] = out.split('\n').slice(3, 5);
    expect(line.slice(caret.indexOf('^'))).toMatch(/^time": created/);
    expect(out).toContain('Checked 1 source, 0 cases: 1 problem.');
    expect(code).toBe(1);
  });

  it('shows where a mapping fails while it runs', async () => {
    const { code, out } = await checked({ 'shop/mapping.jsonata': good.replace('amount,', '$uppercase(amount),') });
    expect(out).toMatch(/✗ M\/shop\/mapping\.jsonata:3:\d+ {2}case paid: .*T0410/);
    expect(out).toContain('│   "properties": { "amount": $uppercase(amount)');
    expect(code).toBe(1);
  });

  it('shows what a case expected and what it got', async () => {
    const { code, out, err } = await checked({ 'shop/mapping.jsonata': good.replace('amount,', '$string(amount),') });
    expect(out).toContain('0 of 1 case');
    expect(out).toContain('✗ case paid  M/shop/cases/paid.expected.json');
    expect(out).toMatch(/event\[0\]\.properties\.amount {2}expected 42 {2}got "42"/);
    expect(err).toContain('trackrelay try shop paid --explain');
    expect(code).toBe(1);
  });

  it('shows what is wrong in source.yaml, with the nearest right word and never a secret', async () => {
    const text = 'provider: strip\nsecret: whsec_very_secret\ntolerence: 5m\n';
    const { code, out } = await checked({ 'shop/source.yaml': text });
    expect(out).toContain('M/shop/source.yaml:1:11  unknown provider (did you mean stripe?)');
    expect(out).toContain('M/shop/source.yaml:3:1  unknown key "tolerence" (did you mean tolerance?)');
    expect(out).toContain('2 problems.');
    expect(out).not.toContain('very_secret');
    expect(code).toBe(1);
  });

  it('warns of a literal secret, and of a source without cases', async () => {
    const { code, out } = await checked({
      'shop/source.yaml': 'provider: stripe\nsecret: whsec_very_secret\n',
      'shop/cases/paid.payload.json': null,
      'shop/cases/paid.expected.json': null,
    });
    expect(out).toMatch(/! M\/shop\/source\.yaml:2:9 {2}a secret stands in the file/);
    expect(out).toMatch(/! M\/shop\/cases:1:1 {2}there are no cases/);
    expect(out).toContain('0 problems.');
    expect(code).toBe(0);
  });

  it('warns of a case that expects nothing in particular', async () => {
    const { code, out } = await checked({ 'shop/cases/paid.expected.json': null });
    expect(out).toContain('case paid has no paid.expected.json');
    expect(code).toBe(0);
  });

  it('goes on after a broken source', async () => {
    const { out } = await checked({ 'aaa/source.yaml': 'provider: github\nsecret: x\n', 'Zzz/mapping.jsonata': '{}' });
    expect(out).toContain('M/aaa/mapping.jsonata:1:1  The file is missing');
    expect(out).toMatch(/✓ shop/);
    expect(out).toMatch(/Checked 3 sources, 1 case: \d problems/);
  });

  it('gives the same as JSON', async () => {
    const { code, out } = await checked({ 'shop/mapping.jsonata': good.replace('amount,', '$string(amount),') }, true);
    expect(JSON.parse(out)).toMatchObject({
      sources: [
        {
          name: 'shop',
          status: 'fail',
          provider: 'stripe',
          cases: { total: 1, passed: 0 },
          missing: ['SHOP_SECRET'],
          problems: [
            {
              file: 'M/shop/cases/paid.expected.json',
              case: 'paid',
              differences: [{ path: '0.properties.amount', expected: '42', got: '"42"' }],
            },
          ],
          warnings: [],
        },
      ],
      checked: { sources: 1, cases: 1 },
      problems: 1,
    });
    expect(code).toBe(1);
  });

  it('refuses a folder that is none, and one that holds nothing', async () => {
    using folder = temporaryFolder('check');
    expect(await run(['check', join(folder.path, 'nowhere')])).toMatchObject({ code: 2, out: '' });
    const empty = await run(['check', folder.path]);
    expect(empty).toMatchObject({ code: 1, out: '' });
    expect(empty.err).toContain('holds no sources');
  });
});
