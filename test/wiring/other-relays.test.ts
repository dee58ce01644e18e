import { expect, it } from 'vitest';
import type { Instance } from '../../src/buffer/contract.ts';
import { openOtherRelays } from '../../src/wiring/other-relays.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { sourceStatus } from '../support/observe-fixtures.ts';

function play(run: readonly Instance[]) {
  const clock = createFakeClock();
  const sources = [sourceStatus({ name: 'shop', revision: 'r1' }), sourceStatus({ name: 'crm', revision: 'c1' })];
  const told: Instance[] = [];
  const state = { run, away: false };
  const noteInstance = async (own: Instance) => {
    told.push(own);
    if (state.away) throw new Error('Redis is away');
    return [own, ...state.run];
  };
  const others = openOtherRelays({ buffer: { noteInstance }, clock, sources: () => sources });
  return { others, clock, sources, told, state };
}
const same = new Map([
  ['shop', 'r1'],
  ['crm', 'c1'],
]);
const mended = new Map([...same, ['shop', 'r2']]);

it('says of a source which revisions the others run, and how many of them', async () => {
  const { others, clock, sources, told } = play([same, mended, mended, new Map([['crm', 'c1']])]);
  using _ = others;
  await clock.advance(0);
  expect(told).toEqual([same]);
  const [shop, crm] = others.compared(sources);
  expect(shop?.elsewhere).toEqual([
    { revision: 'r1', relays: 1 },
    { revision: 'r2', relays: 2 },
    { revision: null, relays: 1 },
  ]);
  expect(crm).toBe(sources[1]);
});

it('says nothing where all run the same, or where there is no other', async () => {
  for (const run of [[same, same], []]) {
    const { others, clock, sources } = play(run);
    using _ = others;
    await clock.advance(0);
    expect(others.compared(sources)).toEqual(sources);
  }
});

it('hears of a change within seconds, and tells its own again', async () => {
  const { others, clock, sources, told, state } = play([same]);
  using _ = others;
  await clock.advance(0);
  state.run = [mended];
  await clock.advance(3_000);
  expect(others.compared(sources)[0]?.elsewhere).toEqual([{ revision: 'r2', relays: 1 }]);
  sources[0] = sourceStatus({ name: 'shop', revision: 'r2' });
  await clock.advance(3_000);
  expect(told.at(-1)).toEqual(mended);
  expect(others.compared(sources)[0]?.elsewhere).toBeUndefined();
});

it('keeps what it knew while the store is away, and asks on', async () => {
  const { others, clock, sources, state } = play([mended]);
  using _ = others;
  await clock.advance(0);
  state.away = true;
  await clock.advance(9_000);
  expect(others.compared(sources)[0]?.elsewhere).toBeDefined();
  state.away = false;
  state.run = [same];
  await clock.advance(3_000);
  expect(others.compared(sources)[0]?.elsewhere).toBeUndefined();
});

it('asks nothing of a store that is its own, and no more once it has ended', async () => {
  const clock = createFakeClock();
  const sources = [sourceStatus()];
  openOtherRelays({ buffer: {}, clock, sources: () => sources });
  await clock.advance(0);
  expect(clock.waits()).toEqual([]);
  const { others, told, clock: its } = play([]);
  await its.advance(0);
  others[Symbol.dispose]();
  await its.advance(10_000);
  expect(told).toHaveLength(1);
});
