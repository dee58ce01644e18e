import { afterEach, expect, test } from 'vitest';
import { createPacer } from '../../../src/destinations/bloomreach/pacer.ts';
import type { LeasedEvent } from '../../../src/model.ts';
import { until } from '../../support/fake-clock.ts';
import { bloomreach, clock, closeAll, leased, never, openDouble, paid, profile, serve } from './open-double.ts';

afterEach(closeAll);

test('a batch is one POST to the project, uncompressed, with the key and without anybody’s address', async () => {
  const { double, url, seen } = await openDouble();
  const events = [paid({ text: 'Ü+%' }), profile({ plan: 'pro' })];
  const result = await bloomreach(url).send(events, never);
  expect(result).toMatchObject({ outcome: { kind: 'delivered' }, status: 200 });
  expect(seen).toHaveLength(1);
  expect(seen[0]?.url).toBe('/track/v2/projects/tok/batch');
  expect(seen[0]?.headers).toMatchObject({
    authorization: `Basic ${Buffer.from('key-1:a-long-secret').toString('base64')}`,
    'content-type': 'application/json',
    'content-length': `${result.bytes}`,
    'user-agent': 'trackrelay/9',
  });
  expect(seen[0]?.headers).not.toHaveProperty('content-encoding');
  expect(seen[0]?.headers).not.toHaveProperty('x-forwarded-for');
  expect(double.copies()[0]?.event).toMatchObject({ type: 'Paid', customerIds: { registered: 'u1' } });
  expect(double.customers()).toEqual([{ project: 'tok', ids: { registered: 'u1' }, properties: { plan: 'pro' } }]);
});

test('a public token goes as one', async () => {
  const { url, seen } = await openDouble();
  const result = await bloomreach(url, { key: { publicToken: 'public-token' } }).send([paid()], never);
  expect([result.status, seen[0]?.headers.authorization]).toEqual([200, 'Token public-token']);
});

test('a base address with a path is kept, and a strange project token breaks out of nothing', async () => {
  const asked: (string | undefined)[] = [];
  const { url } = await serve((request, response) => {
    asked.push(request.url);
    response.writeHead(404).end();
  });
  const destination = bloomreach(`${url}/proxy/`, { projectToken: 'a/b?c' });
  await destination.send([paid()], never);
  expect(asked).toEqual(['/proxy/track/v2/projects/a%2Fb%3Fc/batch']);
  expect(destination.address).toBe(`${url}/proxy/track/v2/projects/a%2Fb%3Fc`);
});

test('each command carries the id of its event', async () => {
  let body = '';
  const { url } = await serve(async (request, response) => {
    for await (const chunk of request) body += chunk;
    response.end('{}');
  });
  const events = [paid(), profile({ n: 1 })];
  const destination = bloomreach(url);
  const { bytes } = await destination.send(events, never);
  const { commands } = JSON.parse(body) as { commands: { command_id: string }[] };
  expect(commands.map((command) => command.command_id)).toEqual(events.map((event) => event.id));
  expect(commands.map(({ command_id: _id, ...command }) => command)).toEqual(
    events.map(({ json }) => JSON.parse(json)),
  );
  const counted = events.reduce((sum, event) => sum + destination.sizeOf(event), 16);
  expect(bytes).toBeLessThanOrEqual(counted);
  expect(bytes).toBeGreaterThan(counted - events.length * 100);
});

test('fifty commands go in one request; fifty-one ask to be split, and nothing leaves', async () => {
  const { double, url } = await openDouble();
  const destination = bloomreach(url);
  const events = Array.from({ length: 51 }, () => paid());
  expect(await destination.send(events, never)).toMatchObject({
    status: null,
    outcome: { kind: 'split', tooLarge: false },
  });
  expect(double.state().requests).toBe(0);
  expect((await destination.send(events.slice(1), never)).outcome.kind).toBe('delivered');
});

test('only what one command got wrong is dead: the others are stored and named delivered', async () => {
  const { double, url } = await openDouble();
  double.deny({ events: ['Secret'] });
  const events = Array.from({ length: 50 }, (_, n) => (n === 17 ? paid({}, 'Secret') : paid({ n })));
  const { outcome } = await bloomreach(url).send(events, never);
  const dead =
    outcome.kind === 'partial' ? outcome.verdicts.flatMap((one, at) => (one.kind === 'dead' ? [at] : [])) : [];
  expect(dead).toEqual([17]);
  expect(outcome).toMatchObject({ kind: 'partial' });
  expect(double.copies()).toHaveLength(49);
});

test('results belong to commands by place, whatever the order in which they are executed', async () => {
  const { double, url } = await openDouble();
  double.deny({ events: ['Secret'], properties: ['salary'] });
  const { outcome } = await bloomreach(url).send([paid(), paid({}, 'Secret'), profile({ salary: 1 }), paid()], never);
  expect(outcome).toMatchObject({
    kind: 'partial',
    verdicts: [
      { kind: 'delivered' },
      { kind: 'dead', reason: 'blocked', message: 'Not authorized to add event of specified type' },
      { kind: 'dead', reason: 'blocked', message: 'not authorized to update specified customer properties' },
      { kind: 'delivered' },
    ],
  });
});

