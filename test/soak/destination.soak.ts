/** R5 in full: each fault for ten seconds, and the probe once a minute of a destination that refused the relay itself. */
import { setTimeout as after } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Fault } from '../../src/destinations/sandbox/faults.ts';
import { Journey } from '../support/journey.ts';
import { until } from '../support/program.ts';

const faults: readonly Fault[] = [
  { status: 500 },
  { status: 502, body: '<html>Bad gateway</html>' },
  { status: 429, headers: { 'retry-after': '2' } },
  { delayMs: 30_000 },
  { closeBefore: true },
  { closeAfterIngest: true },
  { status: 500, ingest: 'half' },
];

it('accepts quickly through ten seconds of every fault', { timeout: 300_000 }, async () => {
  await using journey = await Journey.open('faults-soak', { env: { RELAY_SEND_TIMEOUT: '2s' } });
  const { oracle, sandbox } = journey;
  await journey.start();
  const crowd = journey.crowd(16, 'numbered', { restMs: 20 });
  for (const fault of faults) {
    expect(sandbox.faults.order({ ...fault, times: 1_000_000 })).toBeNull();
    await after(10_000);
    sandbox.faults.clear();
    const { distinct } = sandbox.state().events;
    await until(() => sandbox.state().events.distinct > distinct, `recovery from ${JSON.stringify(fault)}`);
  }
  await crowd.stop();
  await journey.arrived(60_000);
  expect(oracle.differences(sandbox)).toEqual([]);
  expect(Object.keys(oracle.statuses)).toEqual(['200']);
  expect(oracle.p99Ms()).toBeLessThan(100);
});

it('asks a destination that refused it again after a minute, and goes on', { timeout: 180_000 }, async () => {
  await using journey = await Journey.open('probe-soak');
  const { oracle, sandbox } = journey;
  await journey.start();
  expect(sandbox.faults.order({ status: 401 })).toBeNull();
  await journey.sendMany(500);
  await until(async () => (await journey.health()).destinations.mixpanel?.state === 'paused', 'the pause');
  // The batch, and the question whether the token is known.
  expect(sandbox.state().requests).toBeLessThanOrEqual(2);
  await journey.arrived(75_000);
  expect(oracle.differences(sandbox)).toEqual([]);
});
