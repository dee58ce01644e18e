/** Promises 13 to 15 (`src/buffer/replaying.ts`) as sentences, for any keeper. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BufferKeeper, MappedDelivery } from '../../src/buffer/contract.ts';
import type { SelectedRange, Selection } from '../../src/buffer/replaying.ts';
import type { LeasedEvent, RelayEvent } from '../../src/model.ts';
import { eventOf, mapped, remapItems, webhook } from '../support/buffer-fixtures.ts';
import { type Harness, turnsOf } from './keeper.ts';

const all = { after: 0, limit: 1_000, bytesMax: 10_000_000 };
const pieces = { limit: 1_000, bytesMax: 10_000_000 };

export function keeperReplays(name: string, makeHarness: () => Promise<Harness>): void {
  describe(`${name} gives second chances`, () => {
    let harness: Harness;
    let keeper: BufferKeeper;
    let replays = 0;
    beforeEach(async () => {
      harness = await makeHarness();
      keeper = await harness.open();
      replays = 0;
    });
    afterEach(() => harness.remove(keeper));

    const accept = async (parts = {}) => {
      harness.clock.advance(1);
      return ((await keeper.accept(webhook(harness.clock, parts))) as { id: string }).id;
    };
    const failed = (delivery: MappedDelivery['delivery'], reason = 'mapping_error'): MappedDelivery => ({
      ...{ delivery, state: 'failed', events: [] },
      dead: [{ kind: 'mapping', reason, message: 'T2001', attempts: 0 }],
    });
    const failAll = async (reason?: string) =>
      keeper.commitMapped((await keeper.nextDeliveries(all)).map((delivery) => failed(delivery, reason)));
    const mapAll = async (count = 1, parts: Partial<RelayEvent> = {}) =>
      keeper.commitMapped((await keeper.nextDeliveries(all)).map((delivery) => mapped(delivery, count, parts)));
    const lease = (route: 'event' | 'profile' | 'profile_once' = 'event') =>
      keeper.lease({ ...turnsOf(['shop'], 100), route });
    const deliver = (events: readonly LeasedEvent[]) =>
      keeper.settle(events.map(({ position }) => ({ position, state: 'delivered' })));
    const bury = (events: readonly LeasedEvent[], reason = 'rejected') =>
      keeper.settle(
        events.map(({ position, json }) => ({
          ...{ position, state: 'dead' as const },
          letter: { kind: 'event' as const, reason, message: 'no', eventJson: json, attempts: 1 },
        })),
      );
    const begin = async (mode: 'remap' | 'resend', selection: Selection, count = 1) => {
      replays += 1;
      const id = `rpl_${replays}`;
      await keeper.addReplay({ id, mode, selection, count, by: 'test', createdAt: harness.clock.now() });
      return id;
    };
    const items = async (mode: 'remap' | 'resend', selection: Selection) =>
      keeper.selectItems({ mode, selection, after: 0, ...pieces });
    /** Remaps all that is selected with what `map` makes of each. */
    const remap = async (
      selection: Selection,
      map: (delivery: MappedDelivery['delivery'] & { receivedAt: number }) => MappedDelivery,
    ) => {
      const { deliveries } = await items('remap', selection);
      const replay = await begin('remap', selection, deliveries.length);
      const given = remapItems(deliveries, map);
      const to = given.at(-1)?.cursor ?? 0;
      const done = await keeper.replayStep({ replay, from: 0, items: given, to, ended: true });
      return { replay, done };
    };
    const shop = async () => (await keeper.tally()).sources.shop;
    const record = (id: string) => keeper.replay(id);
    const whole = async (id: string) => {
      const kept = await keeper.delivery(id);
      if (!kept) throw new Error(`${id} is not kept`);
      return kept;
    };
    const changedEvent = (
      delivery: MappedDelivery['delivery'] & { receivedAt: number },
      parts = {},
    ): MappedDelivery => ({
      ...{ delivery, state: 'mapped', dead: [] },
      events: [eventOf(delivery as never, 0, { json: '{"event":"mended"}', ...parts })],
    });

    it('mends what failed: its letter is gone, its events wait, the tallies add up', async () => {
      const id = await accept();
      await failAll();
      const { replay, done } = await remap({ state: 'failed' }, (delivery) => mapped(delivery as never, 2));
      expect(done).toMatchObject({ items: 1, record: { state: 'running', done: 1, waiting: 2 } });
      expect(await shop()).toMatchObject({ failed: 0, mapped: 1, created: 2, waiting: 2, unmapped: 0 });
      expect((await keeper.deadLetters({}, { limit: 9 })).items).toEqual([]);
      expect((await keeper.tally()).deadLetters).toEqual([]);
      expect(await keeper.unmappedTypes(10)).toEqual([]);
      expect((await whole(id)).summary).toMatchObject({ state: 'mapped', events: { waiting: 2 } });
      await deliver(await lease());
      expect(await record(replay)).toMatchObject({ state: 'done', done: 1, delivered: 1, failed: 0, waiting: 0 });
      expect(await shop()).toMatchObject({ delivered: 2, waiting: 0 });
    });

    it('keeps what fails again, with the new reason', async () => {
      const id = await accept();
      await failAll();
      const { replay } = await remap({ state: 'failed' }, (delivery) => failed(delivery, 'mapping_timeout'));
      expect(await record(replay)).toMatchObject({ state: 'done', failed: 1, lastFailure: 'mapping_timeout: T2001' });
      expect((await whole(id)).deadLetters.map(({ reason }) => reason)).toEqual(['mapping_timeout']);
      expect(await shop()).toMatchObject({ failed: 1, mapped: 0 });
      expect((await keeper.unmappedTypes(10)).map((one) => one.failed)).toEqual([1]);
    });

    it('sends nothing again that was delivered and is the same', async () => {
      const id = await accept();
      await mapAll(2);
      await deliver(await lease());
      const { replay } = await remap({ state: 'mapped' }, (delivery) => mapped(delivery as never, 2));
      expect(await lease()).toEqual([]);
      expect(await record(replay)).toMatchObject({ state: 'done', done: 1, delivered: 1 });
      expect((await whole(id)).events).toHaveLength(2);
    });

    it('sends what was delivered and has changed, and keeps what was sent as history', async () => {
      const id = await accept();
      await mapAll(1);
      await deliver(await lease());
      const { replay } = await remap({ state: 'mapped' }, changedEvent);
      const leased = await lease();
      expect(leased.map(({ json, attempts }) => [json, attempts])).toEqual([['{"event":"mended"}', 0]]);
      const { events, summary } = await whole(id);
      expect(events.map(({ state, replay: by }) => [state, by])).toEqual([
        ['delivered', null],
        ['waiting', replay],
      ]);
      expect(summary.events).toEqual({ created: 2, waiting: 1, delivered: 1, dead: 0 });
    });

    it('replaces an event that waits instead of doubling it', async () => {
      await accept();
      await mapAll(3);
      await remap({ state: 'mapped' }, changedEvent);
      expect((await lease()).map(({ json }) => json)).toEqual(['{"event":"mended"}']);
      expect(await shop()).toMatchObject({ created: 1, waiting: 1 });
      expect((await keeper.tally()).waitingByDestination).toEqual({ mixpanel: 1 });
    });

    it('leaves an event that waits and is the same where it is', async () => {
      await accept();
      await mapAll(2);
      const before = await lease();
      await keeper.release(
        before.map(({ position }) => position),
        true,
      );
      const { replay } = await remap({ state: 'mapped' }, (delivery) => mapped(delivery as never, 2));
      expect(await record(replay)).toMatchObject({ state: 'running', waiting: 2 });
      const again = await lease();
      expect(again.map(({ position, attempts }) => [position, attempts])).toEqual(
        before.map(({ position }) => [position, 1]),
      );
      await deliver(again);
      expect(await record(replay)).toMatchObject({ state: 'done', delivered: 1 });
    });

    it('waits with an event that is being sent just now, and changes nothing of its delivery', async () => {
      await accept();
      await accept();
      await mapAll(1);
      const leased = await lease();
      await deliver(leased.slice(0, 1));
      const { done, replay } = await remap({ state: 'mapped' }, changedEvent);
      expect(done).toMatchObject({ items: 1, record: { done: 1, selecting: true } });
      const place = done?.record.place.from ?? 0;
      await deliver(leased.slice(1));
      const { deliveries } = await keeper.selectItems({ mode: 'remap', selection: {}, after: place, ...pieces });
      const given = remapItems(deliveries, changedEvent);
      expect(given).toHaveLength(1);
      const rest = await keeper.replayStep({ replay, from: place, items: given, to: place + 1, ended: true });
      expect(rest).toMatchObject({ items: 1, record: { done: 2, waiting: 2 } });
    });

    it('gives a dead event of the delivery another chance, but not one that may have been counted', async () => {
      const id = await accept();
      const update = { route: 'profile_once' as const, key: 'profile:1' };
      const both = (delivery: MappedDelivery['delivery'] & { receivedAt: number }): MappedDelivery => ({
        ...{ delivery, state: 'mapped', dead: [] },
        events: [eventOf(delivery as never, 0), eventOf(delivery as never, 1, { update })],
      });
      for (const delivery of await keeper.nextDeliveries(all)) await keeper.commitMapped([both(delivery)]);
      await bury(await lease(), 'gave_up');
      await bury(await lease('profile_once'), 'unknown_outcome');
      const { replay } = await remap({ ids: [id] }, both);
      expect((await lease()).map(({ json }) => json)).toEqual([eventOf({ id } as never, 0).json]);
      expect(await lease('profile_once')).toEqual([]);
      expect((await whole(id)).deadLetters.map(({ reason }) => reason)).toEqual(['unknown_outcome']);
      expect(await shop()).toMatchObject({ created: 2, waiting: 1, dead: 1 });
      expect(await record(replay)).toMatchObject({ lastFailure: expect.stringContaining('held back') });
    });

    it('lets the next update of a key have its turn when the one before it gives way', async () => {
      await accept();
      const update = { route: 'profile' as const, key: 'profile:1' };
      await mapAll(1, { update });
      await accept();
      await mapAll(1, { update });
      const [first] = (await keeper.deliveries({}, { limit: 9 })).items.slice(1);
      await remap({ ids: [first?.id ?? ''] }, (delivery) => ({ delivery, state: 'skipped', events: [], dead: [] }));
      expect(keeper.ready('mixpanel', 'profile').get('shop')).toBe(1);
      const leased = await lease('profile');
      expect(leased).toHaveLength(1);
      await deliver(leased);
      expect(await shop()).toMatchObject({ created: 1, waiting: 0, delivered: 1, skipped: 1, mapped: 1 });
    });

    it('takes one that waits behind its key out of the line, too', async () => {
      await accept();
      const update = { route: 'profile' as const, key: 'profile:1' };
      await mapAll(1, { update });
      const behind = await accept();
      await mapAll(1, { update });
      await remap({ ids: [behind] }, (delivery) => changedEvent(delivery, { update }));
      const first = await lease('profile');
      await deliver(first);
      const second = await lease('profile');
      expect(second.map(({ json }) => json)).toEqual(['{"event":"mended"}']);
      await deliver(second);
      expect(keeper.ready('mixpanel', 'profile').get('shop')).toBeUndefined();
    });

    it('lets the next update have its turn also when leasing had passed it by', async () => {
      const update = (person: number) => ({ route: 'profile' as const, key: `profile:${person}` });
      const ids: string[] = [];
      for (const person of [1, 1, 2]) {
        ids.push(await accept());
        await mapAll(1, { update: update(person) });
      }
      const leased = await lease('profile');
      expect(leased).toHaveLength(2);
      await keeper.release(
        leased.map(({ position }) => position),
        false,
      );
      await remap({ ids: ids.slice(0, 1) }, (delivery) => ({ delivery, state: 'skipped', events: [], dead: [] }));
      expect((await lease('profile')).map(({ delivery }) => delivery)).toEqual(ids.slice(1));
    });

    it('does a step in the middle of a selection once, too', async () => {
      await accept();
      await failAll();
      const { deliveries } = await items('remap', { state: 'failed' });
      const replay = await begin('remap', { state: 'failed' });
      const given = remapItems(deliveries, (delivery) => mapped(delivery, 1));
      const step = { replay, from: 0, items: given, to: given[0]?.cursor ?? 0, ended: false };
      await keeper.replayStep(step);
      expect(await keeper.replayStep(step)).toMatchObject({ items: 0, record: { done: 1, place: { from: step.to } } });
    });

    it('does a step once, however often it is asked for, also after a crash', async () => {
      await accept();
      await failAll();
      const { deliveries } = await items('remap', { state: 'failed' });
      const replay = await begin('remap', { state: 'failed' });
      const given = remapItems(deliveries, (delivery) => mapped(delivery, 1));
      const step = { replay, from: 0, items: given, to: given[0]?.cursor ?? 0, ended: true };
      expect(await keeper.replayStep(step)).toMatchObject({ items: 1 });
      expect(await keeper.replayStep(step)).toMatchObject({ items: 0, record: { done: 1 } });
      keeper = await harness.crashAndReopen(keeper);
      expect(await keeper.replayStep(step)).toMatchObject({ items: 0, record: { done: 1, waiting: 1 } });
      const leased = await lease();
      expect(leased).toHaveLength(1);
      await deliver(leased);
      expect(await record(replay)).toMatchObject({ state: 'done', delivered: 1 });
    });

    it('does nothing for a replay that was cancelled, and goes on with what it had queued', async () => {
      await accept();
      await accept();
      await failAll();
      const { deliveries } = await items('remap', { state: 'failed' });
      const replay = await begin('remap', { state: 'failed' }, 2);
      const given = remapItems(deliveries, (delivery) => mapped(delivery, 1));
      const at = given[0]?.cursor ?? 0;
      await keeper.replayStep({ replay, from: 0, items: given.slice(0, 1), to: at, ended: false });
      expect((await keeper.unfinishedReplays()).map(({ place }) => place.from)).toEqual([at]);
      expect(await keeper.cancelReplay(replay)).toBe(true);
      expect(await keeper.cancelReplay(replay)).toBe(false);
      expect(await keeper.cancelReplay('rpl_nobody')).toBe(false);
      const more = { replay, from: at, items: given.slice(1), to: at + 9, ended: true };
      expect(await keeper.replayStep(more)).toMatchObject({ items: 0, record: { state: 'cancelled' } });
      expect(await keeper.unfinishedReplays()).toEqual([]);
      await deliver(await lease());
      expect(await record(replay)).toMatchObject({ state: 'cancelled', done: 1, delivered: 1, waiting: 0 });
      expect(await shop()).toMatchObject({ failed: 1, mapped: 1 });
    });

    it('sends a dead event again as it is, later than what waits and with an age of its own', async () => {
      const id = await accept();
      await mapAll(1, { time: 77 });
      await bury(await lease());
      const [letter] = (await keeper.deadLetters({}, { limit: 1 })).items;
      await accept();
      await mapAll(1);
      harness.clock.advance(5_000);
      const selection: SelectedRange = { state: 'dead', reason: 'rejected' };
      const { letters } = await items('resend', selection);
      expect(letters.map((one) => one.id)).toEqual([letter?.id]);
      const { json, time, destination } = letters[0]?.letter ?? {};
      const event = { json: json ?? '', time: time ?? 0, destination: destination ?? '' };
      const replay = await begin('resend', selection);
      const cursor = letters[0]?.cursor ?? 0;
      const item = { kind: 'resend' as const, cursor, letter: letter?.id ?? '', event, edited: false };
      await keeper.replayStep({ replay, from: 0, items: [item], to: cursor, ended: true });
      expect((await keeper.deadLetters({}, { limit: 9 })).items).toEqual([]);
      const leased = await lease();
      expect(leased.map((one) => [one.time, one.receivedAt === harness.clock.now()])).toEqual([
        [expect.any(Number), false],
        [77, true],
      ]);
      expect(leased[1]).toMatchObject({ json, attempts: 0, delivery: id });
      expect(await shop()).toMatchObject({ created: 2, waiting: 2, dead: 0 });
      await bury(leased.slice(1), 'too_large');
      expect(await record(replay)).toMatchObject({ state: 'done', failed: 1, lastFailure: 'too_large: no' });
      expect((await whole(id)).summary.events).toEqual({ created: 1, waiting: 0, delivered: 0, dead: 1 });
    });

    it('marks an edited copy with the letter it comes from', async () => {
      const id = await accept();
      await mapAll(1);
      await bury(await lease());
      const [letter] = (await keeper.deadLetters({}, { limit: 1 })).items;
      const replay = await begin('resend', { ids: [letter?.id ?? ''] });
      const event = { json: '{"event":"by hand"}', time: 5, destination: 'mixpanel' };
      const item = { kind: 'resend' as const, cursor: 1, letter: letter?.id ?? '', event, edited: true };
      await keeper.replayStep({ replay, from: 0, items: [item], to: 1, ended: true });
      expect((await whole(id)).events).toMatchObject([
        { json: event.json, state: 'waiting', editedFrom: letter?.id, replay: null },
      ]);
    });

    it('sends a dead event whose delivery is gone, and leaves nothing of it behind', async () => {
      const id = await accept();
      await mapAll(1);
      await bury(await lease());
      harness.clock.advance(2_000_000);
      await keeper.sweep();
      expect(await keeper.delivery(id)).toBeNull();
      const { letters } = await items('resend', { state: 'dead' });
      const letter = letters[0];
      const replay = await begin('resend', { state: 'dead' });
      const event = { json: letter?.letter?.json ?? '', time: 5, destination: 'mixpanel' };
      const cursor = letter?.cursor ?? 0;
      const item = { kind: 'resend' as const, cursor, letter: letter?.id ?? '', event, edited: false };
      await keeper.replayStep({ replay, from: 0, items: [item], to: cursor, ended: true });
      const leased = await lease();
      expect(leased).toMatchObject([{ delivery: id, json: event.json }]);
      await deliver(leased);
      expect(await record(replay)).toMatchObject({ state: 'done', delivered: 1 });
      expect(await shop()).toMatchObject({ created: 1, delivered: 1, dead: 0, waiting: 0 });
    });
  });
}
