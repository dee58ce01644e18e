/** What Redis holds of a webhook and its event while it waits and when it is history, and how long events take out of it. */
import type { Bench } from '../bench.ts';
import { type Figure, median, quantile, shown } from '../figures.ts';
import { type LeaseTimes, leasedAtOnce } from '../redis-leases.ts';
import { rewrittenLog, startRedis, weightOf } from '../redis-server.ts';

const MILLION = 1_000_000;
const GB = 1e9;

export async function keptInRedis(bench: Bench): Promise<Figure[]> {
  const { programs } = bench;
  const rounds = bench.quick ? 10 : 50;
  const events = rounds * leasedAtOnce;
  // Its log is never written anew by itself, so that its length tells all that was written.
  await using redis = await startRedis(programs, bench.folder(), ['--auto-aof-rewrite-percentage', '0']);
  bench.say(`redis: filling ${events} events`);
  const empty = await weightOf(redis);
  await programs.run('fill.ts', [redis.url, String(events)]);
  const waiting = await weightOf(redis);
  const told = await programs.run('redis-leases.ts', [redis.url, String(rounds)]);
  const { leaseMs, settleMs, ownMicros } = JSON.parse(told) as LeaseTimes;
  const history = await weightOf(redis);
  const rewritten = await rewrittenLog(programs, redis);
  const both = leaseMs.map((ms, round) => ms + (settleMs[round] ?? Number.NaN));
  const perMillion = (bytes: number) => ((bytes / events) * MILLION) / GB;
  const bytesEach = (bytes: number) => `${shown(Math.round(bytes / events))} bytes each`;
  const memory = waiting.memory - empty.memory;
  return [
    {
      name: `redis: lease and settle ${shown(leasedAtOnce)} events`,
      value: median(both),
      unit: 'ms',
      target: { atMost: 30 },
      note: `median of ${rounds}: ${median(leaseMs).toFixed(1)} + ${median(settleMs).toFixed(1)}; the quickest tenth ${quantile(both, 0.1).toFixed(1)}, the slowest ${quantile(both, 0.9).toFixed(1)}; processor time of a round: Redis ${((history.micros - waiting.micros) / rounds / 1_000).toFixed(1)} ms, the relay's ${(ownMicros / rounds / 1_000).toFixed(1)}`,
    },
    {
      name: 'redis: memory of 1,000,000 webhooks whose events wait',
      value: perMillion(memory),
      unit: 'GB',
      target: null,
      note: `${bytesEach(memory)}, from ${shown(events)}; the keeper reckons ${bytesEach(waiting.counted)}; when they are delivered and kept ${bytesEach(history.memory - empty.memory)}`,
    },
    {
      name: 'redis: log of 1,000,000 webhooks, accepted to delivered',
      value: perMillion(history.log - empty.log),
      unit: 'GB',
      target: null,
      note: `${bytesEach(waiting.log - empty.log)} until they wait, ${bytesEach(history.log - waiting.log)} to deliver them; written anew it has ${bytesEach(rewritten)}`,
    },
  ];
}
