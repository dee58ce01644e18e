import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { checkUnmapped } from '../../src/cli/check-unmapped.ts';
import { call } from '../support/cli-folders.ts';
import { run } from '../support/program.ts';

/** A private listener that answers with this. */
async function relay(report: unknown, status = 200) {
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.url} ${request.headers.authorization}`);
    response.writeHead(status).end(JSON.stringify(report));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  };
  return { url, seen, [Symbol.asyncDispose]: close };
}

const at = '2026-11-21T10:04:10.000Z';
const fallen = (type: string | null, skipped: number, failed: number) => ({
  ...{ type, skipped, failed },
  ...{ last_delivery: `dlv_${type}`, last_at: at, since: at },
});
const report = {
  sources: {
    shop: { unmapped: [fallen('seldom', 1, 0), fallen(null, 2, 0)] },
    stripe: { unmapped: [fallen('often\u001b[31m\u202e', 2, 7)] },
    quiet: { unmapped: [] },
  },
};
const ask = (url: string, source: string | null = null, json = false) =>
  call((context) => checkUnmapped({ source, url }, context), json);

afterEach(() => vi.unstubAllEnvs());

it('lists what falls through of all sources, the most first, fit for a terminal', async () => {
  await using server = await relay(report);
  const { code, out } = await ask(server.url);
  const strange = 'often\\u001b[31m\\u202e';
  expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['source', 'type', 'skipped', 'failed', 'last delivery', 'received'],
    ['stripe', strange, '2', '7', `dlv_${strange}`, at],
    ['shop', '(none)', '2', '0', 'dlv_null', at],
    ['shop', 'seldom', '1', '0', 'dlv_seldom', at],
    [''],
  ]);
  expect(code).toBe(0);
});

it('lists one source when it is named, and refuses a name that the relay does not have', async () => {
  await using server = await relay(report);
  const { code, out } = await ask(server.url, 'shop', true);
  expect(JSON.parse(out).map(({ source, type }: { source: string; type: string }) => [source, type])).toEqual([
    ['shop', null],
    ['shop', 'seldom'],
  ]);
  expect(code).toBe(0);
  expect(await ask(server.url, 'shpo')).toMatchObject({ code: 2, err: expect.stringContaining('did you mean shop?') });
  expect(await ask(server.url, 'constructor')).toMatchObject({ code: 2 });
});

it('says so when nothing falls through, on stderr', async () => {
  await using server = await relay(report);
  expect(await ask(server.url, 'quiet')).toMatchObject({ code: 0, out: '', err: expect.stringContaining('Nothing') });
  expect(await ask(server.url, 'quiet', true)).toMatchObject({ code: 0, out: '[]\n', err: '' });
});

it('does not take a buffer that says nothing for nothing that falls through', async () => {
  await using server = await relay({ ...report, checks: { 'buffer:fill_ratio': [{ observedValue: null }] } }, 503);
  expect(await ask(server.url)).toMatchObject({ code: 1, out: '', err: expect.stringContaining('buffer') });
});

it('shows the token that is set, and is 1 when the relay or what answers is not the right one', async () => {
  vi.stubEnv('RELAY_ADMIN_TOKEN', 'admin-token');
  await using refusing = await relay({}, 401);
  expect(await ask(refusing.url)).toMatchObject({ code: 1, err: expect.stringContaining('RELAY_ADMIN_TOKEN') });
  expect(refusing.seen).toEqual(['/health Bearer admin-token']);
  await using other = await relay({ hello: 1 });
  expect(await ask(other.url)).toMatchObject({ code: 1, err: expect.stringContaining('no relay') });
});

it('is 3 when the relay is not reachable', async () => {
  const { code, out } = await run(['check', '--unmapped'], { RELAY_ADMIN_PORT: '1' });
  expect({ code, out }).toEqual({ code: 3, out: '' });
});

it('is the only part of check that takes an address', async () => {
  const { code, err } = await run(['check', '--url', 'http://127.0.0.1:1']);
  expect(err).toContain('--unmapped');
  expect(code).toBe(2);
});
