/** `src/buffer/reading.ts` as sentences, for any keeper: lists by every filter, one delivery, one dead letter. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BufferKeeper } from '../../src/buffer/contract.ts';
import type { DeadLetterFilter, DeliveryFilter } from '../../src/buffer/reading.ts';
import type { LeasedEvent } from '../../src/model.ts';
import { eventOf, mapped, webhook } from '../support/buffer-fixtures.ts';
import { type Harness, turnsOf } from './keeper.ts';

const all = { after: 0, limit: 1_000, bytesMax: 10_000_000 };

export function keeperReads(name: string, makeHarness: () => Promise<Harness>): void {
  describe(`${name} can be read`, () => {
    let harness: Harness;
    let keeper: BufferKeeper;
    beforeEach(async () => {
      harness = await makeHarness();
      keeper = await harness.open();
    });
    afterEach(() => harness.remove(keeper));

    const accept = async (parts = {}) => {
      const answer = await keeper.accept(webhook(harness.clock, parts));
      return (answer as { id: string }).id;
    };
    const mapAll = async (events = 1, parts = {}) => {
      for (const delivery of await keeper.nextDeliveries(all))
        await keeper.commitMapped([mapped(delivery, events, parts)]);
    };
    const failAll = async (reason: string) => {
      const dead = [{ kind: 'mapping' as const, reason, message: 'T2001', attempts: 0 }];
      for (const delivery of await keeper.nextDeliveries(all))
        await keeper.commitMapped([{ delivery, state: 'failed', events: [], dead }]);
    };
    const lease = () => keeper.lease(turnsOf(['shop'], 100));
    const positions = (events: readonly LeasedEvent[]) => events.map(({ position }) => position);
    const bury = (events: readonly LeasedEvent[], reason = 'rejected') =>
      keeper.settle(
        positions(events).map((position) => ({
          position,
          state: 'dead' as const,
          letter: { kind: 'event' as const, reason, message: 'not like this', attempts: 2 },
        })),
      );

    it('gives a delivery with its request, byte for byte, and every event with what became of it', async () => {
      const id = await accept({ key: 'k', body: Uint8Array.of(0, 255, 7) });
      await mapAll(3);
      const leased = await lease();
      harness.clock.advance(500);
      await keeper.settle([{ position: leased[0]?.position ?? 0, state: 'delivered' }]);
      await bury(leased.slice(1, 2));
      await keeper.release(positions(leased.slice(2)), true);
      keeper = await harness.crashAndReopen(keeper);
      const whole = await keeper.delivery(id);
      const { method, headers, query } = webhook(harness.clock);
      expect(whole).toMatchObject({
        summary: { id, key: 'k', state: 'mapped', events: { created: 3, waiting: 1, delivered: 1, dead: 1 } },
        ...{ method, headers, query, eventsLeftOut: 0 },
      });
      expect([...(whole?.body ?? [])]).toEqual([0, 255, 7]);
      expect(whole?.events.map(({ id, json }) => ({ id, json }))).toEqual(leased.map(({ id, json }) => ({ id, json })));
      expect(whole?.events.map(({ state, attempts }) => [state, attempts])).toEqual([
        ['delivered', 0],
        ['dead', 2],
        ['waiting', 1],
      ]);
      expect(whole?.events.map(({ settledAt }) => settledAt)).toEqual([harness.clock.now(), harness.clock.now(), null]);
      expect(whole?.events[1]?.lastWords).toBe('not like this');
      expect(whole?.deadLetters).toMatchObject([{ reason: 'rejected', delivery: id }]);
    });

    it('gives nothing for an id that is not known', async () => {
      await accept();
      expect(await keeper.delivery('dlv_nobody')).toBeNull();
      expect(await keeper.deadLetter('ded_nobody')).toBeNull();
    });

    it('says that a body was forgotten', async () => {
      const id = await accept();
      const [delivery] = await keeper.nextDeliveries(all);
      if (delivery) await keeper.commitMapped([{ ...mapped(delivery, 1), forgetBody: true }]);
      expect(await keeper.delivery(id)).toMatchObject({ summary: { state: 'mapped' }, body: null, headers: null });
    });

    it('shows a bounded number of events, and says how many more there are', async () => {
      const id = await accept();
      await mapAll(1_200);
      const whole = await keeper.delivery(id);
      expect([whole?.events.length, whole?.eventsLeftOut]).toEqual([1_000, 200]);
    });

    it('tells the requests that did not go well, of the events they held and of no others', async () => {
      const id = await accept();
      await mapAll(3);
      const [first, second] = await lease();
      const note = { batch: 'bat_1', at: 5, attempt: 1, status: 503, outcome: 'retry' as const, durationMs: 12 };
      const held = [second?.position ?? 0, first?.position ?? 0];
      const words = { reason: 'unavailable', message: 'x'.repeat(9_000), destination: 'mixpanel' };
      await keeper.noteAttempt({ ...note, ...words, positions: held });
      await keeper.noteAttempt({ ...note, ...words, batch: 'bat_2', message: 'again', positions: held.slice(0, 1) });
      const events = (await keeper.delivery(id))?.events ?? [];
      expect(events.map(({ tries }) => tries.map(({ batch }) => batch))).toEqual([['bat_1'], ['bat_1', 'bat_2'], []]);
      expect(events[0]?.tries[0]).toMatchObject({ ...note, reason: 'unavailable' });
      expect(events[0]?.tries[0]?.message?.length).toBe(500);
      expect(events.map(({ lastWords }) => lastWords?.slice(0, 5) ?? null)).toEqual(['xxxxx', 'again', null]);
    });

    it('keeps the notes of the last requests only', async () => {
      const id = await accept();
      await mapAll(1);
      const [event] = await lease();
      const note = { at: 5, attempt: 1, status: null, outcome: 'retry' as const, reason: null, message: null };
      for (let at = 0; at < 1_003; at++)
        await keeper.noteAttempt({
          ...{ ...note, batch: `bat_${at}`, durationMs: 1, destination: 'mixpanel' },
          positions: [event?.position ?? 0],
        });
      const tries = (await keeper.delivery(id))?.events[0]?.tries ?? [];
      expect([tries.length, tries[0]?.batch]).toEqual([1_000, 'bat_3']);
    });

    const pagesOf = async (filter: DeliveryFilter, limit = 2) => {
      const ids: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await keeper.deliveries(filter, { limit, ...(after ? { after } : {}) });
        ids.push(...page.items.map(({ id }) => id));
        if (page.next === null) return ids;
        after = page.next;
      }
    };

    it('lists deliveries of a time range, newest first and page by page, also when the clock went back', async () => {
      const start = harness.clock.now();
      const ids: string[] = [];
      for (const at of [0, 300, 100, 200, 400])
        ids.push(await accept({ receivedAt: start + at, source: at === 200 ? 'other' : 'shop' }));
      const [zero, three, one, two] = ids;
      expect(await pagesOf({ since: start, until: start + 400 })).toEqual([three, two, one, zero]);
      expect(await pagesOf({ since: start + 100, until: start + 300 })).toEqual([two, one]);
      expect(await pagesOf({ since: start + 100, until: start + 300, source: 'shop' })).toEqual([one]);
      expect(await pagesOf({ since: start + 401 })).toEqual([]);
      expect(await pagesOf({ until: start })).toEqual([]);
    });

    it('lists dead letters by source, reason, kind, destination, type and the time of receipt', async () => {
      const start = harness.clock.now();
      await accept({ type: 'a' });
      await failAll('mapping_error');
      await accept({ type: 'b', receivedAt: start + 50 });
      await mapAll(1, { destination: 'mixpanel' });
      await bury(await lease());
      const reasons = async (filter: DeadLetterFilter) =>
        (await keeper.deadLetters(filter, { limit: 10 })).items.map(({ reason }) => reason);
      expect(await reasons({})).toEqual(['rejected', 'mapping_error']);
      expect(await reasons({ kind: 'event' })).toEqual(['rejected']);
      expect(await reasons({ kind: 'mapping', source: 'shop' })).toEqual(['mapping_error']);
      expect(await reasons({ destination: 'mixpanel' })).toEqual(['rejected']);
      expect(await reasons({ destination: 'elsewhere' })).toEqual([]);
      expect(await reasons({ type: 'a' })).toEqual(['mapping_error']);
      expect(await reasons({ since: start + 1 })).toEqual(['rejected']);
      expect(await reasons({ until: start + 50 })).toEqual(['mapping_error']);
      expect(await reasons({ source: 'nobody', kind: 'event' })).toEqual([]);
    });

    it('gives a dead letter with its event and what is known of it', async () => {
      const delivery = await accept({ type: 'a' });
      const update = { route: 'profile' as const, key: 'profile:1' };
      await mapAll(1, { update, time: 77 });
      const leased = await keeper.lease({ ...turnsOf(['shop'], 10), route: 'profile' });
      await bury(leased);
      const [letter] = (await keeper.deadLetters({}, { limit: 1 })).items;
      const event = JSON.parse(eventOf({ id: delivery, receivedAt: 0 } as never, 0).json);
      expect(await keeper.deadLetter(letter?.id ?? '')).toEqual({
        ...letter,
        event,
        ...{ type: 'a', receivedAt: harness.clock.now(), time: 77, eventId: leased[0]?.id, route: 'profile' },
      });
    });
  });
}
