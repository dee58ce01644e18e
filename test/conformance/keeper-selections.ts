/** What a replay selects, and the bounds of replays (`src/buffer/replaying.ts`), as sentences, for any keeper. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BufferKeeper } from '../../src/buffer/contract.ts';
import type { Selection } from '../../src/buffer/replaying.ts';
import type { LeasedEvent } from '../../src/model.ts';
import { mapped, webhook } from '../support/buffer-fixtures.ts';
import { type Harness, turnsOf } from './keeper.ts';

const all = { after: 0, limit: 1_000, bytesMax: 10_000_000 };
const pieces = { limit: 1_000, bytesMax: 10_000_000 };

export function keeperSelects(name: string, makeHarness: () => Promise<Harness>): void {
  describe(`${name} selects what is replayed`, () => {
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
    const failAll = async (reason = 'mapping_error') => {
      const dead = [{ kind: 'mapping' as const, reason, message: 'T2001', attempts: 0 }];
      for (const delivery of await keeper.nextDeliveries(all))
        await keeper.commitMapped([{ delivery, state: 'failed', events: [], dead }]);
    };
    const mapAll = async (count = 1) =>
      keeper.commitMapped((await keeper.nextDeliveries(all)).map((delivery) => mapped(delivery, count)));
    const lease = () => keeper.lease(turnsOf(['shop'], 100));
    const bury = (events: readonly LeasedEvent[], reason: string) =>
      keeper.settle(
        events.map(({ position }) => ({
          ...{ position, state: 'dead' as const },
          letter: { kind: 'event' as const, reason, message: 'no', attempts: 1 },
        })),
      );
    const begin = async (mode: 'remap' | 'resend', selection: Selection, count = 1) => {
      replays += 1;
      const id = `rpl_${replays}`;
      await keeper.addReplay({ id, mode, selection, count, by: 'test', createdAt: harness.clock.now() });
      return id;
    };
    const items = (mode: 'remap' | 'resend', selection: Selection) =>
      keeper.selectItems({ mode, selection, after: 0, ...pieces });
    const record = (id: string) => keeper.replay(id);

    it('selects deliveries by source, state, type, reason and time, and counts what it selects', async () => {
      const start = harness.clock.now();
      const a = await accept({ type: 'a' });
      const b = await accept({ type: 'b', source: 'other' });
      await failAll('mapping_error');
      const c = await accept({ type: 'b' });
      await failAll('mapping_timeout');
      const d = await accept({ type: 'b' });
      await mapAll(0);
      const selected = async (selection: Selection) => {
        const { deliveries } = await items('remap', selection);
        const counted = await keeper.countSelected({ mode: 'remap', selection, after: 0 });
        expect(counted.count).toBe(deliveries.filter(({ delivery }) => delivery).length);
        return deliveries.map(({ id }) => id);
      };
      expect(await selected({})).toEqual([a, b, c, d]);
      expect(await selected({ state: 'failed' })).toEqual([a, b, c]);
      expect(await selected({ source: 'shop' })).toEqual([a, c, d]);
      expect(await selected({ source: 'nobody' })).toEqual([]);
      expect(await selected({ type: 'b', source: 'shop', state: 'failed' })).toEqual([c]);
      expect(await selected({ reason: 'mapping_timeout' })).toEqual([c]);
      expect(await selected({ reason: 'mapping_error', source: 'shop' })).toEqual([a]);
      expect(await selected({ since: start + 2, until: start + 3 })).toEqual([b]);
      expect(await selected({ reason: 'mapping_error', since: start + 2 })).toEqual([b]);
      expect(await selected({ ids: [c, 'dlv_nobody', a] })).toEqual([c, 'dlv_nobody', a]);
    });

    it('keeps letters of unknown outcome out of every selection but that by ids', async () => {
      await accept();
      await mapAll(2);
      const leased = await lease();
      await bury(leased.slice(0, 1), 'unknown_outcome');
      await bury(leased.slice(1), 'rejected');
      const [rejected, unknown] = (await keeper.deadLetters({}, { limit: 9 })).items.map(({ id }) => id);
      const ids = async (selection: Selection) => (await items('resend', selection)).letters.map(({ id }) => id);
      expect(await ids({ state: 'dead' })).toEqual([rejected]);
      expect(await ids({ reason: 'unknown_outcome' })).toEqual([]);
      expect(await ids({ ids: [unknown ?? ''] })).toEqual([unknown]);
      const question = { mode: 'resend' as const, selection: {}, after: 0 };
      expect(await keeper.countSelected({ ...question, uncertain: true })).toMatchObject({ count: 1 });
      expect(await keeper.countSelected(question)).toMatchObject({ count: 1 });
    });

    it('selects in pieces that lead on, whatever their bounds, and nothing that came after the replay', async () => {
      const ids: string[] = [];
      for (let at = 0; at < 7; at++) ids.push(await accept({ body: new Uint8Array(100) }));
      await failAll();
      const replay = await begin('remap', { state: 'failed' }, 7);
      await accept();
      await failAll();
      const [{ place } = { place: { from: 0, upTo: 0 } }] = await keeper.unfinishedReplays();
      const found: string[] = [];
      let pieces = 0;
      for (let after = 0; ; pieces++) {
        const bounds = { limit: 3, bytesMax: 150, upTo: place.upTo };
        const piece = await keeper.selectItems({ mode: 'remap', selection: { state: 'failed' }, after, ...bounds });
        found.push(...piece.deliveries.map(({ id }) => id));
        after = piece.cursor;
        if (piece.ended) break;
      }
      expect(found).toEqual(ids);
      expect(pieces).toBeGreaterThan(2);
      expect(await record(replay)).toMatchObject({
        count: 7,
        by: 'test',
        mode: 'remap',
        selection: { state: 'failed' },
      });
    });

    it('keeps a bounded number of records, and lists them newest first', async () => {
      for (let at = 0; at < 205; at++) await keeper.cancelReplay(await begin('remap', { state: 'failed' }));
      const first = await keeper.replays({ limit: 150 });
      const second = await keeper.replays({ limit: 150, after: first.next ?? '' });
      expect([first.items.length, second.items.length, second.next]).toEqual([150, 50, null]);
      expect(first.items[0]?.id).toBe('rpl_205');
      expect(await record('rpl_1')).toBeNull();
    });

    it('takes a bounded number of replays at a time', async () => {
      const made = { mode: 'remap' as const, selection: {}, count: 1, by: 'test', createdAt: 1 };
      for (let at = 0; at < 20; at++) expect(await keeper.addReplay({ ...made, id: `rpl_${at}` })).toBe('added');
      expect(await keeper.addReplay({ ...made, id: 'rpl_one_more' })).toBe('too_many');
      await keeper.cancelReplay('rpl_3');
      expect(await keeper.addReplay({ ...made, id: 'rpl_one_more' })).toBe('added');
    });
  });
}
