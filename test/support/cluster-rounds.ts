/** Relays that are killed in turn while Redis is restarted, killed and frozen, all under load; for the journey and its long form. */
import { setTimeout as after } from 'node:timers/promises';
import type { ClusterJourney } from './cluster-journey.ts';
import { until } from './program.ts';
import type { Webhook } from './senders.ts';

export type RoundsOptions = {
  /** How long Redis is left alone between two of its faults. */
  readonly restMs: number;
  readonly killEveryMs: number;
  /** It goes on until so many were killed. */
  readonly killsMin: number;
};

const FROZEN_MS = 5_000;
const CONNECTIONS = 5;
const REST_MS = 15;
/** Of a hundred webhooks that were accepted, so many come again, to whichever relay is next. */
const AGAIN = 3;

/** Answers how often a relay was killed. */
export async function clusterRounds(
  cluster: ClusterJourney,
  { restMs, killEveryMs, killsMin }: RoundsOptions,
): Promise<number> {
  const { oracle, redis } = cluster;
  /** Not accepted, or answered by nobody: a provider sends these again, under the same id; some it sends again without need. */
  const again: Webhook[] = [];
  const next = () => again.shift() ?? oracle.make('numbered', Math.floor(oracle.chance() * 300));
  const crowds = Array.from({ length: cluster.size }, (_, index) =>
    cluster.crowd(index, { connections: CONNECTIONS, restMs: REST_MS, next }, (webhook, { status }) => {
      if (status !== 200 || oracle.chance() * 100 < AGAIN) again.push(webhook);
    }),
  );
  let kills = 0;
  let over = false;
  const killing = (async () => {
    const starting = new Set<number>();
    const starts: Promise<void>[] = [];
    for (let turn = 0; !over || kills < killsMin; turn++) {
      await after(killEveryMs);
      const index = turn % cluster.size;
      // On a busy machine it may take longer to start one than until its next turn; one relay is always there to be asked.
      if (starting.has(index) || starting.size === cluster.size - 1) continue;
      await cluster.stop(index, 'SIGKILL');
      kills++;
      starting.add(index);
      starts.push(cluster.start(index).then(() => void starting.delete(index)));
    }
    await Promise.all(starts);
  })();
  // It is awaited below, after what else may go wrong.
  killing.catch(() => undefined);
  const faults = [
    async () => {
      await redis.stop();
      await redis.startAgain();
    },
    async () => {
      await redis.kill();
      await redis.startAgain();
    },
    async () => {
      redis.freeze();
      await after(FROZEN_MS);
      redis.thaw();
    },
  ];
  try {
    for (const fault of faults) {
      await taken(cluster);
      await after(restMs);
      await fault();
    }
    await taken(cluster);
  } finally {
    over = true;
    redis.thaw();
    await killing;
    for (const crowd of crowds) await crowd.stop();
  }
  return kills;
}

/** A fault is one only while things go well. */
async function taken({ oracle }: ClusterJourney): Promise<void> {
  const before = oracle.owed;
  await until(() => oracle.owed > before + 100, 'webhooks to be accepted again', 60_000);
}
