/** For tests of moves: what a keeper tells of what it keeps, and a store filled with one of everything there is. */

import type { Carrying } from '../../src/buffer/carrying.ts';
import type { BufferKeeper } from '../../src/buffer/contract.ts';
import { type Moved, move } from '../../src/buffer/moving.ts';
import { carryRedis } from '../../src/buffer/redis/carrying.ts';
import { carrySqlite } from '../../src/buffer/sqlite/carrying.ts';
import type { Clock } from '../../src/clock.ts';
import { systemClock } from '../../src/clock.ts';
import type { LeasedEvent, Route } from '../../src/model.ts';

export const keepMs = 2 * 24 * 3_600_000;
const page = { limit: 1_000 };
const routes: readonly Route[] = ['event', 'profile', 'profile_once', 'group', 'group_once'];

export type Spot = { readonly folder: string } | { readonly url: string; readonly shards: number };

export async function carryingOf(spot: Spot, role: 'from' | 'to', clock: Clock, keep = keepMs): Promise<Carrying> {
  const shared = { clock, keepDeliveriesMs: keep };
  if ('folder' in spot)
    return carrySqlite({ ...shared, folder: spot.folder, bytesMax: 1024 ** 3, mayBeNew: role === 'to' });
  const shards = role === 'to' ? spot.shards : null;
  // Its deadlines are real, whatever the time is for what is kept.
  const real = { ...clock, wait: systemClock.wait, monotonic: systemClock.monotonic };
  return carryRedis({ ...shared, clock: real, url: spot.url, place: spot.url, shards, durability: 'strict' });
}

export async function moveFromTo(from: Spot, to: Spot, clock: Clock = systemClock, keep = keepMs): Promise<Moved> {
  await using source = await carryingOf(from, 'from', clock, keep);
  await using target = await carryingOf(to, 'to', clock, keep);
  return await move({ from: source, to: target }, clock, () => {});
}

/** Everything that the contract can read, but for positions and bytes. What waits is leased for a look, and given back. */
export async function contentOf(keeper: BufferKeeper, clock: Clock): Promise<Record<string, unknown>> {
  const { bytesUsed: _bytes, bytesMax: _max, waitingByDestination, ...tally } = await keeper.tally();
  const { items: deliveries } = await keeper.deliveries({}, page);
  const { items: letters } = await keeper.deadLetters({}, page);
  const unmapped = await keeper.nextDeliveries({ after: 0, limit: 1_000, bytesMax: 1e9 });
  const byName = <T>(map: ReadonlyMap<string, T>) => [...map].sort(([one], [other]) => (one < other ? -1 : 1));
  return {
    tally: {
      ...tally,
      deadLetters: tally.deadLetters.toSorted((a, b) => (a.source + a.reason < b.source + b.reason ? -1 : 1)),
    },
    waiting: Object.fromEntries(Object.entries(waitingByDestination).filter(([, count]) => count > 0)),
    deliveries: deliveries.map(({ id }) => id),
    whole: await Promise.all(deliveries.map(({ id }) => keeper.delivery(id))),
    letters: await Promise.all(letters.map(({ id }) => keeper.deadLetter(id))),
    unmapped: unmapped.map(({ position: _position, body, ...rest }) => ({
      ...rest,
      body: Buffer.from(body).toString(),
    })),
    replays: (await keeper.replays(page)).items,
    secrets: byName(await keeper.learnedSecrets()),
    armed: byName(await keeper.armed(clock.now())),
    types: (await keeper.unmappedTypes(1_000)).toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)),
    leases: await leasable(keeper, Object.keys(waitingByDestination), Object.keys(tally.sources).sort()),
  };
}

function nameOf({ source, type }: { readonly source: string; readonly type: string | null }): string {
  return `${source} ${type}`;
}

/** Of each destination, source and route what would be sent, in its order. */
async function leasable(keeper: BufferKeeper, destinations: readonly string[], sources: readonly string[]) {
  const found: Record<string, unknown> = {};
  for (const destination of destinations.toSorted())
    for (const source of sources)
      for (const route of routes) {
        const leased = await leaseAll(keeper, { destination, source, route });
        if (leased.length > 0)
          found[`${destination} ${source} ${route}`] = leased.map(({ position: _position, ...event }) => event);
        await keeper.release(
          leased.map(({ position }) => position),
          false,
        );
      }
  return found;
}

export function leaseAll(
  keeper: BufferKeeper,
  { destination, source, route }: { destination: string; source: string; route: Route },
): Promise<readonly LeasedEvent[]> {
  const turns = [{ source, eventsMax: 10_000 }];
  return keeper.lease({ destination, route, turns, bytesMax: 1e9, leaseMs: 60_000 });
}
