import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BloomreachSandbox, BloomreachSandboxOptions } from '../../../src/destinations/sandbox/bloomreach.ts';
import { createSandbox } from '../../../src/destinations/sandbox/sandbox.ts';
import { clock, closeAll, openDouble } from './open-double.ts';

let double: BloomreachSandbox;
let url: string;
beforeEach(() => open({}));
afterEach(closeAll);

async function open(options: Partial<BloomreachSandboxOptions>) {
  ({ double, url } = await openDouble(options));
}

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;
const authorization = basic('key-1:a-long-secret');

async function post(body: unknown, headers: Record<string, string> = {}, path = '/track/v2/projects/tok/batch') {
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const answer = await fetch(url + path, { method: 'POST', headers: { authorization, ...headers }, body: text });
  const said = await answer.text();
  return [answer.status, said.startsWith('{') ? JSON.parse(said) : said] as const;
}

const event = (data: object = {}) => ({
  name: 'customers/events',
  data: { customer_ids: { registered: 'u1' }, event_type: 'Paid', timestamp: 1.5, properties: { n: 1 }, ...data },
});
const update = (data: object = {}) => ({
  name: 'customers',
  data: { customer_ids: { registered: 'u1' }, properties: { plan: 'pro' }, update_timestamp: 10, ...data },
});
const batch = (...commands: unknown[]) => ({ commands });

test('good commands are taken, and a command_id comes back', async () => {
  const [status, answer] = await post(batch(event(), { ...update(), command_id: 'c1' }, { name: 'system/time' }));
  expect(status).toBe(200);
  expect(answer).toMatchObject({ success: true, start_time: clock.now() / 1000 });
  expect(answer.results).toEqual([
    { success: true },
    { success: true, command_id: 'c1' },
    { success: true, time: clock.now() / 1000 },
  ]);
});

test.each([
  ['no credentials', { authorization: '' }, 401, 'Access key not provided'],
  ['an unknown key', { authorization: basic('key-9:a-long-secret') }, 401, 'access key not found'],
  ['an unknown public token', { authorization: 'Token nobody' }, 401, 'access key not found'],
  ['a wrong secret', { authorization: basic('key-1:other') }, 403, 'invalid secret'],
])('%s is refused', async (_what, headers, status, error) => {
  expect(await post(batch(event()), headers)).toEqual([status, { success: false, error }]);
});

test('an unknown project comes before credentials, an encoding before both', async () => {
  const elsewhere = '/track/v2/projects/nope/batch';
  const refused = [400, { success: false, error: 'Invalid project id' }];
  expect(await post(batch(event()), { authorization: '' }, elsewhere)).toEqual(refused);
  const [status, said] = await post(
    gzipSync(JSON.stringify(batch(event()))),
    { 'content-encoding': 'gzip' },
    elsewhere,
  );
  expect([status, said]).toEqual([400, expect.stringMatching(/^BadRequest: /)]);
  expect((await post(batch(), {}, '/track/v2/elsewhere'))[0]).toBe(404);
});

test('without projects any token and any key are right', async () => {
  await open({ projects: undefined as never });
  expect((await post(batch(event()), { authorization: basic('a:b') }, '/track/v2/projects/x/batch'))[0]).toBe(200);
});

test('requests are counted by address, or by the forwarded one; what is refused is not stored', async () => {
  await open({ requestsPerSecond: 2 });
  const statuses = [];
  for (let n = 0; n < 3; n++) statuses.push((await post(batch(event())))[0]);
  statuses.push((await post(batch(event()), { 'x-forwarded-for': '8.8.8.8, 1.1.1.1' }))[0]);
  expect(statuses).toEqual([200, 200, 429, 200]);
  expect(double.copies()).toHaveLength(3);
  await clock.advance(1000);
  expect((await post(batch(event())))[0]).toBe(200);
});

test.each([
  ['no JSON', '{"commands":[', 'Invalid JSON'],
  ['a list', [], 'Invalid JSON'],
  ['one command that is no object', batch(event(), 'x'), 'Invalid JSON'],
  ['no commands', {}, 'No commands'],
  ['an empty list of them', batch(), 'No commands'],
  ['fifty-one', batch(...Array.from({ length: 51 }, () => event())), 'Too many commands'],
])('%s is refused whole', async (_what, body, message) => {
  expect(await post(body)).toEqual([400, { success: false, message }]);
  expect(double.copies()).toEqual([]);
});

test.each([
  ['no id', event({ customer_ids: {} }), 'At least one id should be specified.'],
  ['an id of null', event({ customer_ids: { registered: null } }), 'At least one id should be specified.'],
  ['an id without letter or digit', update({ customer_ids: { a: '--' } }), 'At least one id should be specified.'],
  [
    'an event type that is not permitted',
    event({ event_type: 'Secret' }),
    'Not authorized to add event of specified type',
  ],
  [
    'a property that is not permitted',
    update({ properties: { salary: 1 } }),
    'not authorized to update specified customer properties',
  ],
  ['no properties', update({ properties: {} }), 'At least one property should be specified.'],
  ['a value of 16 KB', event({ properties: { text: 'x'.repeat(16_384) } }), 'Value of property text is too large.'],
  ['another name', { name: 'customers/delete', data: {} }, 'Unknown command name: customers/delete'],
])('a command with %s fails alone', async (_what, command, error) => {
  double.deny({ events: ['Secret'], properties: ['salary'] });
  const [status, answer] = await post(batch(command, event()));
  expect([status, answer.success, answer.results]).toEqual([
    200,
    true,
    [{ success: false, errors: [error] }, { success: true }],
  ]);
  expect(double.state().commands).toEqual({ taken: 1, refused: 1 });
});

