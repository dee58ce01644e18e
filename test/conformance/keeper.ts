/** The promises of `src/buffer/contract.ts` as sentences, for any keeper. `keeper-model.ts` holds them against a model. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BufferKeeper, LeaseRequest, Settlement } from '../../src/buffer/contract.ts';
import { eventOf, type MovedClock, mapped, webhook } from '../support/buffer-fixtures.ts';

export type Harness = {
  readonly clock: MovedClock;
  /** A keeper of what this harness keeps; opened once, or again after it was disposed. */
  open(): Promise<BufferKeeper>;
  /** The keeper dies without finishing anything; another one opens what it left. */
  crashAndReopen(keeper: BufferKeeper): Promise<BufferKeeper>;
  /** Ends the keeper and removes what was kept. */
  remove(keeper: BufferKeeper): Promise<void>;
};
export const keepDeliveriesMs = 1_000_000;

const all = { after: 0, limit: 1_000, bytesMax: 10_000_000 };
export const turnsOf = (sources: readonly string[], eventsMax: number): LeaseRequest => ({
  destination: 'mixpanel',
  turns: sources.map((source) => ({ source, eventsMax })),
  bytesMax: 1_000_000,
  leaseMs: 1_000,
});
const delivered = (events: readonly { position: number }[]): Settlement[] =>
  events.map(({ position }) => ({ position, state: 'delivered' }));
const ids = (events: readonly { id: string }[]) => events.map(({ id }) => id.slice(-1));

