/**
 * The private port of the real program: every answer is as `/api/openapi.json` says, the read token changes nothing, and no secret is
 * in any answer, in the log, or in the feed.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endpointIds, endpointOf } from '../../src/admin/endpoints.ts';
import { wrongWith } from '../support/checked-answers.ts';
import { Journey, SECRET } from '../support/journey.ts';
import { until } from '../support/program.ts';

const FULL = 'full-token-of-the-journey-41c0';
const READ = 'read-token-of-the-journey-77b2';
const KEY = 'path-key-of-the-journey-9a13';
const canaries = [FULL, READ, KEY, SECRET, encodeURIComponent(SECRET), 'token-of-the-journeys'];

let journey: Journey;
const told: string[] = [];
let feed = '';
const leave = new AbortController();

type Asked = { readonly method?: string; readonly token?: string; readonly body?: unknown };
async function ask(url: string, { method = 'GET', token = READ, body }: Asked = {}) {
  const answer = await fetch(`${journey.relay.adminUrl}${url}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  told.push(text);
  const type = answer.headers.get('content-type') ?? '';
  expect(wrongWith({ method, url, status: answer.status, type, text }), `${method} ${url}: ${text}`).toBeNull();
  return { status: answer.status, text, body: /json/.test(type) ? JSON.parse(text) : null };
}
const items = async (url: string) => (await ask(url)).body.items as Record<string, never>[];

/** As GitHub would send it. */
const post = (source: string, payload: object, key = SECRET) => {
  const body = JSON.stringify(payload);
  const signature = createHmac('sha256', key).update(body).digest('hex');
  return fetch(`${journey.relay.publicUrl}/hooks/${source}`, {
    method: 'POST',
    body,
    headers: {
      ...{ 'content-type': 'application/json', 'x-github-event': 'push', 'x-github-delivery': randomUUID() },
      'x-hub-signature-256': `sha256=${signature}`,
    },
  });
};

beforeAll(async () => {
  const good = '{ "event": "Came", "properties": { "distinct_id": who } }';
  journey = await Journey.open('api', {
    sources: { shop: { mapping: good }, failing: { mapping: '{ "event": $number("none") }' } },
    env: { RELAY_ADMIN_TOKEN: FULL, RELAY_ADMIN_READ_TOKEN: READ, RELAY_LOG_LEVEL: 'debug' },
  });
  const folder = join(journey.mappingsDir, 'keyed');
  mkdirSync(folder);
  writeFileSync(join(folder, 'source.yaml'), `provider: custom\nsecret: ${KEY}\nverify: { path_key: {} }\n`);
  writeFileSync(join(folder, 'mapping.jsonata'), good);
  await journey.start();
  const listening = await fetch(`${journey.relay.adminUrl}/api/feed`, {
    headers: { authorization: `Bearer ${READ}` },
    signal: leave.signal,
  });
  void (async () => {
    for await (const chunk of listening.body as AsyncIterable<Uint8Array>) feed += Buffer.from(chunk).toString();
  })().catch(() => undefined);

  await journey.destinationGoes();
  expect((await post('shop', { who: 'a' })).status).toBe(200);
  expect((await post('shop', { who: 'b' }, 'another secret of the journeys')).status).toBe(401);
  expect((await post('failing', { who: 'c' })).status).toBe(200);
  expect((await post('shop', { who: 'null' })).status).toBe(200);
  const broken = { method: 'POST', body: '{"no":', headers: { 'content-type': 'application/json' } };
  expect((await fetch(`${journey.relay.publicUrl}/hooks/keyed/${KEY}`, broken)).status).toBe(400);
  expect(
    (await fetch(`${journey.relay.publicUrl}/hooks/keyed/${KEY}?key=${KEY}`, { ...broken, body: '{}' })).status,
  ).toBe(200);
  await until(() => feed.includes('batch.retry'), 'a request that fails');
  await journey.destinationComes();
  await until(async () => (await journey.sandbox.state()).events.distinct >= 2, 'two events');
  await until(async () => (await items('/api/dead-letters')).length === 2, 'two dead letters');
}, 60_000);
afterAll(async () => {
  leave.abort();
  await journey?.[Symbol.asyncDispose]();
});

