/** Several relays on one Redis: any of them may die, Redis may go and come back, and what was answered 200 arrives once. */
import { expect, it } from 'vitest';
import { ClusterJourney } from '../support/cluster-journey.ts';
import { clusterRounds } from '../support/cluster-rounds.ts';
import { mappedOnce } from '../support/kill-rounds.ts';

it('three relays lose nothing while they are killed in turn and Redis is restarted, killed and frozen', {
  timeout: 180_000,
}, async () => {
  await using cluster = await ClusterJourney.open('redis', { relays: 3, sources: mappedOnce });
  const { oracle, sandbox } = cluster;
  const kills = await clusterRounds(cluster, { restMs: 500, killEveryMs: 1_500, killsMin: 3 });
  for (let index = 0; index < cluster.size; index++) expect((await cluster.sendFresh(index)).status).toBe(200);
  await cluster.arrived(90_000);
  expect(oracle.differences(sandbox)).toEqual([]);
  expect(cluster.acceptedTwice).toEqual([]);
  const { 200: accepted = 0, 503: refused, broken, ...others } = oracle.statuses;
  expect(others).toEqual({});
  expect(accepted).toBeGreaterThan(500);
  // Never an answer without saying when to come again.
  expect(oracle.answers.filter(({ status, head }) => status === 503 && !/^retry-after: \d/im.test(head))).toEqual([]);
  const { raw, distinct } = sandbox.state().events;
  console.info(
    `${kills} kills, ${oracle.owed} obligations, ${refused} refused, ${broken} broken, ${raw - distinct} copies sent twice, seed ${oracle.seed}`,
  );
});
