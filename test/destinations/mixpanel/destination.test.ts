import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { createMixpanel, type MixpanelOptions } from '../../../src/destinations/mixpanel/destination.ts';
import type { LeasedEvent } from '../../../src/model.ts';
import { createFakeClock, until } from '../../support/fake-clock.ts';

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

const clock = createFakeClock();
const never = new AbortController().signal;

async function serve(listener: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

function mixpanel(baseUrl: string, options: Partial<MixpanelOptions> = {}) {
  const defaults = {
    name: 'mixpanel',
    token: 'se"cret',
    format: 'json',
    timeoutMs: 30_000,
    concurrency: 2,
    version: '9',
  } as const;
  const destination = createMixpanel({ ...defaults, baseUrl, clock, ...options });
  open.push(async () => await destination[Symbol.asyncDispose]());
  return destination;
}

function leased(json: string): LeasedEvent {
  const time = clock.now();
  const position = 1;
  return {
    id: 'evt_1',
    destination: 'mixpanel',
    json,
    time,
    position,
    source: 's',
    delivery: 'dlv_1',
    receivedAt: time,
    attempts: 0,
  };
}

const events = [
  leased('{"event":"A","properties":{"n":1}}'),
  leased('{"event":"Ü","properties":{"text":"a+b %&= 😀"}}'),
];
const sent = [
  { event: 'A', properties: { n: 1, token: 'se"cret' } },
  { event: 'Ü', properties: { text: 'a+b %&= 😀', token: 'se"cret' } },
];

type Seen = { url: string | undefined; headers: IncomingHttpHeaders; body: string };

async function recorder(answer: RequestListener): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const { url } = await serve(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    seen.push({ url: request.url, headers: request.headers, body: gunzipSync(Buffer.concat(chunks)).toString() });
    answer(request, response);
  });
  return { url, seen };
}

const ok: RequestListener = (_request, response) => void response.end('{"error":null,"status":1}');

test('a batch is one POST of a JSON array with the token in each event', async () => {
  const { url, seen } = await recorder(ok);
  const destination = mixpanel(url);
  const result = await destination.send(events, never);
  expect(result).toMatchObject({ outcome: { kind: 'delivered' }, status: 200 });
  expect(seen[0]?.url).toBe('/track?verbose=1&ip=0');
  expect(JSON.parse(seen[0]?.body ?? '')).toEqual(sent);
  expect(seen[0]?.headers).toMatchObject({
    'content-type': 'application/json',
    'content-encoding': 'gzip',
    accept: 'application/json',
    'user-agent': 'trackrelay/9',
  });
});

test('as a form it is the same array in data, and nothing is lost in the encoding', async () => {
  const { url, seen } = await recorder(ok);
  await mixpanel(url, { format: 'form' }).send(events, never);
  expect(seen[0]?.headers['content-type']).toBe('application/x-www-form-urlencoded');
  expect(JSON.parse(new URLSearchParams(seen[0]?.body).get('data') ?? '')).toEqual(sent);
});

test.each(['json', 'form'] as const)(
  'sizeOf is what the events take in a %s body, within the wrapping',
  async (format) => {
    const { url } = await recorder(ok);
    const destination = mixpanel(url, { format });
    const { bytes } = await destination.send(events, never);
    const counted = events.reduce((sum, event) => sum + destination.sizeOf(event), 0);
    expect(bytes).toBeLessThanOrEqual(counted + 16);
    expect(bytes).toBeGreaterThan(counted - 16);
  },
);

test('a base address with a path is kept, and its credentials are sent and not shown', async () => {
  const { url, seen } = await recorder(ok);
  const destination = mixpanel(`${url.replace('//', '//user:word@')}/proxy/mp/`);
  await destination.send(events, never);
  expect(seen[0]?.url).toBe('/proxy/mp/track?verbose=1&ip=0');
  expect(seen[0]?.headers.authorization).toBe('Basic dXNlcjp3b3Jk');
  expect(destination.address).toBe(`${url}/proxy/mp`);
});

test('connections are kept for the next batch', async () => {
  const { url, server } = await serve((request, response) => {
    request.resume();
    request.on('end', () => response.end('1'));
  });
  let connections = 0;
  server.on('connection', () => connections++);
  const destination = mixpanel(url);
  for (let batch = 0; batch < 5; batch++) await destination.send(events, never);
  expect(connections).toBe(1);
});

test('a redirect is not followed', async () => {
  const { url, seen } = await recorder(
    (_request, response) => void response.writeHead(307, { location: '/elsewhere' }).end(),
  );
  const result = await mixpanel(url).send(events, never);
  expect(result).toMatchObject({ status: 307, outcome: { kind: 'pause' } });
  expect(seen).toHaveLength(1);
});

test('an endless answer is read to 64 KB and then left', async () => {
  const { url } = await serve((request, response) => {
    request.resume();
    response.writeHead(200);
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(16_384)));
    };
    response.on('drain', more);
    more();
  });
  const result = await mixpanel(url).send(events, never);
  expect(result.outcome).toMatchObject({ kind: 'retry', reason: 'unreadable_answer' });
});

test('an answer that begins and does not end is given up at the deadline', async () => {
  const { url } = await serve((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-length': '100' }).write('{"status"');
  });
  const result = mixpanel(url).send(events, never);
  await until(() => clock.waits().includes(30_000));
  await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(30_000);
  expect(await result).toMatchObject({ outcome: { kind: 'retry', reason: 'timeout', slowDown: false } });
});

test('nobody listening is a connection that failed', async () => {
  const { url, server } = await serve(ok);
  await new Promise((resolve) => server.close(resolve));
  const result = await mixpanel(url).send(events, never);
  expect(result).toMatchObject({ status: null, outcome: { kind: 'retry', reason: 'connection' } });
  expect(result.outcome.kind === 'retry' && result.outcome.message).toContain('ECONNREFUSED');
});

test('https to a server without it pauses: that is configuration', async () => {
  const { url } = await serve(ok);
  const result = await mixpanel(url.replace('http:', 'https:')).send(events, never);
  expect(result.outcome).toMatchObject({ kind: 'pause', reason: 'tls' });
});

test('a signal ends the request at once, and nothing of it remains waiting', async () => {
  const { url } = await serve((request) => void request.resume());
  const stop = new AbortController();
  const result = mixpanel(url).send(events, stop.signal);
  await until(() => clock.waits().includes(30_000));
  stop.abort();
  expect((await result).outcome).toMatchObject({ kind: 'retry', reason: 'stopped' });
  expect(clock.waits()).toEqual([]);
});

test('destinations with one token at one place are of one project, which does not tell the token', () => {
  const projectOf = (baseUrl: string, token: string) => mixpanel(baseUrl, { token }).ceiling?.project;
  const one = projectOf('https://api.mixpanel.com', 'token-a');
  expect(projectOf('https://api.mixpanel.com', 'token-a')).toBe(one);
  expect(projectOf('https://api.mixpanel.com', 'token-b')).not.toBe(one);
  expect(projectOf('https://api-eu.mixpanel.com', 'token-a')).not.toBe(one);
  expect(one).not.toContain('token-a');
});
