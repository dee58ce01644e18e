/**
 * Events that wait in a Redis are leased and settled, so many at once, in a process of its own: `node test/bench/redis-leases.ts URL
 * ROUNDS`. Prints JSON: the milliseconds of each round's lease and settle, and this process' own processor time.
 */
import { systemClock } from '../../src/clock.ts';
import { openBenchRedis } from './redis-server.ts';

export const leasedAtOnce = 2_000;
export type LeaseTimes = {
  readonly leaseMs: readonly number[];
  readonly settleMs: readonly number[];
  readonly ownMicros: number;
};

async function run(url: string, rounds: number): Promise<LeaseTimes> {
  await using buffer = await openBenchRedis(url);
  const turns = [{ source: 'bench', eventsMax: leasedAtOnce }];
  const leaseMs: number[] = [];
  const settleMs: number[] = [];
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round++) {
    const startedAt = systemClock.monotonic();
    const events = await buffer.lease({ destination: 'mixpanel', turns, bytesMax: 8_000_000, leaseMs: 60_000 });
    const leasedAt = systemClock.monotonic();
    if (events.length !== leasedAtOnce) throw new Error(`${events.length} events were leased in round ${round}`);
    await buffer.settle(events.map(({ position }) => ({ position, state: 'delivered' })));
    leaseMs.push(leasedAt - startedAt);
    settleMs.push(systemClock.monotonic() - leasedAt);
  }
  const { user, system } = process.cpuUsage(before);
  return { leaseMs, settleMs, ownMicros: user + system };
}

if (import.meta.main) {
  const [url = '', rounds = '1'] = process.argv.slice(2);
  process.stdout.write(JSON.stringify(await run(url, Number(rounds))));
}
