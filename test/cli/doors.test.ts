import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { showConfig } from '../../src/cli/config.ts';
import { askHealth } from '../../src/cli/health.ts';
import { showProviders } from '../../src/cli/providers.ts';
import { providers } from '../../src/verify/registry.ts';
import { call, writeMappings } from '../support/cli-folders.ts';
import { root, run, temporaryFolder, until } from '../support/program.ts';

/** A server that answers every request alike; `null`: never. */
async function answering(answer: { status: number; body: string } | null) {
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.url} ${request.headers.authorization}`);
    if (answer) response.writeHead(answer.status).end(answer.body);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  };
  return { url, seen, [Symbol.asyncDispose]: close };
}

describe('trackrelay', () => {
  it('shows examples first when it is called with nothing, and for each command', async () => {
    const { code, out } = await run([]);
    expect(out).toMatch(/^\nExamples:\n {2}trackrelay serve/);
    expect(code).toBe(0);
    const help = await run(['send', '--help']);
    expect(help.out).toContain('trackrelay send stripe invoice-paid --set');
    expect(help.code).toBe(0);
  });

  it('suggests the near word for a command it does not know', async () => {
    const { code, out, err } = await run(['chekc']);
    expect(err).toContain('Did you mean check?');
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });
});

describe('trackrelay providers', () => {
  it('lists every one of them', async () => {
    const { out } = await call((context) => showProviders(null, context), true);
    const listed = JSON.parse(out) as Record<string, string>[];
    expect(listed.map(({ name }) => name)).toEqual([...providers.keys()]);
    for (const one of listed) {
      expect(one.confidence).toMatch(/^(documented|vendor-sdk|unconfirmed)$/);
      expect(one.docs).toMatch(/^https:\/\/|^README/);
    }
  });

  it('shows one, and names the nearest when there is none of that name', async () => {
    const one = await call((context) => showProviders('slack', context));
    expect(one.out).toContain('v0:{timestamp}:{body}');
    const none = await call((context) => showProviders('slak', context));
    expect(none).toMatchObject({ code: 2, err: expect.stringContaining('did you mean slack?') });
  });
});

describe('trackrelay config', () => {
  it('shows values, where they come from, and never a secret', async () => {
    vi.stubEnv('MIXPANEL_TOKEN', 'very-secret');
    vi.stubEnv('RELAY_PORT', '9000');
    const { code, out } = await call((context) => showConfig(context), true);
    const lines = JSON.parse(out) as Record<string, unknown>[];
    expect(lines.find(({ name }) => name === 'RELAY_PORT')).toMatchObject({ value: '9000', from: 'environment' });
    expect(lines.find(({ name }) => name === 'MIXPANEL_TOKEN')).toMatchObject({ value: '[set]' });
    expect(out).not.toContain('very-secret');
    expect(code).toBe(0);
    vi.unstubAllEnvs();
  });

  it('says what is wrong', async () => {
    vi.stubEnv('RELAY_PORTT', '9000');
    const { code, err } = await call((context) => showConfig(context));
    expect(err).toContain('RELAY_PORTT is no setting (did you mean RELAY_PORT?)');
    expect(code).toBe(1);
    vi.unstubAllEnvs();
  });
});

describe('trackrelay health', () => {
  const health = (url: string, json = false) => call((context) => askHealth({ url }, context), json);
  const report = (status: string, more = {}) => JSON.stringify({ status, version: '1.2.3', ...more });

  it('is 1 for a relay that fails, and says what is wrong', async () => {
    const checks = { 'buffer:fill_ratio': [{ observedValue: 0.99, observedUnit: 'ratio', status: 'fail' }] };
    await using server = await answering({ status: 503, body: report('fail', { checks }) });
    const { code, out } = await health(server.url);
    expect(out).toBe('fail  trackrelay 1.2.3\n  fail  buffer:fill_ratio 0.99 ratio\n');
    expect(code).toBe(1);
  });

  it('is 0 for a relay that warns', async () => {
    await using server = await answering({ status: 200, body: report('warn') });
    expect(await health(server.url)).toMatchObject({ code: 0, out: 'warn  trackrelay 1.2.3\n' });
  });

  it('says why a source is not well, and what a destination answers', async () => {
    const checks = {
      'destination:crm': [{ observedValue: 'failing', observedUnit: 'state', status: 'warn', output: 'No answer' }],
    };
    const sources = { shop: { status: 'warn', reasons: ['closed: SHOP_SECRET not set', 'an older mapping runs'] } };
    const destinations = { crm: { status: 'warn', state: 'failing' } };
    await using server = await answering({ status: 200, body: report('warn', { checks, sources, destinations }) });
    expect((await health(server.url)).out.split('\n').slice(1, 3)).toEqual([
      '  warn  destination:crm failing state  No answer',
      '  warn  source shop  closed: SHOP_SECRET not set; an older mapping runs',
    ]);
  });

  it('says in a line what came of each source, and to how many nothing ever came', async () => {
    const counts = {
      status: 'pass',
      accepted: 1_203,
      duplicates: 2,
      delivered: 1_200,
      map_failed: 1,
      last_accepted_at: 'T1',
    };
    const sources = {
      shop: counts,
      idle: { status: 'pass', accepted: 0, last_accepted_at: null },
      wrong: { status: 'pass', accepted: 0, unverified: 7, last_accepted_at: null },
    };
    await using server = await answering({ status: 200, body: report('pass', { sources }) });
    expect((await health(server.url)).out.split('\n')).toEqual([
      'pass  trackrelay 1.2.3',
      '  source  shop    1,203 accepted, 2 seen before, 1 failed to map, 1,200 delivered  last accepted T1',
      '  source  wrong   7 not verified                                                   nothing accepted',
      '  source  others  nothing came to 1',
      '',
    ]);
  });

  it('says of several relays which one sends to each destination, and nothing of it for one alone', async () => {
    const destinations = { crm: { sender: 'this relay' }, product: { sender: 'rly_2' }, lab: { sender: null } };
    await using server = await answering({ status: 200, body: report('pass', { relay: 'rly_1', destinations }) });
    expect((await health(server.url)).out.split('\n').slice(1)).toEqual([
      '  destination  crm      sent to by this relay, rly_1',
      '  destination  product  sent to by rly_2',
      '  destination  lab      no relay is known to send',
      '',
    ]);
    await using alone = await answering({ status: 200, body: report('pass', { destinations: { crm: {} } }) });
    expect((await health(alone.url)).out).toBe('pass  trackrelay 1.2.3\n');
  });

  it('shows the token that is set, and says when it is the wrong one', async () => {
    vi.stubEnv('RELAY_ADMIN_TOKEN', 'admin-token');
    await using server = await answering({ status: 401, body: '{}' });
    expect(await health(server.url)).toMatchObject({ code: 1, err: expect.stringContaining('RELAY_ADMIN_TOKEN') });
    expect(server.seen).toEqual(['/health Bearer admin-token']);
    vi.unstubAllEnvs();
  });

  it('is 1 when something else answers', async () => {
    await using server = await answering({ status: 200, body: '<html>' });
    expect(await health(server.url)).toMatchObject({ code: 1, err: expect.stringContaining('no relay') });
  });

  it('is 3 when nobody answers within 3 s', async () => {
    await using server = await answering(null);
    const { code, err } = await run(['health', '--url', server.url]);
    expect(err).toContain('no answer within 3 s');
    expect(code).toBe(3);
  });

  it('is 3 when nobody is there', async () => {
    const { code, out } = await run(['health'], { RELAY_ADMIN_PORT: '1' });
    expect({ code, out }).toEqual({ code: 3, out: '' });
  });
});

describe('trackrelay sandbox', () => {
  it('takes events until it is stopped', async () => {
    const child = spawn(process.execPath, [join(root, 'src/main.ts'), 'sandbox', '--port', '0', '--json'], { env: {} });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    const ended = new Promise((done) => child.on('close', done));
    onTestFinished(() => void child.kill('SIGKILL'));
    await until(() => out.includes('}'), 'the sandbox to start');
    const { url, events } = JSON.parse(out) as { url: string; events: string };
    const event = {
      event: 'A',
      properties: { token: 't', time: performance.timeOrigin, distinct_id: '', $insert_id: 'a1' },
    };
    await fetch(`${url}/track`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([event]),
    });
    expect(await (await fetch(events)).json()).toMatchObject({ total: 1 });
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('says when its port is taken', async () => {
    await using server = await answering({ status: 200, body: '' });
    const { code, err } = await run(['sandbox', '--port', new URL(server.url).port]);
    expect(err).toContain('is taken');
    expect(code).toBe(1);
  });
});

describe('trackrelay demo', () => {
  it('ends with 0 when every expected event of the samples arrived, and leaves nothing behind', async () => {
    using folder = temporaryFolder('demo');
    const { code, out } = await run(['demo', '--once', '--json'], { TMPDIR: folder.path, MIXPANEL_TOKEN: 'not-used' });
    const { sent, arrived, missing, refused } = JSON.parse(out);
    expect({ missing, refused }).toEqual({ missing: [], refused: [] });
    expect(sent).toBeGreaterThan(20);
    expect(new Set(arrived.map(({ source }: { source: string }) => source)).size).toBeGreaterThan(4);
    expect(code).toBe(0);
    expect(readdirSync(folder.path)).toEqual([]);
  });

  it('ends with 1 and names what is missing', async () => {
    using folder = temporaryFolder('demo');
    const env = {
      RELAY_MAPPINGS_DIR: writeMappings(folder.path, {
        'shop/source.yaml': `provider: stripe\nsecret: \${A}\nurl: http://\${B}\n`,
      }),
      RELAY_DATA_DIR: join(folder.path, 'data'),
    };
    const { code, out } = await run(['demo', '--once'], env);
    expect(out).toContain('refused: shop is closed: set B');
    expect(code).toBe(1);
  });

  it('keeps running until it is interrupted, and shows where the relay is', async () => {
    using folder = temporaryFolder('demo');
    const env = { RELAY_MAPPINGS_DIR: writeMappings(folder.path), TMPDIR: folder.path };
    const child = spawn(process.execPath, [join(root, 'src/main.ts'), 'demo'], { env });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
    const ended = new Promise((done) => child.on('close', done));
    onTestFinished(() => void child.kill('SIGKILL'));
    await until(() => said.includes('RELAY_DATA_DIR='), 'the demo');
    expect(said).toMatch(/\d\d:\d\d:\d\d {2}shop {4}Paid {3}u1 +paid/);
    const page = /own page: (http:\/\/127\.0\.0\.1:\d+\/)/.exec(said)?.[1] ?? '';
    expect((await fetch(page)).status).toBe(200);
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(existsSync(env.TMPDIR) && readdirSync(env.TMPDIR)).toEqual(['mappings']);
  });
});
