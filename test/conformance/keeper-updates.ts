/** Promises 11 and 12 of `src/buffer/contract.ts` as sentences, for any keeper: updates of a key take turns, begun is durable. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BufferKeeper, MappedDelivery } from '../../src/buffer/contract.ts';
import type { LeasedEvent, RelayEvent, Route, Update } from '../../src/model.ts';
import { eventOf, webhook } from '../support/buffer-fixtures.ts';
import { type Harness, turnsOf } from './keeper.ts';

const all = { after: 0, limit: 1_000, bytesMax: 10_000_000 };
const ids = (events: readonly { id: string }[]) => events.map(({ id }) => id.slice(-1));
const positions = (events: readonly LeasedEvent[]) => events.map(({ position }) => position);

export function keeperTakesTurns(name: string, makeHarness: () => Promise<Harness>): void {
  describe(`${name} lets the updates of a key take turns`, () => {
    let harness: Harness;
    let keeper: BufferKeeper;
    beforeEach(async () => {
      harness = await makeHarness();
      keeper = await harness.open();
    });
    afterEach(() => harness.remove(keeper));

    /** One delivery with an event for each letter: `a` and `b` are people, capitals go once, `-` is a plain event. */
    const queue = async (letters: string, source = 'shop') => {
      await keeper.accept(webhook(harness.clock, { source }));
      const batch = (await keeper.nextDeliveries(all)).map((delivery): MappedDelivery => {
        const events = [...letters].map((letter, index): RelayEvent => {
          const route = letter === letter.toLowerCase() ? 'profile' : 'profile_once';
          const update: Update = { route, key: `profile:${letter.toLowerCase()}` };
          return eventOf(delivery, index, letter === '-' ? {} : { update });
        });
        return { delivery, state: 'mapped', events, dead: [] };
      });
      await keeper.commitMapped(batch);
    };
    const lease = (route: Route = 'profile', sources = ['shop']) => keeper.lease({ ...turnsOf(sources, 100), route });
    const ready = (route?: Route) => keeper.ready('mixpanel', route).get('shop') ?? 0;
    const deliver = (events: readonly LeasedEvent[]) =>
      keeper.settle(positions(events).map((position) => ({ position, state: 'delivered' })));

    it('gives each route its own events, and says whose they are', async () => {
      await queue('-aB');
      expect([ready(), ready('profile'), ready('profile_once'), ready('group')]).toEqual([1, 1, 1, 0]);
      expect((await keeper.lease(turnsOf(['shop'], 100))).map(({ update }) => update)).toEqual([undefined]);
      expect((await lease()).map(({ update }) => update)).toEqual([{ route: 'profile', key: 'profile:a' }]);
      expect(ids(await lease('profile_once'))).toEqual(['2']);
    });

    it('gives the oldest of each key, and the next when that one is settled', async () => {
      await queue('aabab');
      expect(ready('profile')).toBe(2);
      const first = await lease();
      expect(ids(first)).toEqual(['0', '2']);
      expect(ready('profile')).toBe(0);
      expect(await lease()).toEqual([]);
      await deliver(first.slice(0, 1));
      expect(ids(await lease())).toEqual(['1']);
      await keeper.settle([
        {
          position: first[1]?.position ?? 0,
          state: 'dead',
          letter: { kind: 'event', reason: 'rejected', message: '', attempts: 1 },
        },
      ]);
      expect(ids(await lease())).toEqual(['4']);
    });

    it('holds later ones back while the first is released, its lease ends, or the keeper crashes', async () => {
      await queue('aa');
      const first = await lease();
      await keeper.release(positions(first), true);
      expect(ids(await lease())).toEqual(['0']);
      harness.clock.advance(1_000);
      expect(ids(await lease())).toEqual(['0']);
      keeper = await harness.crashAndReopen(keeper);
      expect(ready('profile')).toBe(1);
      expect(ids(await lease())).toEqual(['0']);
    });

    it('keeps the order of a key across deliveries, sources and routes', async () => {
      await queue('a', 'other');
      await queue('Aa');
      expect(await lease()).toEqual([]);
      expect(await lease('profile_once')).toEqual([]);
      const first = await lease('profile', ['other']);
      await deliver(first);
      expect(await lease()).toEqual([]);
      const second = await lease('profile_once');
      expect(ids(second)).toEqual(['0']);
      await deliver(second);
      expect(ids(await lease())).toEqual(['1']);
    });

    it('does not let one key hold back another, or plain events', async () => {
      await queue('aab-');
      await lease();
      expect(ready()).toBe(1);
      await queue('bc');
      expect(ids(await lease())).toEqual(['1']);
    });

    it('counts those behind as waiting', async () => {
      await queue('aaa');
      const { sources, waitingByDestination } = await keeper.tally();
      expect(sources.shop).toMatchObject({ created: 3, waiting: 3 });
      expect(waitingByDestination).toEqual({ mixpanel: 3 });
      await deliver(await lease());
      expect((await keeper.tally()).sources.shop).toMatchObject({ waiting: 2, delivered: 1 });
    });

    it('remembers through a crash that an update was begun, and of no other', async () => {
      await queue('AB');
      const leased = await lease('profile_once');
      expect(leased.map(({ begun }) => begun)).toEqual([undefined, undefined]);
      await keeper.begin(positions(leased.slice(0, 1)));
      keeper = await harness.crashAndReopen(keeper);
      expect((await lease('profile_once')).map(({ begun }) => begun)).toEqual([true, undefined]);
    });

    it('forgets that it was begun when it is released as sent in vain, and not when its lease ends', async () => {
      await queue('A');
      const begin = async () => {
        const leased = await lease('profile_once');
        await keeper.begin(positions(leased));
        return leased;
      };
      await keeper.release(positions(await begin()), true);
      expect((await begin()).map(({ begun, attempts }) => [begun, attempts])).toEqual([[undefined, 1]]);
      harness.clock.advance(1_000);
      expect((await lease('profile_once')).map(({ begun }) => begun)).toEqual([true]);
    });
  });
}
