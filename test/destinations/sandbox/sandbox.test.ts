import { request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSandbox, type Sandbox, type SandboxOptions } from '../../../src/destinations/sandbox/sandbox.ts';
import { createFakeClock, type FakeClock, until } from '../../support/fake-clock.ts';

let clock: FakeClock;
let sandbox: Sandbox;
let url: string;

beforeEach(async () => {
  clock = createFakeClock();
  await open({});
});
afterEach(() => sandbox.close());

async function open(options: Partial<SandboxOptions>): Promise<void> {
  await sandbox?.close();
  sandbox = createSandbox({ clock, ...options });
  url = (await sandbox.listen('127.0.0.1', 0)).url;
}

const event = (id: string, other: Record<string, unknown> = {}) => ({
  event: 'Paid',
  properties: { token: 't', time: clock.now(), distinct_id: 'u', $insert_id: id, ...other },
});

type Sent = { readonly path?: string; readonly type?: string; readonly gzip?: boolean };

async function post(body: unknown, { path = '/track', type = 'application/json', gzip = false }: Sent = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': type, ...(gzip ? { 'content-encoding': 'gzip' } : {}) },
    body: gzip ? gzipSync(text) : text,
  });
  return [answer.status, await answer.text()] as const;
}

test('a valid event is answered 1, and as JSON when asked to be verbose', async () => {
  expect(await post([event('a')])).toEqual([200, '1']);
  expect(await post([event('b')], { path: '/track/?verbose=1' })).toEqual([200, '{"error":null,"status":1}']);
  expect(sandbox.state().events).toMatchObject({ raw: 2, distinct: 2 });
});

test.each([
  ['no token', { token: '' }, 'token, missing or empty'],
  ['an event over five days old', { time: 1_700_000_000 }, 'event is too old'],
  ['a time that is none', { time: 'soon' }, "'properties.time' is invalid"],
])('%s alone is answered 0 with its error', async (_name, given, error) => {
  expect(await post([event('a', given)], { path: '/track?verbose=1' })).toEqual([
    200,
    JSON.stringify({ error, status: 0 }),
  ]);
  expect(await post([event('a', given)])).toEqual([200, '0']);
  expect(sandbox.state().events.raw).toBe(0);
});

test('a bad event among good ones is answered 1 and disappears', async () => {
  expect(await post([event('a'), event('b', { token: '' })])).toEqual([200, '1']);
  expect(sandbox.state().records).toEqual({ stored: 1, dropped: 0, invalid: 1 });
});

test('an event with $ignore is answered 1 and dropped', async () => {
  expect(await post([event('a', { $ignore: true })])).toEqual([200, '1']);
  expect(sandbox.state().records).toEqual({ stored: 0, dropped: 1, invalid: 0 });
});

test('an unknown token is answered 1 and its events are discarded', async () => {
  await open({ tokens: ['known'] });
  expect(await post([event('a'), event('b', { token: 'known' })])).toEqual([200, '1']);
  expect(sandbox.deduped().map((copy) => copy.record.properties.$insert_id)).toEqual(['b']);
});

test('gzip, a form of JSON, of base64, of base64 that nobody encoded, and a gzipped form are all read', async () => {
  const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
  const type = 'application/x-www-form-urlencoded';
  // Signs that make + and / in base64.
  const odd = { text: '>>>???~~~ûûû' };
  expect(await post([event('a')], { gzip: true })).toEqual([200, '1']);
  expect(await post(`data=${encodeURIComponent(JSON.stringify([event('b')]))}`, { type })).toEqual([200, '1']);
  expect(await post(`data=${encodeURIComponent(base64(event('c', odd)))}`, { type })).toEqual([200, '1']);
  expect(await post(`data=${base64(event('d', odd))}`, { type })).toEqual([200, '1']);
  const verbose = await post(`data=${encodeURIComponent(base64([event('e')]))}&verbose=1`, { type, gzip: true });
  expect(verbose).toEqual([200, '{"error":null,"status":1}']);
  expect(sandbox.state().events.distinct).toBe(5);
});

