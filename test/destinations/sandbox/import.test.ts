/** `/import` of the sandbox: Mixpanel's own checks, its words and its answers. */
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSandbox, type Sandbox, type SandboxOptions } from '../../../src/destinations/sandbox/sandbox.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';

let clock: FakeClock;
let sandbox: Sandbox;
let url: string;

beforeEach(async () => {
  clock = createFakeClock();
  await open({ tokens: ['known'] });
});
afterEach(() => sandbox.close());

async function open(options: Partial<SandboxOptions>): Promise<void> {
  await sandbox?.close();
  sandbox = createSandbox({ clock, ...options });
  url = (await sandbox.listen('127.0.0.1', 0)).url;
}

const DAY_MS = 86_400_000;
const event = (id: string, other: Record<string, unknown> = {}) => ({
  event: 'Paid',
  properties: { time: clock.now() - 6 * DAY_MS, distinct_id: 'u', $insert_id: id, ...other },
});

type Sent = { readonly query?: string; readonly auth?: string; readonly type?: string; readonly gzip?: boolean };

async function post(body: unknown, sent: Sent = {}): Promise<readonly [number, unknown]> {
  const { query = '?strict=1', auth = 'known:', type = 'application/json', gzip = false } = sent;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(`${url}/import${query}`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(auth).toString('base64')}`,
      'content-type': type,
      ...(gzip ? { 'content-encoding': 'gzip' } : {}),
    },
    body: gzip ? gzipSync(text) : text,
  });
  const said = await answer.text();
  return [answer.status, /^[{[]/.test(said) ? JSON.parse(said) : said];
}

const ok = (count: number) => [200, { code: 200, num_records_imported: count, status: 'OK' }];
const ids = () => sandbox.deduped().map(({ record }) => record.properties.$insert_id);

test('events of any age are stored and counted, marked as imported', async () => {
  expect(await post([event('a'), event('b', { time: 31_536_000 })])).toEqual(ok(2));
  expect(sandbox.copies().map(({ endpoint, record }) => [endpoint, record.properties.$import])).toEqual([
    ['import', true],
    ['import', true],
  ]);
});

test('gzip and JSON lines are read', async () => {
  expect(await post([event('a')], { gzip: true })).toEqual(ok(1));
  const lines = `${JSON.stringify(event('b'))}\n${JSON.stringify(event('c'))}\n`;
  expect(await post(lines, { type: 'application/x-ndjson' })).toEqual(ok(2));
  expect(ids()).toEqual(['a', 'b', 'c']);
});

test.each<[string, Record<string, unknown>, string, string]>([
  [
    'no time',
    { time: undefined },
    'properties.time',
    "'properties.time' is invalid: must be specified as seconds since epoch",
  ],
  [
    'a time before 1971',
    { time: 1 },
    'properties.time',
    "'properties.time' is invalid: must be specified as seconds since epoch",
  ],
  ['a time two hours ahead', { time: 1_772_373_600_000 }, 'properties.time', 'future'],
  ['no $insert_id', { $insert_id: undefined }, '$insert_id', 'empty'],
  [
    'a colon in $insert_id',
    { $insert_id: 'a:b' },
    '$insert_id',
    "'$insert_id' is invalid: must only contain alphanumeric or hyphen '-' characters",
  ],
  ['a long $insert_id', { $insert_id: 'x'.repeat(37) }, '$insert_id', '36'],
  ['a placeholder for $insert_id', { $insert_id: 'undefined' }, '$insert_id', 'placeholder'],
  ['a placeholder for distinct_id', { distinct_id: ' NULL ' }, 'properties.distinct_id', 'placeholder'],
  ['no distinct_id', { distinct_id: undefined }, 'properties.distinct_id', 'string'],
  [
    'half a character',
    { note: '\ud800' },
    'properties.note',
    'properties.note is invalid: string should be valid utf8',
  ],
  ['255 keys', Object.fromEntries(Array.from({ length: 255 }, (_, n) => [`k${n}`, n])), 'properties', '254'],
])(
  'a record with %s is refused by its place and in words; its siblings are stored',
  async (_name, given, field, words) => {
    const [status, body] = await post([event('a'), event('bad', given), event('c')]);
    expect(status).toBe(400);
    expect(body).toMatchObject({
      code: 400,
      error: 'some data points in the request failed validation',
      status: 'Bad Request',
      num_records_imported: 2,
      failed_records: [{ index: 1, field, message: expect.stringContaining(words) }],
    });
    expect(ids()).toEqual(['a', 'c']);
  },
);

test('an empty distinct_id is nobody and allowed; an hour ahead is too', async () => {
  expect(await post([event('a', { distinct_id: '' }), event('b', { time: clock.now() + 3_600_000 })])).toEqual(ok(2));
});

test('without strict it answers 1, or 0 when nothing is good', async () => {
  expect(await post([event('a'), {}], { query: '' })).toEqual([200, '1']);
  expect(await post([event('', {}), 7], { query: '?strict=0' })).toEqual([200, '0']);
});

test.each([
  ['an unknown token', 'other:'],
  ['a token with a password', 'known:word'],
  ['nothing', ':'],
])('%s is 401, and nothing is stored', async (_name, auth) => {
  const refused = [401, { code: 401, error: 'Invalid credentials', status: 'Unauthorized' }];
  expect(await post([event('a')], { auth })).toEqual(refused);
  expect(await post([{}], { auth })).toEqual(refused);
  expect(ids()).toEqual([]);
});

test('a list of nothing asks whether the credentials are good, and counts nothing', async () => {
  expect(await post([{}])).toEqual([200, { error: 'data, missing or empty', status: 0 }]);
  expect(sandbox.state().records).toEqual({ stored: 0, dropped: 0, invalid: 0 });
});

test('a service account needs its secret and its project', async () => {
  await open({ tokens: ['known'], serviceAccounts: [{ user: 'relay', secret: 'word', projectId: '7' }] });
  const asked = (auth: string, query: string) => post([event('a')], { auth, query }).then(([status]) => status);
  expect(await asked('relay:word', '?strict=1&project_id=7')).toBe(200);
  expect(await asked('relay:word', '?strict=1&project_id=8')).toBe(401);
  expect(await asked('relay:word', '?strict=1')).toBe(401);
  expect(await asked('relay:other', '?strict=1&project_id=7')).toBe(401);
});

test('2,001 records are refused whole, and more bytes than it takes too', async () => {
  const [status, body] = await post(Array.from({ length: 2001 }, (_, n) => event(`n${n}`)));
  expect([status, body]).toMatchObject([400, { code: 400 }]);
  expect(body).not.toHaveProperty('failed_records');
  sandbox.setSizeProfile('legacy2mb');
  expect(await post([event('a', { big: 'x'.repeat(2_097_152) })])).toEqual([
    413,
    { code: 413, error: 'request exceeds max limit of 2097152 bytes', status: 'Request Entity Too Large' },
  ]);
});

test('an ordered 429 is for /import alone when it says so', async () => {
  sandbox.faults.order({ endpoint: 'import', status: 429, body: '{"code":429}' });
  const answer = await fetch(`${url}/track`, {
    method: 'POST',
    body: JSON.stringify([event('t', { token: 'known' })]),
  });
  expect(answer.status).toBe(200);
  expect((await post([event('a')]))[0]).toBe(429);
  expect(await post([event('a')])).toEqual(ok(1));
});

test('a poisoned record is the only one that is refused', async () => {
  sandbox.faults.order({ scenario: 'poisonRecord', index: 1 });
  for (const round of [1, 2]) {
    const [status, body] = await post([event('a'), event('b'), event('c')]);
    expect([round, status, body]).toMatchObject([round, 400, { failed_records: [{ index: 1, insert_id: 'b' }] }]);
  }
  expect(ids()).toEqual(['a', 'c']);
});

test('a token that is revoked is 401 here and 1 without a trace at /track', async () => {
  expect(sandbox.faults.order({ scenario: 'tokenRevoked' })).toBeNull();
  expect((await post([event('a')]))[0]).toBe(401);
  const answer = await fetch(`${url}/track`, {
    method: 'POST',
    body: JSON.stringify([event('t', { token: 'known' })]),
  });
  expect(await answer.text()).toBe('1');
  expect(ids()).toEqual([]);
  sandbox.faults.clear();
  expect(await post([event('a')])).toEqual(ok(1));
});

test('what came by /track and again by /import is one event', async () => {
  const same = event('a', { time: clock.now() - 60_000, token: 'known' });
  await fetch(`${url}/track`, { method: 'POST', body: JSON.stringify([same]) });
  expect(await post([same])).toEqual(ok(1));
  expect(sandbox.state().events).toMatchObject({ raw: 2, distinct: 1 });
});

test('a merge names two ids, and /track does not take it', async () => {
  const merge = (ids: unknown) => ({ ...event('m', { $distinct_ids: ids, distinct_id: undefined }), event: '$merge' });
  expect(await post([merge(['a', 'b'])])).toEqual(ok(1));
  expect(await post([merge(['a'])])).toMatchObject([400, { failed_records: [{ field: 'properties.$distinct_ids' }] }]);
  const tracked = {
    ...merge(['a', 'b']),
    properties: { ...merge(['a', 'b']).properties, token: 'known', time: clock.now() },
  };
  const answer = await fetch(`${url}/track`, { method: 'POST', body: JSON.stringify([tracked]) });
  expect(await answer.text()).toBe('0');
});
