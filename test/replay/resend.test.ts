/** Dead events that wait again, as they are or edited, over the real store. */
import { describe, expect, it } from 'vitest';
import type { SelectedDeadLetter } from '../../src/buffer/replaying.ts';
import { editedEvent, eventOfLetter } from '../../src/replay/resend.ts';
import { shape } from '../support/mapping.ts';
import { type Place, replayPlace } from '../support/replay-place.ts';

const adds = '{"$distinct_id": data.who, "$add": {"orders": 1}}';

/** Buries what waits. */
async function bury(place: Place, reason: string, route: 'event' | 'profile_once' = 'event'): Promise<string[]> {
  const turns = [{ source: 'shop', eventsMax: 100 }];
  const leased = await place.keeper.lease({ destination: 'mixpanel', turns, bytesMax: 1e7, leaseMs: 60_000, route });
  const letter = { kind: 'event' as const, reason, message: 'no', attempts: 1 };
  await place.keeper.settle(leased.map(({ position }) => ({ position, state: 'dead' as const, letter })));
  const { items } = await place.keeper.deadLetters({ reason }, { limit: 100 });
  return items.map(({ id }) => id).reverse();
}
const isDone = (place: Place, id: string) => async () => (await place.keeper.replay(id))?.state === 'done';

describe('a resend', () => {
  it('sends dead events again, byte for byte, and their letters are gone', async () => {
    await using place = await replayPlace();
    await place.accept(3);
    await place.mapAll();
    const ids = await bury(place, 'rejected');
    const events = (await place.keeper.deadLetters({}, { limit: 9 })).items.map(({ event }) => JSON.stringify(event));
    const { id, count } = await place.replays.start({ mode: 'resend', selection: { reason: 'rejected' } }, 'a test');
    expect([count, ids.length]).toEqual([3, 3]);
    await place.until(isDone(place, id));
    expect(place.sent.map(({ json }) => json)).toEqual(events.reverse());
    expect((await place.keeper.deadLetters({}, { limit: 9 })).items).toEqual([]);
    expect(await place.keeper.replay(id)).toMatchObject({ done: 3, delivered: 3, failed: 0 });
  });

  it('leaves out what may have been counted, says so, and sends it when it is named', async () => {
    await using place = await replayPlace();
    place.mapping = adds;
    await place.accept(2);
    await place.mapAll();
    const ids = await bury(place, 'unknown_outcome', 'profile_once');
    const range = await place.replays.dryRun({ mode: 'resend', selection: { state: 'dead' } });
    expect([range.count, range.warnings.map(({ code, count }) => [code, count])]).toEqual([0, [['uncertain', 2]]]);
    const one = { mode: 'resend', selection: { ids: ids.slice(0, 1) } } as const;
    const named = await place.replays.dryRun(one);
    expect(named).toMatchObject({ count: 1, sample: [{ changes: { again: 1 } }] });
    expect(named.warnings.find(({ code }) => code === 'uncertain')?.message).toContain('count twice');
    const { id } = await place.replays.start(one, 'a test');
    await place.until(isDone(place, id));
    expect(place.sent.map(({ update }) => update?.route)).toEqual(['profile_once']);
    expect((await place.keeper.deadLetters({}, { limit: 9 })).items).toHaveLength(1);
  });

  it('sends an edited copy under an identity of its own, marked with where it comes from', async () => {
    await using place = await replayPlace();
    const [delivery = ''] = await place.accept(1);
    await place.mapAll();
    const [letter = ''] = await bury(place, 'rejected');
    const dead = (await place.keeper.deadLetter(letter))?.event as { event: string; properties: object };
    const edit = { event: { ...dead, properties: { ...dead.properties, amount: 99 } } };
    const request = { mode: 'resend', selection: { ids: [letter] }, edit } as const;
    const dry = await place.replays.dryRun(request);
    expect(dry.sample[0]).toMatchObject({ before: [dead], changes: { changed: 1 } });
    const { id } = await place.replays.start(request, 'a test');
    await place.until(isDone(place, id));
    const sent = JSON.parse(place.sent[0]?.json ?? '');
    expect(dry.sample[0]?.after).toEqual([sent]);
    expect(sent.properties).toMatchObject({ amount: 99, time: (dead.properties as { time: number }).time });
    expect(sent.properties.$insert_id).not.toBe((dead.properties as { $insert_id: string }).$insert_id);
    expect((await place.keeper.delivery(delivery))?.events).toMatchObject([{ editedFrom: letter, state: 'delivered' }]);
  });

  it('refuses an edited copy that breaks a rule, and changes nothing', async () => {
    await using place = await replayPlace();
    await place.accept(1);
    await place.mapAll();
    const [letter = ''] = await bury(place, 'rejected');
    const request = { mode: 'resend', selection: { ids: [letter] }, edit: { event: { event: '' } } } as const;
    await expect(place.replays.start(request, 'a test')).rejects.toMatchObject({ code: 'bad_edit' });
    expect((await place.keeper.replays({ limit: 9 })).items).toEqual([]);
    expect((await place.keeper.deadLetters({}, { limit: 9 })).items).toHaveLength(1);
  });

  it('does not send what was edited as it was, when the relay ended before', async () => {
    await using place = await replayPlace();
    await place.accept(1);
    await place.mapAll();
    const [letter = ''] = await bury(place, 'rejected');
    const dead = (await place.keeper.deadLetter(letter))?.event;
    place.busy = true;
    const request = { mode: 'resend', selection: { ids: [letter] }, edit: { event: dead } } as const;
    const { id } = await place.replays.start(request, 'a test');
    await place.restart();
    place.busy = false;
    await place.until(isDone(place, id));
    expect(place.sent).toEqual([]);
    expect(await place.keeper.replay(id)).toMatchObject({
      failed: 1,
      lastFailure: expect.stringContaining('edit it again'),
    });
    expect((await place.keeper.deadLetters({}, { limit: 9 })).items).toHaveLength(1);
  });

  it('of an output that never became an event fails with a sentence, and leaves its letter', async () => {
    await using place = await replayPlace();
    place.mapping = '{"event": ""}';
    await place.accept(1);
    await place.mapAll();
    const dry = await place.replays.dryRun({ mode: 'resend', selection: { state: 'dead' } });
    expect(dry).toMatchObject({ count: 1, sample: [{ after: [], problem: expect.stringContaining('breaks a rule') }] });
    const { id } = await place.replays.start({ mode: 'resend', selection: { state: 'dead' } }, 'a test');
    await place.until(isDone(place, id));
    expect(await place.keeper.replay(id)).toMatchObject({ done: 1, failed: 1 });
    expect((await place.keeper.deadLetters({}, { limit: 9 })).items).toHaveLength(1);
  });
});

