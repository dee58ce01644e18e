/** Issue 6 in full: a minute of three relays of which one is killed every 2 s, and Redis restarted, killed and frozen. */
import { expect, it } from 'vitest';
import { ClusterJourney } from '../support/cluster-journey.ts';
import { clusterRounds } from '../support/cluster-rounds.ts';
import { mappedOnce } from '../support/kill-rounds.ts';

it('loses nothing in a minute of killed relays and three faults of Redis', { timeout: 600_000 }, async () => {
  await using cluster = await ClusterJourney.open('redis-soak', { relays: 3, sources: mappedOnce });
  const { oracle, sandbox } = cluster;
  const kills = await clusterRounds(cluster, { restMs: 18_000, killEveryMs: 2_000, killsMin: 20 });
  for (let index = 0; index < cluster.size; index++) expect((await cluster.sendFresh(index)).status).toBe(200);
  await cluster.arrived(300_000);
  await cluster.settled(0, 60_000);
  expect(oracle.differences(sandbox)).toEqual([]);
  expect(cluster.acceptedTwice).toEqual([]);
  expect(Object.keys(oracle.statuses).filter((status) => !['200', '503', 'broken'].includes(status))).toEqual([]);
  console.info(`${kills} kills, ${oracle.owed} obligations, seed ${oracle.seed}`);
});