test('what was blocked goes when the permission is given', async () => {
  const { double, url } = await openDouble();
  double.deny({ events: ['Secret'] });
  const events = [paid({}, 'Secret')];
  expect((await bloomreach(url).send(events, never)).outcome.kind).toBe('partial');
  double.deny({});
  expect((await bloomreach(url).send(events, never)).outcome.kind).toBe('delivered');
});

test('sent twice, an event is stored once and billed twice, and an update changes nothing', async () => {
  const { double, url } = await openDouble();
  const destination = bloomreach(url);
  const events = [paid({ n: 1 }), profile({ plan: 'pro' })];
  double.faults.order({ scenario: 'ambiguousAfterIngest' });
  expect((await destination.send(events, never)).outcome).toMatchObject({ kind: 'retry', reason: 'connection' });
  expect((await destination.send(events, never)).outcome.kind).toBe('delivered');
  expect([double.copies().length, double.deduped().length, double.state().events.billed]).toEqual([2, 1, 2]);
  expect(double.copies().map(({ event }) => event.timestamp)).toEqual([clock.now() / 1000, clock.now() / 1000]);
  expect(double.customers()[0]?.properties).toEqual({ plan: 'pro' });
});

test('two events of the same moment and content are two', async () => {
  const { double, url } = await openDouble();
  await bloomreach(url).send([paid({ n: 1 }), paid({ n: 1 })], never);
  expect(double.deduped()).toHaveLength(2);
});

test('an update that comes late does not overwrite a newer one', async () => {
  const { double, url } = await openDouble();
  const destination = bloomreach(url);
  const older = profile({ plan: 'free', city: 'Brno' }, clock.now() - 5000);
  await destination.send([profile({ plan: 'pro' })], never);
  await destination.send([older], never);
  expect(double.customers()[0]?.properties).toEqual({ plan: 'pro', city: 'Brno' });
});

const outcomeOf = async (url: string, events: readonly LeasedEvent[] = [paid()], options = {}) =>
  (await bloomreach(url, options).send(events, never)).outcome;

test.each([
  ['an unknown project', { projectToken: 'other' }, 'unauthorized'],
  ['an unknown key', { key: { id: 'key-2', secret: 'a-long-secret' } }, 'unauthorized'],
  ['an unknown public token', { key: { publicToken: 'other-token' } }, 'unauthorized'],
  ['a wrong secret', { key: { id: 'key-1', secret: 'other-secret' } }, 'forbidden'],
])('row 24: %s pauses the destination, and nothing is dead', async (_what, options, reason) => {
  const { double, url } = await openDouble();
  expect(await outcomeOf(url, [paid()], options)).toMatchObject({ kind: 'pause', reason });
  expect(double.copies()).toEqual([]);
});

test.each([
  [
    { status: 404, body: 'not here' },
    { kind: 'pause', reason: 'not_found' },
  ],
  [
    { status: 307, body: '', headers: { location: '/elsewhere' } },
    { kind: 'pause', reason: 'redirected' },
  ],
  [
    { status: 400, body: '{"success":false,"message":"Invalid JSON"}' },
    { kind: 'split', tooLarge: false },
  ],
  [
    { status: 400, body: 'BadRequest: The browser (or proxy) sent …' },
    { kind: 'split', tooLarge: false },
  ],
  [
    { status: 413, body: '<h1>413</h1>' },
    { kind: 'split', tooLarge: true },
  ],
  [
    { status: 429, body: '' },
    { kind: 'retry', slowDown: true, notTaken: true },
  ],
  [
    { status: 429, body: '', headers: { 'retry-after': '7' } },
    { kind: 'retry', retryAfterMs: 7000 },
  ],
  [{ scenario: 'html503' }, { kind: 'retry', reason: 'server_error', slowDown: false }],
  [{ scenario: 'partialIngestThen500' }, { kind: 'retry', reason: 'server_error' }],
  [{ scenario: 'nullBody' }, { kind: 'retry', reason: 'unreadable_answer', attemptsMax: 3 }],
  [
    { status: 200, body: '{"results":[],"success":true}' },
    { kind: 'retry', reason: 'unreadable_answer', attemptsMax: 2 },
  ],
  [
    { status: 200, body: '{"success":false,"errors":{"_global":["no"]}}' },
    { kind: 'split', message: '200: no' },
  ],
  [{ closeBefore: true }, { kind: 'retry', reason: 'connection' }],
])('the fault %j comes to %j', async (fault, outcome) => {
  const { double, url } = await openDouble();
  expect(double.faults.order(fault)).toBeNull();
  expect(await outcomeOf(url)).toMatchObject(outcome);
});