export function keeperConforms(name: string, makeHarness: () => Promise<Harness>): void {
  describe(`${name} keeps the promises of a buffer`, () => {
    let harness: Harness;
    let keeper: BufferKeeper;
    beforeEach(async () => {
      harness = await makeHarness();
      keeper = await harness.open();
    });
    afterEach(() => harness.remove(keeper));

    const accept = (parts = {}) => keeper.accept(webhook(harness.clock, parts));
    const lease = (eventsMax = 100, parts: Partial<LeaseRequest> = {}) =>
      keeper.lease({ ...turnsOf(['shop'], eventsMax), ...parts });
    const queueEvents = async (count: number, parts = {}) => {
      await accept();
      await keeper.commitMapped((await keeper.nextDeliveries(all)).map((delivery) => mapped(delivery, count, parts)));
    };

    it('keeps an accepted delivery through a crash, byte for byte', async () => {
      const body = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256);
      const { id } = (await accept({ body, key: 'k', type: null })) as { id: string };
      keeper = await harness.crashAndReopen(keeper);
      const [kept] = await keeper.nextDeliveries(all);
      const { method, headers, query } = webhook(harness.clock);
      expect(kept).toMatchObject({ id, identity: 'k', key: 'k', type: null, method, headers, query });
      expect(Buffer.compare(kept?.body ?? new Uint8Array(), body)).toBe(0);
    });

    it('keeps no body that is to be forgotten, and keeps the others', async () => {
      // Opened anew, so that no log on the way to its place is counted.
      const used = async () => {
        await keeper[Symbol.asyncDispose]();
        keeper = await harness.open();
        return (await keeper.tally()).bytesUsed;
      };
      const body = new Uint8Array(500_000).fill(65);
      const empty = await used();
      const mapAll = async (forgetBody: boolean) => {
        await accept({ body });
        const deliveries = await keeper.nextDeliveries(all);
        await keeper.commitMapped(deliveries.map((delivery) => ({ ...mapped(delivery, 1), forgetBody })));
      };
      await mapAll(true);
      expect((await used()) - empty).toBeLessThan(250_000);
      await mapAll(false);
      expect((await used()) - empty).toBeGreaterThan(400_000);
    });

    it('keeps what is given in the place of a body, and after a crash too', async () => {
      await accept({ key: 'k', body: Buffer.from('who: Ann') });
      const [one] = await keeper.nextDeliveries(all);
      if (one === undefined) throw new Error('there is no delivery');
      await keeper.commitMapped([{ ...mapped(one, 1), maskedBody: Buffer.from('who: -') }]);
      keeper = await harness.crashAndReopen(keeper);
      const whole = await keeper.delivery(one.id);
      expect(Buffer.from(whole?.body ?? []).toString()).toBe('who: -');
      expect(whole?.headers).toMatchObject(one.headers);
    });

    it('answers a key it has seen with the first id, also within one turn of the event loop', async () => {
      const [first, second] = await Promise.all([accept({ key: 'a' }), accept({ key: 'a' })]);
      expect(first).toMatchObject({ status: 'accepted' });
      expect(second).toEqual({ ...first, status: 'duplicate' });
      keeper = await harness.crashAndReopen(keeper);
      expect(await accept({ key: 'a' })).toEqual(second);
    });

    it('does not take the same key of another source, or no key at all, for a duplicate', async () => {
      const answers = [
        await accept({ key: 'a' }),
        await accept({ key: 'a', source: 'other' }),
        await accept(),
        await accept(),
      ];
      expect(answers.map(({ status }) => status)).toEqual(['accepted', 'accepted', 'accepted', 'accepted']);
    });

    it('forgets a key after its retention, and not before', async () => {
      await accept({ key: 'a' });
      harness.clock.advance(keepDeliveriesMs - 1);
      expect(await accept({ key: 'a' })).toMatchObject({ status: 'duplicate' });
      harness.clock.advance(1);
      expect(await accept({ key: 'a' })).toMatchObject({ status: 'accepted' });
    });

    it('hands deliveries out in the order of their positions and within the bounds asked for', async () => {
      for (let count = 0; count < 5; count++) await accept({ body: new Uint8Array(100) });
      const everything = await keeper.nextDeliveries(all);
      expect(everything.map(({ position }) => position)).toEqual(
        everything.map(({ position }) => position).sort((a, b) => a - b),
      );
      const after = everything[1]?.position ?? 0;
      expect(await keeper.nextDeliveries({ after, limit: 2, bytesMax: 10_000 })).toEqual(everything.slice(2, 4));
      expect(await keeper.nextDeliveries({ after: 0, limit: 10, bytesMax: 250 })).toHaveLength(2);
      expect(await keeper.nextDeliveries({ after: 0, limit: 10, bytesMax: 1 })).toHaveLength(1);
    });

    it('queues the events of a delivery once, however often it is committed', async () => {
      await accept();
      const batch = (await keeper.nextDeliveries(all)).map((delivery) => mapped(delivery, 3));
      await Promise.all([keeper.commitMapped(batch), keeper.commitMapped(batch)]);
      await keeper.commitMapped(batch);
      expect(await lease()).toHaveLength(3);
      expect(await keeper.nextDeliveries(all)).toEqual([]);
      expect((await keeper.tally()).sources.shop).toMatchObject({ mapped: 1, unmapped: 0, created: 3, waiting: 3 });
    });

    it('leases the oldest first, with everything needed to send them', async () => {
      const { id: delivery } = (await accept()) as { id: string };
      const [first] = await keeper.nextDeliveries(all);
      await keeper.commitMapped(first ? [mapped(first, 3)] : []);
      const leased = await lease(2);
      expect(ids(leased)).toEqual(['0', '1']);
      const event = first && eventOf(first, 0);
      expect(leased[0]).toEqual({
        ...event,
        position: leased[0]?.position,
        source: 'shop',
        delivery,
        receivedAt: harness.clock.now(),
        attempts: 0,
      });
    });

    it('gives a leased event to nobody else until its lease ends', async () => {
      await queueEvents(2);
      const first = await lease();
      expect(await lease()).toEqual([]);
      harness.clock.advance(999);
      expect(await lease()).toEqual([]);
      harness.clock.advance(1);
      expect(await lease()).toEqual(first);
    });

    it('keeps an extended lease for longer', async () => {
      await queueEvents(2);
      const [first] = await lease();
      await keeper.extend(first ? [first.position] : [], 5_000);
      harness.clock.advance(1_000);
      expect(ids(await lease())).toEqual(['1']);
    });

    it('gives every leased event back after a crash', async () => {
      await queueEvents(3);
      const leased = await lease();
      keeper = await harness.crashAndReopen(keeper);
      expect(keeper.ready('mixpanel').get('shop')).toBe(3);
      expect(await lease()).toEqual(leased);
    });

    it('leases released events before later ones, in order, with their attempts counted when they were sent', async () => {
      await queueEvents(4);
      const positions = (await lease(3)).map(({ position }) => position);
      await keeper.release(positions.slice(1, 2), true);
      await keeper.release(positions.slice(0, 1), false);
      const again = await lease(3);
      expect(ids(again)).toEqual(['0', '1', '3']);
      expect(again.map(({ attempts }) => attempts)).toEqual([0, 1, 0]);
    });

    it('takes turns as they are named, and nothing from a source that is not', async () => {
      for (const source of ['a', 'b', 'c']) {
        await accept({ source });
        await keeper.commitMapped((await keeper.nextDeliveries(all)).map((delivery) => mapped(delivery, 3)));
      }
      const leased = await keeper.lease({
        ...turnsOf([], 0),
        turns: [
          { source: 'c', eventsMax: 1 },
          { source: 'a', eventsMax: 2 },
        ],
      });
      expect(leased.map(({ source }) => source)).toEqual(['c', 'a', 'a']);
    });

    it('stops a lease at its bytes, but always gives one', async () => {
      await queueEvents(3);
      expect(await lease(100, { bytesMax: 1 })).toHaveLength(1);
      expect(await lease(100, { bytesMax: 60 })).toHaveLength(1);
    });

    it('takes the oldest by their own time when asked, from any source', async () => {
      await queueEvents(1, { time: 500 });
      await accept({ source: 'other' });
      await keeper.commitMapped(
        (await keeper.nextDeliveries(all)).map((delivery) => mapped(delivery, 1, { time: 100 })),
      );
      await queueEvents(1, { time: 900 });
      const request = { ...turnsOf([], 0), olderThan: { time: 900, eventsMax: 10 } };
      const old = await keeper.lease(request);
      expect(old.map(({ time }) => time)).toEqual([100, 500]);
      expect((await lease()).map(({ time }) => time)).toEqual([900]);
      await keeper.release(
        old.map(({ position }) => position),
        false,
      );
      expect(await lease()).toHaveLength(1);
    });

    it('settles an event once, and a late settle changes nothing', async () => {
      await queueEvents(2);
      const leased = await lease();
      await keeper.settle(delivered(leased.slice(0, 1)));
      await keeper.settle(delivered(leased.slice(0, 1)));
      await keeper.release(
        leased.slice(0, 1).map(({ position }) => position),
        true,
      );
      harness.clock.advance(1_000);
      await keeper.settle(delivered(leased.slice(1)));
      expect(await lease()).toEqual([]);
      expect((await keeper.tally()).sources.shop).toMatchObject({ created: 2, waiting: 0, delivered: 2 });
    });

    it('keeps what was settled settled through a crash', async () => {
      await queueEvents(3);
      await keeper.settle(delivered((await lease()).slice(0, 2)));
      keeper = await harness.crashAndReopen(keeper);
      expect(ids(await lease())).toEqual(['2']);
    });

    it('buries a dead event with its words and its JSON', async () => {
      await queueEvents(1);
      const [event] = await lease();
      const letter = { kind: 'event' as const, reason: 'rejected', message: 'no such project', attempts: 2 };
      await keeper.settle([{ position: event?.position ?? 0, state: 'dead', letter }]);
      const { items } = await keeper.deadLetters({ source: 'shop', reason: 'rejected' }, { limit: 10 });
      expect(items).toMatchObject([
        {
          ...letter,
          source: 'shop',
          delivery: event?.delivery,
          destination: 'mixpanel',
          event: JSON.parse(event?.json ?? ''),
        },
      ]);
      expect((await keeper.deadLetters({ reason: 'gave_up' }, { limit: 10 })).items).toEqual([]);
    });

    it('buries a failed mapping without counting an event', async () => {
      await accept();
      const [delivery] = await keeper.nextDeliveries(all);
      if (!delivery) throw new Error('nothing accepted');
      const dead = [{ kind: 'mapping' as const, reason: 'mapping_error', message: 'T2001', attempts: 0 }];
      await keeper.commitMapped([{ delivery, state: 'failed', events: [], dead }]);
      const tally = await keeper.tally();
      expect(tally.sources.shop).toMatchObject({ failed: 1, created: 0, dead: 0 });
      expect(tally.deadLetters).toEqual([{ source: 'shop', reason: 'mapping_error', count: 1 }]);
      expect(tally.lastDeadLetterAt).toBe(harness.clock.now());
    });

    it('drops settled deliveries after their retention, and keeps those whose events wait', async () => {
      await queueEvents(1);
      await keeper.settle(delivered(await lease()));
      await queueEvents(1);
      harness.clock.advance(keepDeliveriesMs - 1);
      await keeper.sweep();
      expect((await keeper.deliveries({}, { limit: 10 })).items).toHaveLength(2);
      harness.clock.advance(1);
      await keeper.sweep();
      const { items } = await keeper.deliveries({}, { limit: 10 });
      expect(items.map(({ events }) => events.waiting)).toEqual([1]);
      expect(await lease()).toHaveLength(1);
    });

    it('lists deliveries newest first, page by page, by source, state and type', async () => {
      for (let count = 0; count < 6; count++) await accept({ source: `s${count % 2}`, type: `t${count % 3}` });
      const [first] = await keeper.nextDeliveries(all);
      if (first) await keeper.commitMapped([mapped(first, 0)]);
      const pages: string[] = [];
      let after: string | undefined;
      do {
        const page = await keeper.deliveries({}, { limit: 4, ...(after ? { after } : {}) });
        pages.push(...page.items.map(({ source, type }) => `${source}${type}`));
        after = page.next ?? undefined;
      } while (after);
      expect(pages).toEqual(['s1t2', 's0t1', 's1t0', 's0t2', 's1t1', 's0t0']);
      const some = async (filter: object) =>
        (await keeper.deliveries(filter, { limit: 10 })).items.map(({ type }) => type);
      expect(await some({ source: 's0' })).toEqual(['t1', 't2', 't0']);
      expect(await some({ state: 'skipped' })).toEqual(['t0']);
      expect(await some({ source: 's0', state: 'accepted', type: 't2' })).toEqual(['t2']);
      expect(await some({ source: 'nobody' })).toEqual([]);
    });

    it('calls for work when a delivery came or an event is ready, and not when nothing did', async () => {
      let calls = 0;
      const stop = keeper.onWork(() => calls++);
      const told = () => expect.poll(() => calls, { interval: 5 });
      await accept({ key: 'a' });
      await told().toBe(1);
      await accept({ key: 'a' });
      await keeper.commitMapped((await keeper.nextDeliveries(all)).map((delivery) => mapped(delivery, 1)));
      await told().toBe(2);
      const leased = await lease();
      await keeper.release(
        leased.map(({ position }) => position),
        false,
      );
      await told().toBe(3);
      stop();
      await accept();
      await keeper.tally();
      expect(calls).toBe(3);
    });

    it('says how long the oldest has waited', async () => {
      expect((await keeper.tally()).oldestWaitingAt).toBeNull();
      const receivedAt = harness.clock.now();
      await accept();
      harness.clock.advance(500);
      await queueEvents(1);
      expect((await keeper.tally()).oldestWaitingAt).toBe(receivedAt);
      await keeper.settle(delivered(await lease()));
      expect((await keeper.tally()).oldestWaitingAt).toBeNull();
    });

    it('finishes what is under way when it is closed, and takes nothing afterwards', async () => {
      const answers = Array.from({ length: 300 }, () => accept());
      await keeper[Symbol.asyncDispose]();
      for (const answer of await Promise.all(answers)) expect(answer.status).toBe('accepted');
      await expect(accept()).rejects.toThrow('closed');
      keeper = await harness.open();
      expect(await keeper.nextDeliveries(all)).toHaveLength(300);
    });
  });
}
