import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type TryOptions, tryMapping } from '../../src/cli/try.ts';
import { call, goodFiles, writeMappings } from '../support/cli-folders.ts';
import { run, temporaryFolder } from '../support/program.ts';

const payload = goodFiles['shop/cases/paid.payload.json'] as string;
const good = goodFiles['shop/mapping.jsonata'] as string;
const completed = {
  event: 'Paid',
  properties: {
    amount: 42,
    distinct_id: 'u1',
    time: 1_700_000_000_000,
    $insert_id: expect.stringMatching(/^[0-9a-f]{36}$/),
  },
};

type Asked = Omit<TryOptions, 'source' | 'file'> & { readonly source?: string; readonly json?: boolean };

/** `file` and headers below M/ are in the mappings folder. */
async function tried(file: string, asked: Asked = {}, changes: Readonly<Record<string, string | null>> = {}) {
  using folder = temporaryFolder('try');
  const mappings = writeMappings(folder.path, changes);
  vi.stubEnv('RELAY_MAPPINGS_DIR', mappings);
  vi.stubEnv('RELAY_DATA_DIR', join(folder.path, 'data'));
  const { json, source = 'shop', headers, ...more } = asked;
  const within = (path: string) => path.replace('M/', `${mappings}/`);
  const options = { source, file: within(file), ...(headers ? { headers: within(headers) } : {}), ...more };
  return await call((context) => tryMapping(options, context), json);
}

afterEach(() => vi.unstubAllEnvs());

describe('trackrelay try', () => {
  it('prints the events as the relay completes them, without the token', async () => {
    const { code, out } = await tried('M/shop/cases/paid.payload.json', { json: true });
    expect(JSON.parse(out)).toEqual([completed]);
    expect(code).toBe(0);
  });

  it('gives the same delivery the same $insert_id, and another another', async () => {
    const idOf = async (input: string) => {
      const [event] = JSON.parse((await tried('M/x.json', { json: true }, { 'x.json': input })).out);
      return event.properties.$insert_id;
    };
    const [one, same, other] = [await idOf(payload), await idOf(payload), await idOf(payload.replace('5678', '5679'))];
    expect(one).toBe(same);
    expect(other).not.toBe(one);
  });

  it('prints nothing but a remark for what is skipped', async () => {
    const { code, out, err } = await tried('paid', {}, { 'shop/mapping.jsonata': '[]' });
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toContain('Skipped');
  });

  it('reads the headers that stand beside a case, and other ones when told', async () => {
    const changes = {
      'shop/mapping.jsonata': '{ "event": $headers."x-kind" }',
      'shop/cases/paid.headers.json': '{"X-Kind":"Beside"}',
      'other.json': '{"x-kind":"Told"}',
    };
    const names = async (headers?: string) =>
      JSON.parse((await tried('paid', { json: true, ...(headers ? { headers } : {}) }, changes)).out).map(
        (one: { event: string }) => one.event,
      );
    expect(await names()).toEqual(['Beside']);
    expect(await names('M/other.json')).toEqual(['Told']);
  });

  it('takes forms by their ending', async () => {
    const { out } = await tried(
      'M/x.form',
      { json: true },
      { 'x.form': 'amount=7&who=u2&created=2023-11-14T22:13:20Z' },
    );
    expect(out).toContain('"amount": "7"');
  });

  it('says which rule an output breaks, and still shows its siblings', async () => {
    const mapping = '[{ "event": "A" }, { "event": "B", "properties": { "distinct_id": "undefined" } }]';
    const { code, out, err } = await tried('paid', { json: true }, { 'shop/mapping.jsonata': mapping });
    expect(JSON.parse(out)).toMatchObject([{ event: 'A' }]);
    expect(err).toMatch(/output 2: distinct_id_placeholder: /);
    expect(code).toBe(1);
  });

  it('shows where a mapping does not compile, and where it fails', async () => {
    const broken = await tried(
      'paid',
      { json: true },
      {
        'shop/mapping.jsonata': good.replace('who,', 'who'),
      },
    );
    expect(broken).toMatchObject({ code: 1, out: '[]\n' });
    expect(broken.err).toMatch(/mapping\.jsonata:3:57 {2}S0202/);
    const failing = await tried('paid', {}, { 'shop/mapping.jsonata': '$uppercase(amount)' });
    expect(failing).toMatchObject({ code: 1, out: '' });
    expect(failing.err).toMatch(/mapping_error: T0410 at 1:\d/);
  });

  it('stops a mapping that never ends', async () => {
    const { code, err } = await tried(
      'paid',
      {},
      {
        'shop/mapping.jsonata': '($f := function(){$f()}; $f())',
      },
    );
    expect(err).toContain('mapping_timeout');
    expect(code).toBe(1);
  });

  it('explains what is read and how each event was completed', async () => {
    const { code, out } = await tried('paid', { explain: true });
    expect(out).toContain('not checked (no headers given; --headers FILE to check)');
    expect(out).toMatch(/reads {2,}amount, who, created/);
    expect(out).toMatch(/Paid {3}distinct_id u1 {3}time 2023-11-14T22:13:20\.000Z {3}\$insert_id [0-9a-f]{36}/);
    expect(code).toBe(0);
  });

  it('tries every payload of a folder, a line of JSON each', async () => {
    using folder = temporaryFolder('payloads');
    mkdirSync(join(folder.path, 'deeper'));
    for (let index = 0; index < 70; index++) writeFileSync(join(folder.path, `${100 + index}.json`), payload);
    writeFileSync(join(folder.path, '200.json'), 'no json');
    writeFileSync(join(folder.path, '100.headers.json'), '{}');
    const { code, out } = await tried(folder.path, { json: true });
    const rows = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows).toHaveLength(71);
    expect(rows[0]).toEqual({ file: '100.json', events: [completed] });
    expect(rows[70]).toEqual({ file: '200.json', events: [], error: expect.stringContaining('mapping_error') });
    expect(code).toBe(1);
  });

  it('names the nearest source, file or case when there is none of that name', async () => {
    const source = await tried('paid', { source: 'shpo' });
    expect(source).toMatchObject({ code: 2, out: '' });
    expect(source.err).toContain('did you mean shop?');
    const one = await tried('padi');
    expect(one).toMatchObject({ code: 2, out: '' });
    expect(one.err).toContain('did you mean paid?');
  });

  it('reads stdin, and refuses what is larger than 10 MiB there', async () => {
    using folder = temporaryFolder('try');
    const env = { RELAY_MAPPINGS_DIR: writeMappings(folder.path) };
    const { code, out } = await run(['try', 'shop', '-', '--json'], env, payload);
    expect(JSON.parse(out)).toEqual([completed]);
    expect(code).toBe(0);
    const large = await run(['try', 'shop', '-'], env, 'x'.repeat(10 * 1024 * 1024 + 1));
    expect(large).toMatchObject({ code: 2, out: '' });
    expect(large.err).toContain('larger than 10 MiB');
  });
});