test('commands are executed in another order than they come in, and answered in theirs', async () => {
  await post(batch(event({ event_type: 'A' }), event({ event_type: 'B' }), event({ event_type: 'C' })));
  expect(double.copies().map((copy) => copy.event.type)).not.toEqual(['A', 'B', 'C']);
});

test('exact copies are one whatever the order of names, and billed each; another property is another event', async () => {
  await post(batch(event({ properties: { a: 1, b: 2 } }), event({ properties: { b: 2, a: 1 } }), event()));
  expect([double.copies().length, double.deduped().length, double.state().events.billed]).toEqual([3, 2, 3]);
});

test('only an older property is overwritten', async () => {
  await post(batch(update({ properties: { plan: 'old', city: 'Brno' }, update_timestamp: 5 })));
  await post(batch(update()));
  await post(batch(update({ properties: { plan: 'late', city: 'Oslo' }, update_timestamp: 7 })));
  expect(double.customers()).toEqual([
    { project: 'tok', ids: { registered: 'u1' }, properties: { plan: 'pro', city: 'Oslo' } },
  ]);
});

test('a customer is known by each of its ids, and one of another project is another', async () => {
  await open({ projects: { tok: {}, two: {} } });
  await post(batch(update({ customer_ids: { registered: 'u1', cookie: 'c1' } })));
  await post(batch(update({ customer_ids: { cookie: 'c1' }, properties: { city: 'Oslo' } })));
  await post(batch(update({ properties: { n: 1 } })), {}, '/track/v2/projects/two/batch');
  expect(double.customers().map(({ ids, properties }) => [ids, properties])).toEqual([
    [
      { registered: 'u1', cookie: 'c1' },
      { plan: 'pro', city: 'Oslo' },
    ],
    [{ registered: 'u1' }, { n: 1 }],
  ]);
});

test('single calls and the clock answer in their own shape', async () => {
  const project = '/track/v2/projects/tok';
  expect(await post(event().data, {}, `${project}/customers/events`)).toEqual([200, { errors: [], success: true }]);
  const [, refused] = await post({}, {}, `${project}/customers`);
  expect(refused).toEqual({ errors: ['At least one id should be specified.'], success: false });
  const time = await fetch(`${url}${project}/system/time`, { headers: { authorization } });
  expect(await time.json()).toEqual({ errors: [], success: true, time: clock.now() / 1000 });
  expect(time.headers.get('x-request-id')).toMatch(/^req_/);
});

test('its own pages show what arrived, take orders and forget', async () => {
  const page = async (path: string, init?: RequestInit) => await fetch(`${url}/__bloomreach${path}`, init);
  await post(batch(event(), event(), update()));
  expect(await (await page('/events')).json()).toMatchObject({ total: 1 });
  expect(await (await page('/events?raw=1&limit=1')).json()).toMatchObject({ total: 2, items: [{ sequence: 2 }] });
  expect(await (await page('/customers')).json()).toMatchObject({ total: 1 });
  const order = async (body: unknown) =>
    (await page('/control', { method: 'POST', body: JSON.stringify(body) })).status;
  expect(await order([{ status: 503 }, { deny: { events: ['Paid'] } }])).toBe(200);
  expect(await order({ deny: ['Paid'] })).toBe(400);
  expect(await order({ status: 9 })).toBe(400);
  expect((await post(batch(event())))[0]).toBe(503);
  expect((await post(batch(event())))[1].results[0].success).toBe(false);
  await page('/control', { method: 'DELETE' });
  expect((await post(batch(event())))[1].results[0].success).toBe(true);
  expect(await (await page('')).json()).toMatchObject({ requests: 4, statuses: { 200: 3, 503: 1 } });
  await page('/events', { method: 'DELETE' });
  expect(double.state()).toMatchObject({ requests: 0, events: { billed: 0, kept: 0 }, updates: 0 });
  expect((await page('/nowhere')).status).toBe(404);
});

test('it keeps the newest events within its bound and bills all of them', async () => {
  await open({ eventsMax: 3 });
  for (let n = 0; n < 5; n++) await post(batch(event({ properties: { n } })));
  expect(double.copies().map((copy) => copy.event.properties.n)).toEqual([2, 3, 4]);
  expect(double.state().events).toEqual({ billed: 5, kept: 3 });
});

test('it owns its paths and no other of a server it shares', () => {
  const paths = [
    '/track/v2/projects/tok/batch',
    '/__bloomreach',
    '/__bloomreach/events',
    '/track',
    '/__bloomreachx',
    '/__state',
  ];
  expect(paths.filter((path) => double.owns(path))).toEqual(paths.slice(0, 3));
});

test('the sandbox answers for both vendors', async () => {
  await using both = createSandbox({ clock });
  const { url } = await both.listen('127.0.0.1', 0);
  const time = await fetch(`${url}/track/v2/projects/p1/system/time`, { headers: { authorization: 'Basic YTpi' } });
  expect(await time.json()).toMatchObject({ success: true });
  const track = await fetch(`${url}/track`, { method: 'POST', body: '[]' });
  expect(track.status).not.toBe(404);
});
