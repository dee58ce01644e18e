import { describe, expect, it } from 'vitest';
import { deliveryOfEvent, madeAnew, origin, placeOfEvent } from '../../src/buffer/event-ids.ts';
import { type EarlierEvent, planRemap } from '../../src/buffer/remap.ts';
import type { RelayEvent, Route } from '../../src/model.ts';

const was = (id: string, json: string, more: Partial<EarlierEvent> = {}): EarlierEvent => ({
  ...{ id: `evt_d-${id}`, destination: 'mixpanel', route: 'event', state: 'delivered', json },
  ...more,
});
const is = (id: string, json: string, route: Route = 'event'): RelayEvent => ({
  ...{ id: `evt_d-${id}`, destination: 'mixpanel', json, time: 1 },
  ...(route === 'event' ? null : { update: { route, key: 'profile:1' } }),
});
const once = { route: 'profile_once' as const };
const seen = (earlier: readonly EarlierEvent[], next: readonly RelayEvent[]) => {
  const { same, again, fresh, held, gone, past, busy } = planRemap(earlier, next);
  const texts = (events: readonly { json: string }[]) => events.map(({ json }) => json);
  return {
    ...{ same: texts(same), again: texts(again.map(({ next: one }) => one)), fresh: texts(fresh) },
    ...{ held: texts(held), gone: texts(gone), past: texts(past), busy },
  };
};
const nothing = { same: [], again: [], fresh: [], held: [], gone: [], past: [], busy: false };

describe('what a new mapping changes', () => {
  it('is nothing when every event is the same, wherever it stands now', () => {
    expect(seen([was('0', 'a'), was('1', 'b', { state: 'waiting' })], [is('0', 'b'), is('1', 'a')])).toEqual({
      ...nothing,
      same: ['b', 'a'],
    });
  });

  it('is one event when two that were equal become three', () => {
    expect(seen([was('0', 'a'), was('1', 'a')], [is('0', 'a'), is('1', 'a'), is('2', 'a')])).toEqual({
      ...nothing,
      ...{ same: ['a', 'a'], fresh: ['a'] },
    });
  });

  it('keeps the same text for another destination, or another route, apart', () => {
    const elsewhere = was('0', 'a', { destination: 'other' });
    expect(seen([elsewhere, was('1', 'a', { route: 'profile' })], [is('2', 'a')])).toMatchObject({
      fresh: ['a'],
      same: [],
    });
  });

  it('replaces what waits, leaves what was delivered as history, and wakes what is dead', () => {
    const earlier = [was('0', 'a'), was('1', 'b', { state: 'waiting' }), was('2', 'c', { state: 'dead' })];
    expect(seen(earlier, [is('0', 'A'), is('1', 'B'), is('2', 'c')])).toEqual({
      ...nothing,
      ...{ fresh: ['A', 'B'], past: ['a'], gone: ['b'], again: ['c'] },
    });
  });

  it('waits when what would give way is being sent, but not when it may stay', () => {
    const leased = was('0', 'a', { state: 'waiting', leased: true });
    expect(planRemap([leased], [is('0', 'b')]).busy).toBe(true);
    expect(planRemap([leased], [is('0', 'a')]).busy).toBe(false);
  });

  it('compares with what was sent last of a place, not with what that replaced', () => {
    const earlier = [was('0', 'a'), was('0~rpl_1', 'b')];
    expect(seen(earlier, [is('0', 'a')])).toEqual({ ...nothing, fresh: ['a'], past: ['b'] });
    expect(seen(earlier, [is('0', 'b')])).toEqual({ ...nothing, same: ['b'] });
  });

  it('holds back a changed update that goes once, when the one before it may have counted', () => {
    for (const before of [was('0', 'a', once), was('0', 'a', { ...once, state: 'dead', uncertain: true })])
      expect(seen([before], [is('0', 'b', 'profile_once')])).toEqual({ ...nothing, held: ['b'], past: ['a'] });
    const rejected = was('0', 'a', { ...once, state: 'dead' });
    expect(seen([rejected], [is('0', 'b', 'profile_once')])).toEqual({ ...nothing, fresh: ['b'], gone: ['a'] });
  });

  it('holds it back also after the place went to another, and sends the first one of a delivery', () => {
    const earlier = [was('0', 'a', once), was('0~rpl_1', 'x')];
    expect(seen(earlier, [is('0', 'b', 'group_once')])).toMatchObject({ held: ['b'] });
    expect(seen([was('0', 'x')], [is('1', 'b', 'profile_once')])).toMatchObject({ held: [], fresh: ['b'] });
  });

  it('never wakes one that may have counted', () => {
    const unknown = was('0', 'a', { ...once, state: 'dead', uncertain: true });
    expect(seen([unknown], [is('0', 'a', 'profile_once')])).toEqual({ ...nothing, held: ['a'] });
  });
});

describe('the id of an event', () => {
  it('says what made it anew, and keeps its place and delivery', () => {
    const id = 'evt_01h-0.1-mixpanel';
    const again = madeAnew(madeAnew(id, 'rpl_1'), 'ded_2');
    expect(again).toBe(`${id}~ded_2`);
    expect([placeOfEvent(again), deliveryOfEvent(again)]).toEqual([id, 'dlv_01h']);
    expect(origin(again)).toEqual({ replay: null, editedFrom: 'ded_2' });
    expect(origin(madeAnew(id, 'rpl_1'))).toEqual({ replay: 'rpl_1', editedFrom: null });
    expect(origin(id)).toEqual({ replay: null, editedFrom: null });
  });
});