describe('what is sent of a dead letter', () => {
  const letter: SelectedDeadLetter = {
    ...{
      id: 'ded_1',
      source: 'shop',
      delivery: 'dlv_1',
      kind: 'event',
      reason: 'rejected',
      message: 'no',
      attempts: 1,
    },
    ...{ destination: 'mixpanel', json: '{"event":"a","properties":{"time":7,"$insert_id":"i"}}', eventId: 'evt_1-0' },
    ...{ time: 7, receivedAt: 5, route: 'event', update: null },
  };
  const destinations = new Set(['mixpanel']);
  const problemOf = (parts: Partial<SelectedDeadLetter>) => {
    const found = eventOfLetter({ ...letter, ...parts }, destinations);
    return 'problem' in found ? found.problem : null;
  };

  it('is the event as it was, with its own time', () => {
    const event = { json: letter.json, time: 7, destination: 'mixpanel' };
    expect(eventOfLetter(letter, destinations)).toEqual({ event });
    // Of an older relay, which kept no facts beside it.
    expect(eventOfLetter({ ...letter, eventId: null, route: null, time: null }, destinations)).toEqual({ event });
  });

  it('is nothing when it cannot be sent', () => {
    expect(problemOf({})).toBeNull();
    expect(problemOf({ kind: 'mapping' })).toContain('remap');
    expect(problemOf({ destination: 'elsewhere' })).toContain('no destination elsewhere');
    expect(problemOf({ json: null })).toContain('too large');
    expect(problemOf({ eventId: null, route: null, time: null, reason: 'invalid_event' })).toContain('breaks a rule');
    expect(problemOf({ eventId: null, route: null, time: null, json: '{"$set":{}}' })).toContain('breaks a rule');
  });

  it('is never several when it was edited', () => {
    const to = { destinations, shape, now: 8 };
    const two = editedEvent(letter, { $distinct_id: 'a', $set: { x: 1 }, $add: { y: 1 } }, to);
    expect(two).toEqual({ problem: expect.stringContaining('one operator') });
  });
});
