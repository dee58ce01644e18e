/** An address says where somebody is: an event has one only when its mapping gives it. */
import { afterAll, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createRunner } from '../../src/mapping/runner.ts';
import { turnToEvents } from '../../src/mapping/turn-to-events.ts';
import { delivery, shape, task } from '../support/mapping.ts';

const runner = createRunner({ clock: systemClock });
afterAll(() => runner[Symbol.asyncDispose]());

const headers = { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.7', 'x-real-ip': '203.0.113.7' };

async function eventFrom(mapping: string): Promise<Record<string, unknown>> {
  const body = { ip: '203.0.113.7', client: { address: '10.0.0.1, 198.51.100.9' } };
  const [result] = await runner.map([task(mapping, body, { headers })]);
  if (result === undefined) throw new Error('no result');
  const accepted = delivery(body, { headers });
  const turning = turnToEvents(accepted, result, { destinations: ['mixpanel'], shape, now: accepted.receivedAt });
  let step = turning.next();
  while (!step.done) step = turning.next();
  return JSON.parse(step.value.events[0]?.json ?? '{}').properties;
}

it('without one in the mapping no header and no field of the body becomes an address', async () => {
  const properties = await eventFrom('{"event": "x", "properties": {}}');
  expect(Object.keys(properties).sort()).toEqual(['$insert_id', 'distinct_id', 'time']);
});

it.each([
  ['$headers."x-forwarded-for"', '203.0.113.7'],
  ['client.address', '198.51.100.9'],
  ['$split(client.address, ", ")', '198.51.100.9'],
])('%s in the mapping becomes %s', async (expression, address) => {
  expect(await eventFrom(`{"event": "x", "properties": {"ip": ${expression}}}`)).toMatchObject({
    ip: address,
  });
});

it('what the mapping gives is left out when it is no public address', async () => {
  expect(await eventFrom('{"event": "x", "properties": {"ip": "10.0.0.1"}}')).not.toHaveProperty('ip');
});
