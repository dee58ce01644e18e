/** Requests to `/import` as they leave: where, with which credentials, and with the same identity as to `/track`. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createMixpanel, type MixpanelOptions } from '../../../src/destinations/mixpanel/destination.ts';
import { shapeEvent } from '../../../src/destinations/mixpanel/shape.ts';
import type { LeasedEvent } from '../../../src/model.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { type Recorder, record } from '../../support/recorder.ts';

const clock = createFakeClock();
const never = new AbortController().signal;
const DAY_MS = 86_400_000;
const MARGIN_MS = 12 * 3_600_000;
const TOKEN = 'project-token';

let recorder: Recorder;
let answer = { status: 200, body: '{"code":200,"num_records_imported":1,"status":"OK"}' };
const open: AsyncDisposable[] = [];
beforeEach(async () => {
  answer = { status: 200, body: '{"code":200,"num_records_imported":1,"status":"OK"}' };
  recorder = await record(() => answer);
  open.push(recorder);
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

function mixpanel(options: Partial<MixpanelOptions> = {}) {
  const defaults = { name: 'mixpanel', token: TOKEN, format: 'json', timeoutMs: 30_000, concurrency: 2 } as const;
  const destination = createMixpanel({ ...defaults, baseUrl: recorder.url, clock, ...options });
  open.push(destination);
  return destination;
}

function aged(ageMs: number, more: Record<string, unknown> = {}): LeasedEvent {
  const receivedAt = clock.now();
  const context = { source: 's', identity: 'd', receivedAt, index: 0, now: receivedAt };
  const properties = { time: receivedAt - ageMs, distinct_id: 'cus_1', plan: 'pro', ...more };
  const shaped = shapeEvent({ event: 'Paid', properties }, context);
  if (!shaped.ok) throw new Error(shaped.message);
  const { json, time } = shaped;
  return {
    id: 'evt_1',
    destination: 'mixpanel',
    json,
    time,
    position: 1,
    source: 's',
    delivery: 'd',
    receivedAt,
    attempts: 0,
  };
}

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;
const records = () => JSON.parse(recorder.seen[0]?.body ?? 'null') as { properties: Record<string, unknown> }[];

test.each([
  ['5 days less 12 hours', 5 * DAY_MS - MARGIN_MS, '/track?verbose=1&ip=0'],
  ['a millisecond older', 5 * DAY_MS - MARGIN_MS + 1, '/import?strict=1'],
  ['ten years', 3650 * DAY_MS, '/import?strict=1'],
  ['nothing', 0, '/track?verbose=1&ip=0'],
])('an event of %s goes where its age belongs', async (_name, ageMs, url) => {
  await mixpanel().send([aged(ageMs)], never);
  expect(recorder.seen.map((seen) => seen.url)).toEqual([url]);
});

test('with always even a fresh event goes to /import, with never even an old one to /track', async () => {
  await mixpanel({ import: 'always' }).send([aged(0)], never);
  await mixpanel({ import: 'never' }).send([aged(6 * DAY_MS)], never);
  expect(recorder.seen.map((seen) => seen.url)).toEqual(['/import?strict=1', '/track?verbose=1&ip=0']);
});

test('only never has an age limit', () => {
  expect(mixpanel({ import: 'never' }).eventAgeMaxMs).toBe(5 * DAY_MS - 60_000);
  expect(mixpanel().eventAgeMaxMs).toBeNull();
  expect(mixpanel({ import: 'always' }).eventAgeMaxMs).toBeNull();
});

test('the request is gzipped JSON with the token as user and no password, and says nowhere else whose it is', async () => {
  const result = await mixpanel().send([aged(6 * DAY_MS)], never);
  expect(result).toMatchObject({ outcome: { kind: 'delivered' }, status: 200 });
  expect(recorder.seen[0]?.headers).toMatchObject({
    authorization: basic(`${TOKEN}:`),
    'content-type': 'application/json',
    'content-encoding': 'gzip',
  });
  expect(recorder.seen[0]?.body).not.toContain(TOKEN);
  expect(recorder.seen[0]?.headers).not.toHaveProperty('x-forwarded-for');
});

test('the four values that make copies equal are the same bytes at both endpoints', async () => {
  const event = aged(4 * DAY_MS, { distinct_id: 'zoë "x"', big: '9007199254740993' });
  await mixpanel({ import: 'never' }).send([event], never);
  await mixpanel({ import: 'always' }).send([event], never);
  const [tracked = '', imported = ''] = recorder.seen.map(({ body }) => body);
  expect(tracked.replace(`,"token":"${TOKEN}"}}]`, '')).toBe(imported.replace(',"ip":"0"}}]', ''));
  expect(imported.startsWith(`[${event.json.slice(0, -2)}`)).toBe(true);
});

test('as a form to /track it is still JSON to /import', async () => {
  await mixpanel({ format: 'form' }).send([aged(6 * DAY_MS)], never);
  expect(recorder.seen[0]?.headers['content-type']).toBe('application/json');
  expect(records()).toHaveLength(1);
});

test('an end user address is kept; without one the relay own is not looked up', async () => {
  const events = [
    aged(6 * DAY_MS, { ip: '8.8.8.8, 10.0.0.1' }),
    aged(6 * DAY_MS),
    aged(6 * DAY_MS, { note: 'an "ip": here' }),
    aged(6 * DAY_MS, { at: { ip: 'x' } }),
  ];
  answer.body = '{"code":200,"num_records_imported":4,"status":"OK"}';
  await mixpanel().send(events, never);
  expect(records().map(({ properties }) => properties.ip)).toEqual(['8.8.8.8', '0', '0', '0']);
  expect(recorder.seen[0]?.body.match(/"ip":"0"/g)).toHaveLength(3);
});

test('sizeOf is never less than what an event takes', async () => {
  for (const options of [{}, { token: 'x' }, { format: 'form' as const }]) {
    const destination = mixpanel({ ...options, import: 'always' });
    const events = [aged(0), aged(0, { text: 'a+b %&= 😀' })];
    const { bytes } = await destination.send(events, never);
    expect(bytes).toBeLessThanOrEqual(events.reduce((sum, event) => sum + destination.sizeOf(event), 0) + 16);
  }
});

test('a service account stands in the token place and names the project', async () => {
  const serviceAccount = { user: 'relay.abc', secret: 'sesame', projectId: '7&8' };
  await mixpanel({ serviceAccount }).send([aged(6 * DAY_MS)], never);
  expect(recorder.seen[0]).toMatchObject({ url: '/import?strict=1&project_id=7%268' });
  expect(recorder.seen[0]?.headers.authorization).toBe(basic('relay.abc:sesame'));
});

test('no credential comes back in the words of an outcome', async () => {
  const serviceAccount = { user: 'relay', secret: 'sesame-open', projectId: '7' };
  const said = `${TOKEN} ${basic(`${TOKEN}:`)} sesame-open ${basic('relay:sesame-open')}`;
  answer = { status: 401, body: JSON.stringify({ code: 401, error: said, status: 'Unauthorized' }) };
  const { outcome } = await mixpanel({ serviceAccount }).send([aged(6 * DAY_MS)], never);
  expect(outcome).toEqual({
    kind: 'pause',
    reason: 'unauthorized',
    message: '401: [token] Basic [token] [secret] Basic [secret]',
  });
});

test('two thousand refusals in one answer are all read', async () => {
  const failed = Array.from({ length: 2000 }, (_, index) => ({
    index,
    insert_id: 'x'.repeat(36),
    field: 'properties.time',
    message: 'm'.repeat(150),
  }));
  answer = {
    status: 400,
    body: JSON.stringify({ code: 400, status: 'Bad Request', num_records_imported: 0, failed_records: failed }),
  };
  const { outcome } = await mixpanel().send(
    Array.from({ length: 2000 }, () => aged(6 * DAY_MS)),
    never,
  );
  expect(outcome.kind === 'partial' && outcome.verdicts.filter(({ kind }) => kind === 'dead')).toHaveLength(2000);
});

test('endpointOf says which events may share a request, by the time of asking', () => {
  const destination = mixpanel();
  const event = aged(4 * DAY_MS);
  const update = { ...event, update: { route: 'profile', key: 'k' } } as const;
  expect(destination.endpointOf?.(event, clock.now())).toBe('track');
  expect(destination.endpointOf?.(event, clock.now() + DAY_MS)).toBe('import');
  expect(destination.endpointOf?.(update, clock.now() + 30 * DAY_MS)).toBe('profile');
});

test.each<[number, string, string]>([
  [200, '{"error":"data, missing or empty","status":0}', 'known'],
  [200, '{"code":200,"num_records_imported":0,"status":"OK"}', 'known'],
  [
    400,
    '{"code":400,"status":"Bad Request","num_records_imported":0,"failed_records":[{"index":0,"message":"m"}]}',
    'known',
  ],
  [401, '{"code":401,"error":"Invalid credentials","status":"Unauthorized"}', 'refused'],
  [403, 'no', 'unknown'],
  [404, 'no', 'unknown'],
  [406, 'no', 'unknown'],
  [429, 'no', 'unknown'],
  [503, 'no', 'unknown'],
  [200, '<html>Welcome</html>', 'unknown'],
])('asked about the token, %i %j is %s', async (status, body, kind) => {
  answer = { status, body };
  const said = await mixpanel({ recognises: true }).recognise?.(never);
  expect(said?.kind).toBe(kind);
  expect(recorder.seen).toMatchObject([{ url: '/import?strict=1', body: '[{}]' }]);
  expect(recorder.seen[0]?.headers.authorization).toBe(basic(`${TOKEN}:`));
});

test('what is refused is told with what to check, and without the token', async () => {
  answer = { status: 401, body: `{"error":"Invalid credentials ${TOKEN}"}` };
  const said = await mixpanel({ recognises: true }).recognise?.(never);
  expect(said).toMatchObject({
    kind: 'refused',
    message: expect.stringMatching(/^401: Invalid credentials \[token\];.*region/),
  });
});

test('a service account is asked about too, after the token', async () => {
  const serviceAccount = { user: 'relay', secret: 'sesame', projectId: '7' };
  answer = { status: 200, body: '{"error":"data, missing or empty","status":0}' };
  const destination = mixpanel({ recognises: true, serviceAccount, import: 'never' });
  expect(await destination.recognise?.(never)).toEqual({ kind: 'known' });
  expect(recorder.seen.map(({ headers }) => headers.authorization)).toEqual([
    basic(`${TOKEN}:`),
    basic('relay:sesame'),
  ]);
});

test('a question that nobody answers ends by itself and says nothing', async () => {
  const gone = recorder.url;
  await recorder[Symbol.asyncDispose]();
  const said = await mixpanel({ recognises: true, baseUrl: gone }).recognise?.(never);
  expect(said).toEqual({ kind: 'unknown', answered: false });
});

test('who is not to be asked cannot be', () => {
  expect(mixpanel().recognise).toBeUndefined();
});
