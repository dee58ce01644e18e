import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeMappings } from '../support/cli-folders.ts';
import { type RunningRelay, run, serve, temporaryFolder } from '../support/program.ts';

/** One relay in sandbox mode for all, with sources that prove themselves in every way there is. */
const folder = temporaryFolder('send');
const custom = (verify: string, more = '') => `provider: custom\nsecret: \${KEY}\nverify: { ${verify} }\n${more}`;
const like = (name: string, source: string) => ({
  [`${name}/source.yaml`]: source,
  [`${name}/mapping.jsonata`]: '{ "event": "Came" }',
  [`${name}/cases/one.payload.json`]: '{"id":"evt_12345678","at":"2023-11-14T22:13:20Z"}',
  [`${name}/cases/one.expected.json`]: '[{"event":"Came"}]',
});
const mappings = writeMappings(folder.path, {
  ...like('github', `provider: github\nsecret: \${GITHUB_SECRET}\n`),
  ...like('acme', custom('hmac: { algorithm: sha256, header: x-s, encoding: hex, key: base64 }', 'delivery_id: id\n')),
  ...like('token', custom('token: { query: key }')),
  ...like('basic', custom('basic: {}')),
  ...like('path', custom('path_key: {}')),
  ...like('open', 'provider: custom\nverify: { none: {} }\n'),
});
const env = { RELAY_MAPPINGS_DIR: mappings, RELAY_DATA_DIR: join(folder.path, 'data') };
let relay: RunningRelay;

beforeAll(async () => {
  relay = await serve(env);
});
afterAll(async () => {
  await relay?.stop();
  folder[Symbol.dispose]();
});

const send = (...args: string[]) => run(['send', ...args], { ...env, RELAY_PORT: new URL(relay.publicUrl).port });

describe('trackrelay send', () => {
  it('is accepted, and says so in one line', async () => {
    const { code, out, err } = await send('shop');
    expect(out).toMatch(/^200 accepted dlv_[0-9a-z]{26} in \d+ ms\n$/);
    expect(err).toContain('trackrelay try shop paid');
    expect(code).toBe(0);
  });

  it('is new each time, but a duplicate when it keeps its id', async () => {
    const results: unknown[] = [];
    for (const more of [[], [], ['--same-id'], ['--same-id'], ['--set', 'id=evt_mine1'], ['--set', 'id=evt_mine1']]) {
      results.push(JSON.parse((await send('shop', 'paid', '--json', ...more)).out).result);
    }
    expect(results).toEqual(['accepted', 'accepted', 'accepted', 'duplicate', 'accepted', 'duplicate']);
  });

  it.each(['github', 'acme', 'token', 'basic', 'path', 'open'])(
    'is believed by a source that proves itself as %s',
    async (name) => {
      const { code, out } = await send(name, '--json');
      expect(JSON.parse(out)).toMatchObject({ source: name, payload: 'one', status: 200, result: 'accepted' });
      expect(out).not.toMatch(/[0-9a-f]{64}/);
      expect(code).toBe(0);
    },
  );

  it.each(['shop', 'basic', 'path'])('is refused by %s with a bad signature', async (name) => {
    const { code, out, err } = await send(name, '--bad-signature');
    expect(out).toMatch(/^401 unverified in \d+ ms\n/);
    expect(err).toContain('Check the secret');
    expect(code).toBe(1);
  });

  it('has no bad signature for a source that checks none', async () => {
    expect(await send('open', '--bad-signature')).toMatchObject({ code: 2, out: '' });
  });

  it('happens now, with what was set', async () => {
    await send('shop', 'paid', '--set', 'amount=4711', '--set', 'who=u9');
    const { sandbox } = JSON.parse(
      relay.seen.out
        .split('\n')
        .find((line) => line.includes('relay.sandbox'))
        ?.replace('"url"', '"sandbox"') ?? '{}',
    );
    const found = async () => {
      const { items } = (await (await fetch(`${sandbox}/__events`)).json()) as {
        items: { record: { properties: Record<string, unknown> } }[];
      };
      return items.map(({ record }) => record.properties).find(({ amount }) => amount === 4711);
    };
    await expect.poll(found, { timeout: 10_000 }).toMatchObject({ distinct_id: 'u9' });
    expect(Math.abs(Number((await found())?.time) - performance.timeOrigin)).toBeLessThan(600_000);
  });

  it('takes a payload on stdin, and a whole URL', async () => {
    const { code, out } = await run(
      ['send', 'shop', '-', '--url', `${relay.publicUrl}/hooks/shop?x=1`],
      env,
      '{"id":"evt_stdin000"}',
    );
    expect(out).toMatch(/^200 accepted/);
    expect(code).toBe(0);
  });

  it('shows the answer when it is refused', async () => {
    const { code, out } = await send('shop', '--url', `${relay.publicUrl}/hooks/nobody`);
    expect(out).toMatch(/^404 unknown_source in \d+ ms\n {2}\{"type":/);
    expect(code).toBe(1);
  });

  it('names the nearest case when there is none of that name', async () => {
    const { code, err } = await send('shop', 'padi');
    expect(err).toContain('did you mean paid?');
    expect(code).toBe(2);
  });

  it('says which variable is missing when there is no sandbox', async () => {
    const data = join(folder.path, 'other');
    const { code, err } = await run(['send', 'shop'], { ...env, RELAY_DATA_DIR: data, MIXPANEL_TOKEN: 'x' });
    expect(err).toContain('set SHOP_SECRET');
    expect(code).toBe(1);
    expect(() => readdirSync(data)).toThrow('ENOENT');
  });

  it('says when nobody is there', async () => {
    const { code, out, err } = await run(['send', 'shop', '--url', 'http://127.0.0.1:1'], env);
    expect(err).toContain('cannot reach the relay at http://127.0.0.1:1');
    expect({ code, out }).toEqual({ code: 3, out: '' });
  });
});

describe('trackrelay health', () => {
  it('is 0 for a relay that is well', async () => {
    const { code, out } = await run(['health', '--json', '--url', relay.adminUrl]);
    expect(JSON.parse(out)).toMatchObject({ status: expect.stringMatching(/^(pass|warn)$/), sources: { shop: {} } });
    expect(code).toBe(0);
    const human = await run(['health', '--url', relay.adminUrl]);
    expect(human.out).toMatch(/^(pass|warn) {2}trackrelay \d+\.\d+\.\d+ {2}\d+ events wait {2}\d+ dead letters\n/);
  });
});
