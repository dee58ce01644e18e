import { expect, test } from 'vitest';
import { createSandbox } from '../../../src/destinations/sandbox/sandbox.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

async function open() {
  const clock = createFakeClock();
  const sandbox = createSandbox({ clock });
  const { url } = await sandbox.listen('127.0.0.1', 0);
  const post = (path: string, body: unknown) =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  let made = 0;
  const event = () => ({
    event: 'Tested',
    properties: { token: 't', time: clock.now(), distinct_id: 'u', $insert_id: `i${made++}` },
  });
  const send = (count: number) => post('/track?verbose=1', Array.from({ length: count }, event));
  return { clock, sandbox, post, send, [Symbol.asyncDispose]: () => sandbox.close() };
}

test('what a second holds is taken, the next is refused whole and stores nothing, until so much has run in', async () => {
  await using double = await open();
  expect(await (await double.post('/__control', { rateLimit: { eventsPerSecond: 10 } })).json()).toEqual({
    waiting: 0,
  });
  expect((await double.send(10)).status).toBe(200);
  const refused = await double.send(5);
  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({ code: 429, status: 'Too Many Requests' });
  expect(refused.headers.get('retry-after')).toBeNull();
  expect(double.sandbox.state().events.raw).toBe(10);
  await double.clock.advance(499);
  expect((await double.send(5)).status).toBe(429);
  await double.clock.advance(1);
  expect((await double.send(5)).status).toBe(200);
});

test('it says when to come again in seconds or as a date, when it is asked to', async () => {
  await using double = await open();
  await double.post('/__control', { rateLimit: { eventsPerSecond: 1, burstSeconds: 10, retryAfter: 'seconds' } });
  await double.send(10);
  expect((await double.send(4)).headers.get('retry-after')).toBe('4');
  await double.post('/__control', { rateLimit: { eventsPerSecond: 1, burstSeconds: 10, retryAfter: 'date' } });
  const date = (await double.send(4)).headers.get('retry-after') ?? '';
  expect(Date.parse(date)).toBe(double.clock.now() + 4000);
});

test('updates count as events do', async () => {
  await using double = await open();
  await double.post('/__control', { rateLimit: { eventsPerSecond: 1 } });
  const update = [{ $token: 't', $distinct_id: 'u', $set: { Plan: 'pro' } }];
  expect((await double.post('/engage', update)).status).toBe(200);
  expect((await double.post('/engage', update)).status).toBe(429);
});

test('it is taken back alone, or with all faults', async () => {
  await using double = await open();
  await double.post('/__control', { rateLimit: { eventsPerSecond: 1 } });
  await double.post('/__control', { rateLimit: null });
  expect((await double.send(100)).status).toBe(200);
  await double.post('/__control', { rateLimit: { eventsPerSecond: 1 } });
  double.sandbox.faults.clear();
  expect((await double.send(100)).status).toBe(200);
});

test.each([
  { eventsPerSecond: 0 },
  { eventsPerSecond: '10' },
  { eventsPerSecond: 1, burstSeconds: 0 },
  { eventsPerSecond: 1, retryAfter: true },
  { eventsPerSecond: 1, perMinute: 5 },
  5,
])('an order it does not understand is refused: %j', async (rateLimit) => {
  await using double = await open();
  expect((await double.post('/__control', { rateLimit })).status).toBe(400);
  expect((await double.send(100)).status).toBe(200);
});
