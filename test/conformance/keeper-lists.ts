/** Lists over so many deliveries that a page looks at a part only: page by page they still give exactly what the filter says. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BufferKeeper } from '../../src/buffer/contract.ts';
import type { DeliveryFilter } from '../../src/buffer/reading.ts';
import { type MovedClock, movedClock, webhook } from '../support/buffer-fixtures.ts';

/** A keeper with room for all of them, and what ends it. */
export type ListsPlace = (
  clock: MovedClock,
) => Promise<{ readonly keeper: BufferKeeper; readonly remove: () => Promise<void> }>;

/** More than a page of SQLite's looks at. */
const count = 14_000;
const start = Date.UTC(2026, 0, 1);
type Made = { readonly id: string; readonly source: string; readonly type: string; readonly receivedAt: number };

/** `many` has more types than get a kind each; the first of its deliveries are of a type that comes never again. */
const partsOf = (at: number) => ({
  source: at % 20 === 7 ? 'rare' : 'many',
  type: at < 300 || at % 10 === 0 ? `t${at % 297}` : at < 305 ? 'once' : `x${at}`,
  receivedAt: start + at * 10,
});

/** `looksAtAll`: a page of this keeper looks at more rows than there are here. */
export function keeperListsMany(name: string, place: ListsPlace, looksAtAll = false): void {
  describe(`a list of ${name} over many deliveries`, () => {
    let keeper: BufferKeeper;
    let remove: () => Promise<void>;
    const made: Made[] = [];
    beforeAll(async () => {
      const clock = movedClock(start);
      ({ keeper, remove } = await place(clock));
      for (let at = 0; at < count; at += 1_000) {
        const answers = Array.from({ length: 1_000 }, async (_, more) => {
          const parts = partsOf(at + more);
          const delivery = webhook(clock, { ...parts, key: `k${at + more}`, body: new Uint8Array(3) });
          // Like a sender, who comes again when the machine is so busy that he was not answered in time.
          const answer = await keeper.accept(delivery).catch(() => keeper.accept(delivery));
          return { ...parts, id: (answer as { id: string }).id };
        });
        made.push(...(await Promise.all(answers)));
      }
    }, 60_000);
    afterAll(() => remove());

    const pages = (filter: DeliveryFilter, limit = 500) => allPages(keeper, filter, limit);
    const filters: readonly DeliveryFilter[] = [
      {},
      { source: 'rare' },
      { type: 't5' },
      { type: 'once' },
      { source: 'many', type: 't296' },
      { source: 'many', type: 'x9999' },
      { state: 'mapped' },
      { since: start + 50_000, until: start + 110_000 },
      { source: 'rare', since: start + 5_000 },
      { source: 'many', until: start + 100_000 },
      { type: 'once', since: start },
      { type: 'once', since: start + 3_020, until: start + 3_040 },
      { until: start },
    ];
    for (const filter of filters)
      it(`gives what ${JSON.stringify(filter).replaceAll('"', '')} says, newest first`, async () => {
        const { source, type, state, since = 0, until = Number.POSITIVE_INFINITY } = filter;
        const right = (one: Made) =>
          (source === undefined || one.source === source) &&
          (type === undefined || one.type === type) &&
          (state === undefined || state === 'accepted') &&
          one.receivedAt >= since &&
          one.receivedAt < until;
        const expected = made.filter(right).map(({ id }) => id);
        const { ids } = await pages(filter);
        expect(ids).toEqual(expected.reverse());
      });

    it('leads on from a page that found nothing where it looked', async () => {
      const first = await keeper.deliveries({ type: 'once' }, { limit: 500 });
      const { asked } = await pages({ type: 'once' });
      expect([asked, first.items.length, first.next === null]).toEqual(looksAtAll ? [1, 4, true] : [2, 0, false]);
    });

    it('gives the same whatever the size of its pages', async () => {
      const whole = await pages({ source: 'rare' }, 1_000);
      for (const limit of [7, 40]) expect((await pages({ source: 'rare' }, limit)).ids).toEqual(whole.ids);
    });
  });
}

/** Everything that a filter gives, in order, and how many pages that took. */
export async function allPages(keeper: BufferKeeper, filter: DeliveryFilter, limit: number) {
  const ids: string[] = [];
  let asked = 0;
  for (let after: string | undefined; ; ) {
    const page = await keeper.deliveries(filter, { limit, ...(after ? { after } : {}) });
    ids.push(...page.items.map(({ id }) => id));
    asked += 1;
    if (page.next === null) return { ids, asked };
    after = page.next;
  }
}
