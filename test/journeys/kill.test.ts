/** `kill -9` at any moment: what was answered 200 arrives, once, as it was sent (R1). */
import { expect, it } from 'vitest';
import { Journey } from '../support/journey.ts';
import { killRounds, mappedOnce } from '../support/kill-rounds.ts';

/** Three hundred are `npm run soak`. */
const ROUNDS = 20;

it(`loses nothing in ${ROUNDS} rounds of kill -9 under load`, { timeout: 180_000 }, async () => {
  await using journey = await Journey.open('kill', { sources: mappedOnce, env: { RELAY_SEND_TIMEOUT: '2s' } });
  const { oracle, sandbox } = journey;
  await killRounds(journey, ROUNDS);
  await journey.start();
  await journey.sendFresh();
  await journey.arrived(60_000);
  expect(oracle.differences(sandbox)).toEqual([]);
  expect(Object.keys(oracle.statuses).sort()).toEqual(['200', 'broken']);
  expect(oracle.owed).toBeGreaterThan(3_000);
  const { raw, distinct } = sandbox.state().events;
  console.info(`${ROUNDS} kills, ${oracle.owed} obligations, ${raw - distinct} copies sent twice, seed ${oracle.seed}`);
});