describe('the API of a running relay', () => {
  it('answers everything that can be read as its document says, also to the read token', async () => {
    const first = async (url: string) => (await items(url))[0]?.id as unknown as string;
    const ids: Record<string, string> = {
      '/api/deliveries/{id}': await first('/api/deliveries?source=shop'),
      '/api/dead-letters/{id}': await first('/api/dead-letters'),
      '/api/refused/{id}': await first('/api/refused'),
      '/api/refused/{id}/verify': await first('/api/refused?source=shop'),
    };
    for (const id of endpointIds) {
      const { path, method, access, body } = endpointOf(id);
      if (access === 'operator' || body !== undefined || path === '/api/feed') continue;
      if (path.startsWith('/api/sandbox') || path === '/api/replays/{id}') continue;
      const url = path.replace('{source}', 'shop').replace('{id}', ids[path] ?? 'none');
      expect((await ask(url, { method: method.toUpperCase() })).status, url).toBe(200);
    }
  });

  it('is described by its document, which it serves', async () => {
    const { body } = await ask('/api/openapi.json');
    expect(Object.keys(body.paths).sort()).toEqual([...new Set(endpointIds.map((id) => endpointOf(id).path))].sort());
  });

  it('tells the whole story of a delivery that was sent in vain before it arrived', async () => {
    const [delivered] = (await items('/api/deliveries?source=shop&state=mapped')).slice(-1);
    const { body } = await ask(`/api/deliveries/${delivered?.id}`);
    expect(body).toMatchObject({ state: 'mapped', body: '{"who":"a"}', counts: { created: 1, delivered: 1 } });
    expect(body.headers).toMatchObject({ 'x-github-event': 'push', 'x-hub-signature-256': '•••' });
    expect(body.events[0]).toMatchObject({ state: 'delivered', event: { event: 'Came' } });
    expect(body.attempts[0]).toMatchObject({ outcome: 'retry', status: null, attempt: 1, events: [body.events[0].id] });
  });

  it('shows the refused request, and that it is refused still', async () => {
    const [refused] = await items('/api/refused?source=shop');
    expect(refused).toMatchObject({ code: 'unverified', body: '{"who":"b"}' });
    const { body } = await ask(`/api/refused/${refused?.id}/verify`, { method: 'POST' });
    expect(body).toMatchObject({ verified: false, code: 'unverified' });
  });

  it('previews a mended mapping on the delivery that failed', async () => {
    const [failed] = await items('/api/deliveries?state=failed');
    const url = '/api/sources/failing/preview';
    const mapping = '{ "event": "Mended", "properties": { "distinct_id": who } }';
    const mended = await ask(url, { method: 'POST', body: { mapping, delivery: failed?.id } });
    expect(mended.body).toMatchObject({ events: [{ event: 'Mended', properties: { distinct_id: 'c' } }], broken: [] });
    const still = await ask(url, {
      method: 'POST',
      body: { mapping: '{ "event":\n $number("none") }', delivery: failed?.id },
    });
    expect(still).toMatchObject({ status: 422, body: { code: 'D3030', line: 2 } });
  });

  it('lets the read token change nothing', async () => {
    const before = (await ask('/api/deliveries')).text;
    const bodies: Record<string, unknown> = {
      replay: { mode: 'resend', selection: { state: 'dead' }, dry_run: false },
    };
    for (const id of endpointIds.filter((one) => endpointOf(one).access === 'operator')) {
      const { path, method } = endpointOf(id);
      const url = path.replace('{source}', 'shop').replace('{id}', 'rpl_none');
      const { status, body } = await ask(url, { method: method.toUpperCase(), body: bodies[id] });
      expect({ id, status, code: body.code }).toEqual({ id, status: 403, code: 'read_only' });
    }
    expect((await ask('/api/deliveries')).text).toBe(before);
    expect(await items('/api/replays')).toEqual([]);
  });

  it('replays what failed, with a dry run before, and keeps who did it', async () => {
    const replay = (dry_run: boolean) =>
      ask('/api/replays', {
        method: 'POST',
        token: FULL,
        body: { mode: 'remap', selection: { state: 'failed' }, dry_run },
      });
    expect((await replay(true)).body).toMatchObject({ dry_run: true, count: 1 });
    const { status, body } = await replay(false);
    expect({ status, count: body.count }).toEqual({ status: 202, count: 1 });
    await until(async () => (await ask(`/api/replays/${body.id}`)).body.state === 'done', 'the replay to end');
    const { body: record } = await ask(`/api/replays/${body.id}`);
    expect(record).toMatchObject({ count: 1, done: 1, failed: 1, delivered: 0 });
    expect(record.by).toContain('RELAY_ADMIN_TOKEN');
    expect((await ask(`/api/replays/${body.id}`, { method: 'DELETE', token: FULL })).status).toBe(409);
  });

  it('tells in the feed what the log tells', () => {
    const lines = feed.split('\n\n').filter((one) => one.startsWith('data: '));
    const names = new Set(lines.map((one) => JSON.parse(one.slice(6)).msg));
    const expected = ['delivery.accepted', 'delivery.refused', 'delivery.mapped', 'delivery.failed', 'replay.began'];
    expect([...names]).toEqual(
      expect.arrayContaining([...expected, 'event.delivered', 'batch.sent', 'destination.recovered']),
    );
  });

  it('says no secret anywhere', () => {
    const all = [...told, feed, journey.relay.seen.out].join('\n');
    expect(told.length).toBeGreaterThan(30);
    for (const canary of canaries) expect(all).not.toContain(canary);
    expect(all).not.toContain(createHmac('sha256', SECRET).update('{"who":"b"}').digest('hex'));
  });
});
