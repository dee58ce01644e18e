/** R1 in full: 300 kills, and the first 200 soon after a start that finds a backlog. */
import { expect, it } from 'vitest';
import { Journey } from '../support/journey.ts';
import { killRounds, mappedOnce } from '../support/kill-rounds.ts';
import { until } from '../support/program.ts';

it('loses nothing in 300 rounds of kill -9 under load', { timeout: 1_800_000 }, async () => {
  await using journey = await Journey.open('kill-soak', { sources: mappedOnce, env: { RELAY_SEND_TIMEOUT: '2s' } });
  const { oracle, sandbox } = journey;
  await killRounds(journey, 300);
  await journey.start();
  await journey.sendFresh();
  await journey.arrived(300_000);
  expect(oracle.differences(sandbox)).toEqual([]);
  expect(oracle.owed).toBeGreaterThan(50_000);
  console.info(`300 kills, ${oracle.owed} obligations, seed ${oracle.seed}`);
});

it('takes webhooks within 2 s of a start that finds 100,000 waiting', { timeout: 600_000 }, async () => {
  await using journey = await Journey.open('backlog-soak');
  const { oracle, sandbox } = journey;
  await journey.destinationGoes();
  await journey.start();
  await journey.sendMany(100_000, 64);
  await journey.stop('SIGKILL');
  const began = performance.now();
  await journey.start();
  await until(async () => (await journey.sendFresh()).answer.status === 200, 'the first 200');
  expect(performance.now() - began).toBeLessThan(2_000);
  await journey.destinationComes();
  await journey.arrived(300_000);
  expect(oracle.differences(sandbox)).toEqual([]);
});