test.each(['', 'nonsense', '[]', 'null', '5'])('the body %j is missing data', async (body) => {
  expect(await post(body, { path: '/track?verbose=1' })).toEqual([
    200,
    '{"error":"data, missing or empty","status":0}',
  ]);
});

test('broken gzip is missing data, and a bomb is too large', async () => {
  const broken = await fetch(`${url}/track`, { method: 'POST', headers: { 'content-encoding': 'gzip' }, body: 'x' });
  expect(await broken.text()).toBe('0');
  expect((await post(' '.repeat(11_000_000), { gzip: true }))[0]).toBe(413);
});

test('2,000 records are taken, 2,001 are not', async () => {
  const many = Array.from({ length: 2001 }, (_, index) => event(`n${index}`));
  expect(await post(many)).toEqual([200, '0']);
  expect(await post(many.slice(1))).toEqual([200, '1']);
  expect(sandbox.state().events.raw).toBe(2000);
});

test('the size limit counts uncompressed bytes and has three profiles', async () => {
  const large = [event('a', { text: 'x'.repeat(2_200_000) })];
  expect((await post(large, { gzip: true }))[0]).toBe(200);
  sandbox.setSizeProfile('legacy2mb');
  const [status, body] = await post(large, { gzip: true });
  expect([status, JSON.parse(body).error]).toEqual([413, 'request exceeds max limit of 2097152 bytes']);
  await post({ sizeProfile: 'html413' }, { path: '/__control' });
  expect((await post(large))[1]).toMatch(/^<html>/);
});

test('the last of equal copies is kept; another time, event, person or id is another event', async () => {
  await post([event('a', { n: 1 }), event('a', { n: 2 }), event('b'), event('a', { time: clock.now() - 1 })]);
  await post([event('a', { distinct_id: 'v' }), { ...event('a'), event: 'Other' }]);
  expect(sandbox.state().events).toMatchObject({ raw: 6, distinct: 5 });
  expect(sandbox.deduped().map((copy) => copy.record.properties.n)).toContain(2);
  expect(sandbox.deduped().map((copy) => copy.record.properties.n)).not.toContain(1);
});

test('long texts are cut and an event from the future happens now', async () => {
  await post([event('a', { text: '😀'.repeat(300), time: clock.now() + 7_200_000 })]);
  expect(sandbox.copies()[0]?.record.properties).toMatchObject({ text: '😀'.repeat(255), time: clock.now() });
});

test('the oldest copies are dropped at the bound and counted', async () => {
  await open({ copiesMax: 3 });
  await post(['a', 'b', 'c', 'd', 'e'].map((id) => event(id)));
  expect(sandbox.state().events).toEqual({ raw: 5, kept: 3, distinct: 3, dropped: 2 });
  expect(sandbox.copies().map((copy) => copy.record.properties.$insert_id)).toEqual(['c', 'd', 'e']);
});

test('the bound in bytes holds too', async () => {
  await open({ bytesMax: 10_000 });
  for (let index = 0; index < 20; index++) await post([event(`n${index}`, { text: 'x'.repeat(1000) })]);
  expect(sandbox.state().events.kept).toBeLessThan(10);
});

test('when only keys are kept, copies are counted and not kept', async () => {
  await open({ keep: 'keys' });
  await post([event('a'), event('a'), event('b')]);
  expect(sandbox.state().events).toMatchObject({ raw: 3, distinct: 2 });
  expect(sandbox.copies()).toEqual([]);
});

