import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
} from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createMixpanel } from '../../../src/destinations/mixpanel/destination.ts';
import type { LeasedEvent, UpdateRoute } from '../../../src/model.ts';
import { createFakeClock, until } from '../../support/fake-clock.ts';

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

const clock = createFakeClock();
const never = new AbortController().signal;

type Seen = { readonly url: string; readonly headers: IncomingHttpHeaders; readonly body: string };

async function recorder(answer: RequestListener) {
  const seen: Seen[] = [];
  const server = createHttpServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    seen.push({ url: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, server };
}

function mixpanel(baseUrl: string, format: 'json' | 'form' = 'json') {
  const options = { name: 'mixpanel', token: 'se"cret', timeoutMs: 30_000, concurrency: 2, clock } as const;
  const destination = createMixpanel({ ...options, baseUrl, format });
  open.push(async () => await destination[Symbol.asyncDispose]());
  return destination;
}

function leased(record: object, route: UpdateRoute): LeasedEvent {
  const time = clock.now();
  const place = { position: 1, source: 's', delivery: 'dlv_1', receivedAt: time, attempts: 0 };
  const update = { route, key: 'profile:u1' };
  return { id: 'evt_1', destination: 'mixpanel', json: JSON.stringify(record), time, update, ...place };
}

const set = leased({ $distinct_id: 'u1', $set: { Name: 'Ü+%' } }, 'profile');
const unset = leased({ $distinct_id: 'u2', $unset: ['Name'] }, 'profile');
const add = leased({ $distinct_id: 'u1', $add: { Orders: 1 } }, 'profile_once');
const group = leased({ $group_key: 'company', $group_id: 'acme', $set: { Seats: 1 } }, 'group');

const ok: RequestListener = (_request, response) => void response.end('{"error":null,"status":1}');
const says = (body: string, status = 200) =>
  recorder((_request, response) => void response.writeHead(status).end(body));
const outcomeOf = async (url: string, events: readonly LeasedEvent[]) =>
  (await mixpanel(url).send(events, never)).outcome;

test('updates of people are one POST to /engage, uncompressed, with the token beside the operator', async () => {
  const { url, seen } = await recorder(ok);
  const result = await mixpanel(url).send([set, unset], never);
  expect(result).toMatchObject({ outcome: { kind: 'delivered' }, status: 200 });
  expect(seen[0]?.url).toBe('/engage?verbose=1&strict=1&ip=0');
  expect(seen[0]?.headers).toMatchObject({ 'content-type': 'application/json', 'content-length': `${result.bytes}` });
  expect(seen[0]?.headers['content-encoding']).toBeUndefined();
  expect(JSON.parse(seen[0]?.body ?? '')).toEqual([
    { $distinct_id: 'u1', $set: { Name: 'Ü+%' }, $token: 'se"cret' },
    { $distinct_id: 'u2', $unset: ['Name'], $token: 'se"cret' },
  ]);
});

test('updates of groups go to /groups', async () => {
  const { url, seen } = await recorder(ok);
  await mixpanel(url).send([group], never);
  expect(seen[0]?.url).toBe('/groups?verbose=1&strict=1&ip=0');
});

test.each(['json', 'form'] as const)('sizeOf is what updates take in a %s body', async (format) => {
  const { url, seen } = await recorder(ok);
  const destination = mixpanel(url, format);
  const { bytes } = await destination.send([set, unset], never);
  const counted = destination.sizeOf(set) + destination.sizeOf(unset);
  expect(Math.abs(bytes - counted)).toBeLessThanOrEqual(16);
  expect(bytes).toBeLessThanOrEqual(counted + 16);
  if (format === 'form') expect(JSON.parse(new URLSearchParams(seen[0]?.body).get('data') ?? '')).toHaveLength(2);
});

test('what goes once has a connection of its own each time, other updates share one', async () => {
  const { url, server } = await recorder(ok);
  let connections = 0;
  server.on('connection', () => connections++);
  const destination = mixpanel(url);
  for (let time = 0; time < 3; time++) await destination.send([set], never);
  const shared = connections;
  expect(shared).toBeLessThanOrEqual(2);
  for (let time = 0; time < 3; time++) expect((await destination.send([add], never)).outcome.kind).toBe('delivered');
  expect(connections).toBe(shared + 3);
});

test.each([
  ['{"error":null,"status":1}', 'delivered'],
  ['1', 'delivered'],
  ['{"error":null,"status":1,"num_good_events":2}', 'delivered'],
  ['{"error":null,"status":1,"num_good_events":1}', 'split'],
  ['{"error":"$distinct_id, missing or empty","status":1}', 'split'],
  ['{"error":"$distinct_id, missing or empty","status":0}', 'split'],
  ['0', 'split'],
  ['{"error":"token, missing or empty","status":0}', 'pause'],
  ['<html>', 'retry'],
])('row 3: 200 with %s is %s', async (body, kind) => {
  const { url } = await says(body);
  expect(await outcomeOf(url, [set, unset])).toMatchObject({ kind });
});

test.each([
  [429, true],
  [425, true],
  [408, undefined],
  [500, undefined],
  [503, undefined],
])('a %i says that nothing was taken: %s', async (status, notTaken) => {
  const { url } = await says('no', status);
  const outcome = await outcomeOf(url, [add]);
  expect(outcome.kind === 'retry' && outcome.notTaken).toBe(notTaken);
});

test('nobody listening: it is certain that nothing was taken', async () => {
  const { url, server } = await recorder(ok);
  await new Promise((resolve) => server.close(resolve));
  expect(await outcomeOf(url, [add])).toMatchObject({ kind: 'retry', reason: 'connection', notTaken: true });
});

test('a connection that broke after the request left: nobody knows', async () => {
  const { url } = await recorder((request) => void request.socket.destroy());
  const outcome = await outcomeOf(url, [add]);
  expect(outcome).toMatchObject({ kind: 'retry', reason: 'connection' });
  expect(outcome).not.toHaveProperty('notTaken');
});

test('no answer in time: nobody knows', async () => {
  const { url, seen } = await recorder(() => undefined);
  const result = mixpanel(url).send([add], never);
  await until(() => seen.length === 1);
  await clock.advance(30_000);
  const { outcome } = await result;
  expect(outcome).toMatchObject({ kind: 'retry', reason: 'timeout' });
  expect(outcome).not.toHaveProperty('notTaken');
});

test('a stop before there was a connection: nothing was taken; after the request left: nobody knows', async () => {
  // The handshake of TLS never ends here, so that nothing is ever written.
  let connected = 0;
  const silent: Server | ReturnType<typeof createTcpServer> = createTcpServer(() => void connected++);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  open.push(async () => void silent.close());
  const stop = new AbortController();
  const unsent = mixpanel(`https://127.0.0.1:${(silent.address() as AddressInfo).port}`).send([add], stop.signal);
  await until(() => connected === 1);
  stop.abort();
  expect((await unsent).outcome).toMatchObject({ kind: 'retry', reason: 'stopped', notTaken: true });

  const { url, seen } = await recorder(() => undefined);
  const again = new AbortController();
  const sent = mixpanel(url).send([add], again.signal);
  await until(() => seen.length === 1);
  again.abort();
  const { outcome } = await sent;
  expect(outcome).toMatchObject({ kind: 'retry', reason: 'stopped' });
  expect(outcome).not.toHaveProperty('notTaken');
});

test('a certificate that is refused pauses, and nothing was sent', async () => {
  const { url, seen } = await recorder(ok);
  expect(await outcomeOf(url.replace('http:', 'https:'), [add])).toMatchObject({ kind: 'pause', reason: 'tls' });
  expect(seen).toEqual([]);
});

test('the probe asks with a list of nothing, and any answer but a refusal of the relay or an error is good', async () => {
  const { url, seen } = await says('{"error":"data, missing or empty","status":0}');
  expect(await mixpanel(url).probe?.()).toEqual({ kind: 'delivered' });
  expect(seen.map(({ url, body }) => [url, body])).toEqual([['/engage?verbose=1&strict=1&ip=0', '[]']]);
  expect(await mixpanel((await says('', 503)).url).probe?.()).toMatchObject({ kind: 'retry' });
  expect(await mixpanel((await says('', 401)).url).probe?.()).toMatchObject({ kind: 'pause' });
});
