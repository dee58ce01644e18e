import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { saveCase } from '../../src/cli/case.ts';
import { check } from '../../src/cli/check.ts';
import { apiDelivery, apiRelay } from '../support/api-relay.ts';
import { call, writeMappings } from '../support/cli-folders.ts';
import { temporaryFolder } from '../support/program.ts';

let folder: ReturnType<typeof temporaryFolder>;
let cases: string;
beforeEach(() => {
  folder = temporaryFolder('case');
  const mappings = writeMappings(folder.path);
  cases = join(mappings, 'shop/cases');
  vi.stubEnv('RELAY_MAPPINGS_DIR', mappings);
});
afterEach(() => {
  vi.unstubAllEnvs();
  folder[Symbol.dispose]();
});

async function saved(name: string, more: Readonly<Record<string, unknown>> = {}, raw = false, json = false) {
  await using relay = await apiRelay(({ path }) =>
    path === '/api/deliveries/dlv_1' ? apiDelivery('dlv_1', more) : undefined,
  );
  return await call((context) => saveCase({ delivery: 'dlv_1', name, raw, url: relay.url }, context), json);
}
const read = (file: string) => readFileSync(join(cases, file), 'utf8');

describe('trackrelay case', () => {
  it('writes a case that passes: masked, with what the mapping gives, without proofs and headers nobody reads', async () => {
    const { code, out } = await saved('refund');
    expect(out.trim().split('\n')).toEqual([join(cases, 'refund.payload.json'), join(cases, 'refund.expected.json')]);
    expect(code).toBe(0);
    expect(JSON.parse(read('refund.payload.json'))).toMatchObject({ note: '[masked]', who: 'u1', amount: 42 });
    expect(JSON.parse(read('refund.expected.json'))).toEqual([
      { event: 'Paid', properties: { amount: 42, distinct_id: 'u1', time: 1_700_000_000_000 } },
    ]);
    const checked = await call((context) => check(null, context));
    expect(checked).toMatchObject({ code: 0, out: expect.stringContaining('2 cases: 0 problems') });
  });

  it('writes headers and query that the mapping reads, and a content type that the ending does not say', async () => {
    const mapping = '{"event": "Paid", "properties": {"by": $headers."x-shop", "p": $query.page}}';
    writeFileSync(join(cases, '../mapping.jsonata'), mapping);
    const headers = { 'content-type': 'application/json; charset=utf-8', 'x-shop': 'one', 'x-trace': 'no' };
    await saved('read', { headers, query: { page: '3', key: '•••', other: 'no' } });
    expect(JSON.parse(read('read.headers.json'))).toEqual({ ...headers, 'x-trace': undefined });
    expect(JSON.parse(read('read.query.json'))).toEqual({ page: '3' });
    expect(JSON.parse(read('read.expected.json'))).toEqual([{ event: 'Paid', properties: { by: 'one', p: '3' } }]);
  });

  it('writes it as it came with --raw alone', async () => {
    await saved('raw', {}, true);
    expect(read('raw.payload.json')).toBe(apiDelivery('dlv_1').body);
  });

  it('says that nothing is expected yet of one that the mapping fails on', async () => {
    writeFileSync(join(cases, '../mapping.jsonata'), '$uppercase(amount)');
    const { code, err } = await saved('failing');
    expect(code).toBe(0);
    expect(err).toContain('The mapping fails on it: T0410 at 1:2');
    expect(readdirSync(cases)).toContain('failing.payload.json');
    expect(readdirSync(cases)).not.toContain('failing.expected.json');
  });

  it('overwrites nothing, and then writes nothing at all', async () => {
    for (const there of ['taken.payload.json', 'taken.expected.json', 'taken.headers.json']) {
      writeFileSync(join(cases, there), 'mine');
      const { code, err } = await saved('taken');
      expect({ code, err }).toEqual({ code: 1, err: `${join(cases, there)} is there already` });
      expect(readdirSync(cases).filter((name) => name.startsWith('taken'))).toEqual([there]);
      expect(read(there)).toBe('mine');
      rmSync(join(cases, there));
    }
  });

  it.each(['../out', 'a/b', '.hidden', '..', 'a..b', '', 'a b', 'x'.repeat(101), 'a\\b'])(
    'refuses the name %j',
    async (name) => {
      expect(await saved(name)).toMatchObject({ code: 2, out: '' });
    },
  );

  it('does not follow a link out of the folder', async () => {
    rmSync(cases, { recursive: true });
    mkdirSync(join(folder.path, 'elsewhere'));
    symlinkSync(join(folder.path, 'elsewhere'), cases);
    expect(await saved('linked')).toMatchObject({ code: 1, err: expect.stringContaining('a link is not followed') });
    rmSync(cases);
    mkdirSync(cases);
    symlinkSync(join(folder.path, 'elsewhere/x'), join(cases, 'linked.payload.json'));
    expect(await saved('linked')).toMatchObject({ code: 1 });
    expect(readdirSync(join(folder.path, 'elsewhere'))).toEqual([]);
  });

  it.each([
    ['whose body is gone', { body: null, headers: null }, 'is not kept any more'],
    ['whose body is not shown whole', { body_cut: true }, 'too large'],
    ['that cannot be masked', { headers: { 'content-type': 'application/xml' }, body: '<a/>' }, 'say --raw'],
  ])('refuses a delivery %s', async (_, more, words) => {
    expect(await saved('none', more)).toMatchObject({ code: 1, err: expect.stringContaining(words) });
    expect(readdirSync(cases)).not.toContain('none.payload.json');
  });

  it('is 1 for a delivery that nobody knows, 2 for what is no id, 3 when the relay is not reachable', async () => {
    await using relay = await apiRelay(() => undefined);
    const one = (delivery: string, url: string) => call((context) => saveCase({ delivery, name: 'x', url }, context));
    expect(await one('dlv_2', relay.url)).toMatchObject({ code: 1, err: expect.stringContaining('Nothing is here') });
    expect(await one('../health', relay.url)).toMatchObject({ code: 2 });
    expect(await one('dlv_1', 'http://127.0.0.1:1')).toMatchObject({ code: 3 });
  });
});
