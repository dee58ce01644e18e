/**
 * Whatever the destination does, webhooks are accepted, and everything arrives once when it is well again: every fault
 * of the sandbox one after the other in one run, under load.
 */
import { expect, it } from 'vitest';
import type { Fault } from '../../src/destinations/sandbox/faults.ts';
import { Journey } from '../support/journey.ts';
import { until } from '../support/program.ts';

const html = (status: number): Fault => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: `<html><head><title>${status}</title></head><body><h1>Sorry</h1></body></html>`,
});

/** Times: under strikes (three unreadable answers in a row bury a batch) and splits (a single event cannot be halved). */
const faults: readonly (readonly [name: string, fault: Fault])[] = [
  ['500', { status: 500, body: 'upstream connect error', times: 3 }],
  ['502 with a page', { ...html(502), times: 3 }],
  ['503 with a page', { ...html(503), times: 2 }],
  ['429 with Retry-After', { status: 429, headers: { 'retry-after': '1' }, body: '{"error":"slow down"}' }],
  ['429 with a date', { status: 429, headers: { 'retry-after': new Date(0).toUTCString() }, body: '' }],
  ['408', { status: 408, times: 2 }],
  ['413 with a page', html(413)],
  ['no answer at all', { delayMs: 1_500, times: 2 }],
  ['a connection broken before', { closeBefore: true, times: 3 }],
  ['a connection broken after everything was taken', { closeAfterIngest: true, times: 3 }],
  ['half taken, then 500', { status: 500, ingest: 'half', times: 3 }],
  ['all taken, then 502', { ...html(502), ingest: 'all', times: 3 }],
  ['200 with null', { status: 200, body: 'null' }],
  ['200 with nothing', { status: 200, body: '' }],
  ['200 with a page', { ...html(200) }],
  ['200 with 0', { status: 200, body: '0' }],
  ['400 without a reason', { status: 400, body: '{"error":"some data points failed","status":0}' }],
];

it('accepts through every fault, and everything arrives once after healing', { timeout: 120_000 }, async () => {
  await using journey = await Journey.open('destination', { env: { RELAY_SEND_TIMEOUT: '1s' } });
  const { oracle, sandbox } = journey;
  await journey.destinationGoes();
  await journey.start();
  const crowd = journey.crowd(8, 'numbered', { restMs: 20 });
  await until(() => oracle.owed >= 50, 'webhooks accepted while the destination refuses connections');
  await until(async () => (await stateOf(journey)) === 'failing', 'health to say that it fails');
  await journey.destinationComes();
  await until(() => sandbox.state().events.distinct > 0, 'events after the destination came up');
  for (const [name, fault] of faults) {
    expect(sandbox.faults.order(fault)).toBeNull();
    await until(() => sandbox.faults.waiting === 0, `the destination to be asked during: ${name}`);
    const { distinct } = sandbox.state().events;
    await until(() => sandbox.state().events.distinct > distinct, `events to arrive after: ${name}`);
  }
  await journey.destinationGoes();
  const { owed } = oracle;
  await until(() => oracle.owed > owed + 50, 'webhooks accepted while the destination is gone again');
  await journey.destinationComes();
  await crowd.stop();
  await journey.sendFresh();
  await journey.settled();
  expect(oracle.differences(sandbox)).toEqual([]);
  expect(Object.keys(oracle.statuses)).toEqual(['200']);
  expect(oracle.p99Ms()).toBeLessThan(1_000);
  const { sources } = await journey.health();
  expect(sources.numbered).toMatchObject({ dead: 0, map_failed: 0, waiting: 0, delivered: oracle.owed });
});

it('waits when the destination refuses the relay itself, and goes on when that is mended', async () => {
  await using journey = await Journey.open('paused');
  const { oracle, sandbox } = journey;
  await journey.start();
  expect(sandbox.faults.order({ status: 401, body: '{"error":"unauthorized"}', times: 1_000 })).toBeNull();
  await journey.sendMany(100);
  await until(async () => (await stateOf(journey)) === 'paused', 'health to say that it is paused');
  const { requests } = sandbox.state();
  await journey.sendMany(100);
  expect((await fetch(`${journey.relay.publicUrl}/readyz`)).status).toBe(200);
  expect(await journey.health()).toMatchObject({ status: 'warn' });
  expect(sandbox.state().requests).toBe(requests);
  // The operator mends the token: that takes a restart (the probe once a minute is a soak test).
  expect((await journey.stop()).code).toBe(0);
  sandbox.faults.clear();
  await journey.start();
  await journey.arrived();
  expect(oracle.differences(sandbox)).toEqual([]);
  expect(oracle.statuses).toEqual({ 200: 200 });
});

it('buries the one bad event of 2,000 with the words of the destination, and no other', async () => {
  await using journey = await Journey.open('poison', {
    sources: { numbered: { mapping: POISONABLE } },
  });
  const { oracle, sandbox } = journey;
  await journey.destinationGoes();
  await journey.start();
  await journey.sendMany(1_000);
  const poison = oracle.make('numbered');
  const { id } = JSON.parse(poison.body) as { id: string };
  sandbox.faults.order({ scenario: 'poisonRecord', insertId: id });
  oracle.excuse(poison);
  await journey.sendThis(poison);
  await journey.sendMany(999);
  await until(async () => (await journey.health()).sources.numbered?.waiting === 2_000, 'all of them to wait');
  await journey.destinationComes();
  await journey.settled();
  expect(oracle.differences(sandbox)).toEqual([]);
  const letters = await journey.relay.api<{ items: Record<string, unknown>[] }>('/api/dead-letters');
  expect(letters.items).toHaveLength(1);
  expect(letters.items[0]).toMatchObject({
    source: 'numbered',
    kind: 'event',
    reason: 'rejected',
    destination: 'mixpanel',
    message: expect.stringContaining('some data points in the request failed validation'),
    event: { event: 'Numbered', properties: { id } },
  });
  // 2,000 halve eleven times; two requests each time, and some for what was in flight beside.
  expect(sandbox.state().requests).toBeLessThan(60);
  expect((await journey.health()).sources.numbered).toMatchObject({ dead: 1, delivered: 1_999, waiting: 0 });
});

const POISONABLE =
  '{"event": "Numbered", "properties": {"$insert_id": id, "id": id, "text": text, "filler": $length(filler)}}';

async function stateOf(journey: Journey): Promise<string | undefined> {
  return (await journey.health()).destinations.mixpanel?.state;
}
