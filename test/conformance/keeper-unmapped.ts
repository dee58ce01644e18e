/** The promise about what falls through (`src/buffer/contract.ts`, 10), for any keeper. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BufferKeeper, otherTypes, type UnmappedType, unmappedTypesMax } from '../../src/buffer/contract.ts';
import { mapped, webhook } from '../support/buffer-fixtures.ts';
import type { Harness } from './keeper.ts';

export function keeperCountsUnmapped(name: string, makeHarness: () => Promise<Harness>): void {
  describe(`${name} counts what falls through`, () => {
    let harness: Harness;
    let keeper: BufferKeeper;
    beforeEach(async () => {
      harness = await makeHarness();
      keeper = await harness.open();
    });
    afterEach(() => harness.remove(keeper));

    /** Accepts a webhook of each type and commits them in one batch, twice: the second time must change nothing. */
    const fall = async (types: readonly (string | null)[], state: 'skipped' | 'failed' | 'mapped', source = 'shop') => {
      const answers = await Promise.all(types.map((type) => keeper.accept(webhook(harness.clock, { source, type }))));
      const next = await keeper.nextDeliveries({ after: 0, limit: 1_000, bytesMax: 10_000_000 });
      const batch = next.map((delivery) => ({ ...mapped(delivery, state === 'mapped' ? 1 : 0), state }));
      await Promise.all([keeper.commitMapped(batch), keeper.commitMapped(batch)]);
      await keeper.commitMapped(batch);
      return answers.map((answer) => (answer.status === 'accepted' ? answer.id : ''));
    };
    const counts = (types: readonly UnmappedType[]) =>
      types.map(({ source, type, skipped, failed }) => [source, type, skipped, failed]);
    const totalOf = (types: readonly UnmappedType[]) =>
      types.reduce((sum, { skipped, failed }) => sum + skipped + failed, 0);
    const many = (prefix: string, count: number) => Array.from({ length: count }, (_, at) => `${prefix}-${at}`);

    it('counts each skipped or failed delivery once by source and type, with the newest one', async () => {
      const since = harness.clock.now();
      await fall(['seen', 'seen', 'odd'], 'skipped');
      harness.clock.advance(1_000);
      const [last] = await fall(['seen'], 'failed');
      await fall(['seen'], 'skipped', 'other');
      const found = await keeper.unmappedTypes(50);
      expect(counts(found)).toEqual([
        ['shop', 'seen', 2, 1],
        ['shop', 'odd', 1, 0],
        ['other', 'seen', 1, 0],
      ]);
      expect(found[0]).toMatchObject({ lastDelivery: last, lastAt: since + 1_000, since });
    });

    it('counts nothing that was mapped, also of a type that falls through at other times', async () => {
      await fall(['good', 'mixed'], 'mapped');
      await fall(['mixed'], 'skipped');
      expect(counts(await keeper.unmappedTypes(50))).toEqual([['shop', 'mixed', 1, 0]]);
    });

    it('counts what has no type under none, and a type named like the others with the others', async () => {
      await fall([null, null, otherTypes], 'failed');
      expect(counts(await keeper.unmappedTypes(50))).toEqual([
        ['shop', null, 0, 2],
        ['shop', otherTypes, 0, 1],
      ]);
    });

    it('keeps its counts through a crash and beyond the retention of the deliveries', async () => {
      await fall(['seen'], 'skipped');
      keeper = await harness.crashAndReopen(keeper);
      harness.clock.advance(10_000_000);
      await keeper.sweep();
      expect((await keeper.deliveries({}, { limit: 10 })).items).toEqual([]);
      await fall(['seen'], 'skipped');
      expect(counts(await keeper.unmappedTypes(50))).toEqual([['shop', 'seen', 2, 0]]);
    });

    it('gives those that come most, so many of each source', async () => {
      await fall(['c', 'b', 'b', 'a', 'a', 'a'], 'skipped');
      await fall(['x', 'y'], 'skipped', 'other');
      const first = await keeper.unmappedTypes(1);
      expect(first.map(({ type }) => type)).toEqual(['a', 'x']);
    });

    it('bounds the types of a source and loses no count of what goes together', async () => {
      await fall(many('first', 300), 'skipped');
      harness.clock.advance(1);
      await fall(many('second', 50), 'failed');
      await fall(many('third', 3), 'skipped', 'other');
      const found = await keeper.unmappedTypes(1_000);
      const shop = found.filter(({ source }) => source === 'shop');
      expect(shop).toHaveLength(unmappedTypesMax + 1);
      expect(totalOf(shop)).toBe(350);
      expect(shop.find(({ type }) => type === otherTypes)).toMatchObject({ skipped: 150 });
      expect(found.filter(({ source }) => source === 'other')).toHaveLength(3);
    });

    it('lets endless names push out one another, never a type that is seen again and again', async () => {
      await fall(['real', 'real'], 'skipped');
      for (let round = 0; round < 4; round++) {
        harness.clock.advance(1_000);
        await fall(many(`flood-${round}`, 250), 'skipped');
      }
      // Also one that comes only now gets a place, and keeps it.
      await fall(['late', 'late'], 'failed');
      harness.clock.advance(1_000);
      await fall(many('flood-again', 250), 'skipped');
      const found = await keeper.unmappedTypes(2);
      expect(counts(found.filter(({ type }) => type !== otherTypes))).toEqual([['shop', 'late', 0, 2]]);
      const all = await keeper.unmappedTypes(1_000);
      expect(counts(all)).toContainEqual(['shop', 'real', 2, 0]);
      expect(totalOf(all)).toBe(2 + 4 * 250 + 2 + 250);
      // Of what is equal the longest unseen goes first.
      expect(all.some(({ type }) => type?.startsWith('flood-0'))).toBe(false);
    });
  });
}