test('faults are ordered over HTTP and used up in order', async () => {
  const order = [{ status: 429, headers: { 'retry-after': '7' }, times: 2 }, { scenario: 'html503' }];
  expect(await post(order, { path: '/__control' })).toEqual([200, '{"waiting":3}']);
  const statuses: number[] = [];
  for (let round = 0; round < 4; round++) statuses.push((await post([event('a')]))[0]);
  expect(statuses).toEqual([429, 429, 503, 200]);
  expect(sandbox.state()).toMatchObject({ requests: 4, statuses: { 200: 1, 429: 2, 503: 1 }, faultsWaiting: 0 });
});

test('faults are taken back', async () => {
  sandbox.faults.order({ scenario: 'html503' });
  expect((await fetch(`${url}/__control`, { method: 'DELETE' })).status).toBe(204);
  expect((await post([event('a')]))[0]).toBe(200);
});

test.each([
  ['nonsense', 'the body must be JSON'],
  [[5], 'a fault is an object'],
  [{ scenario: 'constructor' }, 'no scenario of that name'],
  [{ stattus: 500 }, 'unknown field "stattus"'],
  [{ status: 99 }, 'status must be'],
  [{ times: 0 }, 'times must be'],
  [{ headers: { 'a b': 'c' } }, 'headers must be'],
  [{ sizeProfile: 'huge' }, 'sizeProfile must be one of'],
])('the order %j is refused', async (order, error) => {
  const [status, body] = await post(order, { path: '/__control' });
  expect(status).toBe(400);
  expect(JSON.parse(body).error).toContain(error);
});

test('a connection cut before anything leaves nothing, one cut after storing leaves everything', async () => {
  sandbox.faults.order({ closeBefore: true });
  await expect(post([event('a')])).rejects.toThrow();
  expect(sandbox.state().events.raw).toBe(0);
  sandbox.faults.order({ scenario: 'ambiguousAfterIngest' });
  await expect(post([event('a')])).rejects.toThrow();
  expect(sandbox.state().events.raw).toBe(1);
  await until(() => sandbox.state().statuses.none === 2);
});

test('a slow answer comes after 31 s and is right', async () => {
  sandbox.faults.order({ scenario: 'slow' });
  const answer = post([event('a')]);
  await until(() => clock.waits().length === 1);
  await clock.advance(31_000);
  expect(await answer).toEqual([200, '1']);
});

test('a poisoned record gets every request with it refused and none other', async () => {
  await post({ scenario: 'poisonRecord', insertId: 'bad' }, { path: '/__control' });
  expect((await post([event('a'), event('bad')]))[0]).toBe(400);
  expect((await post([event('bad')]))[0]).toBe(400);
  expect((await post([event('a')]))[0]).toBe(200);
  expect(sandbox.state().events.raw).toBe(1);
});

test('what arrived is shown, the last of them on request, and forgotten on request', async () => {
  await post([event('a'), event('a'), event('b')]);
  const events = async (query: string) =>
    (await fetch(`${url}/__events${query}`)).json() as Promise<{ items: unknown[] }>;
  expect((await events('')).items).toHaveLength(2);
  expect((await events('?raw=1')).items).toHaveLength(3);
  expect((await events('?limit=1')).items).toMatchObject([{ record: { properties: { $insert_id: 'b' } } }]);
  expect((await fetch(`${url}/__events`, { method: 'DELETE' })).status).toBe(204);
  expect(await (await fetch(`${url}/__state`)).json()).toMatchObject({ requests: 0, events: { raw: 0, distinct: 0 } });
});

test('other paths and methods are refused', async () => {
  expect((await post([event('a')], { path: '/decide' }))[0]).toBe(404);
  expect((await fetch(`${url}/track`)).status).toBe(405);
  expect((await fetch(`${url}/__nothing`)).status).toBe(404);
});

test('a client that goes away in the middle harms nobody', async () => {
  const half = httpRequest(`${url}/track`, { method: 'POST', headers: { 'content-length': '1000' } });
  half.on('error', () => {});
  half.write('[{');
  await until(() => sandbox.state().requests === 1);
  half.destroy();
  expect(await post([event('a')])).toEqual([200, '1']);
});