test('row 26: the hundred-and-first request of a second is refused by the double, and stores nothing', async () => {
  const { double, url } = await openDouble({ requestsPerSecond: 3 });
  const outcomes = await Promise.all([1, 2, 3, 4].map(() => outcomeOf(url)));
  expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['delivered', 'delivered', 'delivered', 'retry']);
  expect(double.copies()).toHaveLength(3);
});

test('a 429 makes every destination behind the pacer wait', async () => {
  const { double, url, seen } = await openDouble();
  const pacer = createPacer(clock);
  const [one, other] = [bloomreach(url, { pacer }), bloomreach(url, { pacer, name: 'other' })];
  double.faults.order({ status: 429, body: '', headers: { 'retry-after': '3' } });
  await one.send([paid()], never);
  const waiting = other.send([paid()], never);
  await clock.advance(2999);
  expect(seen).toHaveLength(1);
  await clock.advance(1);
  expect((await waiting).outcome.kind).toBe('delivered');
});

test('when its turn is too far away nothing is sent, and it is said when to ask again', async () => {
  const { double, url, seen } = await openDouble();
  const destination = bloomreach(url);
  double.faults.order({ status: 429, body: '', headers: { 'retry-after': '120' } });
  await destination.send([paid()], never);
  const { outcome } = await destination.send([paid()], never);
  expect(outcome).toMatchObject({
    kind: 'retry',
    reason: 'paced',
    slowDown: false,
    notTaken: true,
    retryAfterMs: 120_000,
  });
  expect(seen).toHaveLength(1);
});

test('an end user’s address is sent when the destination allows it and all of the request have it', async () => {
  const { url, seen } = await openDouble();
  const from = (ip?: string) => leased({ event: 'A', properties: { distinct_id: 'u', ip } }, { endUserAddress: true });
  const sent = async (events: LeasedEvent[], endUserAddress = true) =>
    void (await bloomreach(url, { endUserAddress }).send(events, never));
  await sent([from('8.8.8.8'), from('8.8.8.8')]);
  await sent([from('8.8.8.8'), from('8.8.4.4')]);
  await sent([from('8.8.8.8'), from()]);
  await sent([from('8.8.8.8')], false);
  expect(seen.map(({ headers }) => headers['x-forwarded-for'])).toEqual(['8.8.8.8', undefined, undefined, undefined]);
});

test('the secret never comes back in what is said', async () => {
  const { url } = await serve((request, response) => {
    response.writeHead(403).end(`no: ${request.headers.authorization} a-long-secret`);
  });
  const outcome = await outcomeOf(url);
  expect(outcome).toMatchObject({ kind: 'pause', message: '403: no: Basic [secret] [secret]' });
});

test('an answer that begins and does not end is given up at the deadline', async () => {
  const { url } = await serve((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-length': '100' }).write('{"results"');
  });
  const result = bloomreach(url).send([paid()], never);
  await until(() => clock.waits().includes(30_000));
  await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(30_000);
  expect(await result).toMatchObject({ outcome: { kind: 'retry', reason: 'timeout', slowDown: false } });
});

test('an endless answer is read to its bound and then left', async () => {
  const { url } = await serve((request, response) => {
    request.resume();
    response.writeHead(200);
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(16_384)));
    };
    response.on('drain', more);
    more();
  });
  expect(await outcomeOf(url)).toMatchObject({ kind: 'retry', reason: 'unreadable_answer' });
});

test('nobody listening is a connection that failed; https to a server without it is configuration', async () => {
  const { url, server } = await serve((_request, response) => void response.end());
  expect(await outcomeOf(url.replace('http:', 'https:'))).toMatchObject({ kind: 'pause', reason: 'tls' });
  await new Promise((resolve) => server.close(resolve));
  expect(await outcomeOf(url)).toMatchObject({ kind: 'retry', reason: 'connection' });
});

test('a signal ends the request at once, and nothing of it remains waiting', async () => {
  const { url } = await serve((request) => void request.resume());
  const stop = new AbortController();
  const result = bloomreach(url).send([paid()], stop.signal);
  await until(() => clock.waits().includes(30_000));
  stop.abort();
  expect((await result).outcome).toMatchObject({ kind: 'retry', reason: 'stopped' });
  expect(clock.waits()).toEqual([]);
});

test('a signal while it waits for its turn: nothing was sent', async () => {
  const { url, seen } = await openDouble();
  const pacer = createPacer(clock);
  pacer.hold(5000);
  const stop = new AbortController();
  const result = bloomreach(url, { pacer }).send([paid()], stop.signal);
  stop.abort();
  expect((await result).outcome).toMatchObject({ kind: 'retry', reason: 'stopped', notTaken: true });
  expect(seen).toEqual([]);
});

test('of relays that share a buffer one sends to every project there is, for they may have one address', async () => {
  const { url } = await openDouble();
  const [one, other] = [bloomreach(url), bloomreach(url, { name: 'another', projectToken: 'tok-2' })];
  expect(one.limitedWith).toBeDefined();
  expect(other.limitedWith).toBe(one.limitedWith);
});
