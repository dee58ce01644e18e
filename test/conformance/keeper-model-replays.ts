/** Replays on a keeper and its model. What a new mapping changes is decided by `planRemap`, which has tests of its own. */
import { expect } from 'vitest';
import type { MappedDelivery } from '../../src/buffer/contract.ts';
import { madeAnew } from '../../src/buffer/event-ids.ts';
import { planRemap } from '../../src/buffer/remap.ts';
import type { ReplayItem, Selection } from '../../src/buffer/replaying.ts';
import type { RelayEvent } from '../../src/model.ts';
import { eventOf } from '../support/buffer-fixtures.ts';
import { type Command, command, type Model, type ModelEvent, type Real, updates } from './keeper-model-parts.ts';

/** One item, selected by its id and put through a replay of its own; undefined: it is not there. */
async function replayOne(
  { keeper, clock }: Real,
  { id, selection, mode }: { id: string; selection: Selection; mode: 'remap' | 'resend' },
  item: (cursor: number) => ReplayItem,
) {
  await keeper.addReplay({ id, mode, selection, count: 1, by: 'model', createdAt: clock.now() });
  const step = { replay: id, from: 0, items: [item(1)], to: 1, ended: true };
  const done = await keeper.replayStep(step);
  expect((await keeper.replayStep(step))?.items).toBe(0);
  // So that the bound of those that run is never met; what was queued is followed all the same.
  await keeper.cancelReplay(id);
  return done;
}

/** `variant` says which of three mappings it is: with the first nothing changes. */
export function remap(at: number, eventCount: number, variant: number, broken: boolean): Command {
  return command(`remap ${at} × ${eventCount} variant ${variant} ${broken}`, async (model, real) => {
    const kept = model.deliveries.filter((one) => one.kept);
    const delivery = kept[at % Math.max(1, kept.length)];
    if (!delivery) return;
    const selection = { ids: [delivery.id] };
    const asked = { mode: 'remap' as const, selection, after: 0, limit: 1, bytesMax: 1_000_000 };
    const found = (await real.keeper.selectItems(asked)).deliveries[0]?.delivery;
    // Past its retention, and swept without the model having been told.
    if (!found) throw new Error(`${delivery.id} is not kept`);
    const letter = { kind: 'event' as const, reason: 'invalid_event', message: 'a rule', attempts: 0, eventJson: '{}' };
    const events = Array.from({ length: eventCount }, (_, index): RelayEvent => {
      const update = updates[index % updates.length];
      const changed = variant === 0 ? {} : { json: `{"variant":${variant},"n":${index}}` };
      return eventOf(found, index, { time: 1_000 - 7 * index, ...changed, ...(update ? { update } : null) });
    });
    const state = eventCount === 0 && !broken ? ('skipped' as const) : ('mapped' as const);
    const mapped: MappedDelivery = { delivery: found, state, events, dead: broken ? [letter] : [] };
    model.replays += 1;
    const id = `rpl_${model.replays}`;
    const made = await replayOne(real, { id, selection, mode: 'remap' }, (cursor) => ({
      kind: 'remap',
      cursor,
      mapped,
    }));
    const own = model.events.filter((event) => event.delivery === delivery && event.id !== '');
    const now = real.clock.monotonic();
    const plan = planRemap(
      own.map((event) => ({
        ...{ event, id: event.id, destination: 'mixpanel', route: event.update?.route ?? 'event', state: event.state },
        ...{ json: event.json },
        leased: event.state === 'waiting' && (event.leasedUntil > now || event.begun),
      })),
      events,
    );
    expect(made?.items).toBe(plan.busy ? 0 : 1);
    if (plan.busy) return;
    const removed = new Set<ModelEvent>(
      [...plan.gone, ...plan.again.map(({ earlier }) => earlier)].map(({ event }) => event),
    );
    for (const event of model.events) if (event.delivery === delivery && event.id === '') removed.add(event);
    model.letters -= [...removed].filter((event) => event.state === 'dead').length;
    model.events.splice(0, model.events.length, ...model.events.filter((event) => !removed.has(event)));
    const queued = new Set([...plan.fresh, ...plan.again.map(({ next }) => next)]);
    const shared = { source: delivery.source, delivery, leasedUntil: 0, attempts: 0, position: 0, begun: false };
    for (const { id: place, json, time, update } of events.filter((event) => queued.has(event))) {
      const named = own.length === 0 ? place : madeAnew(place, id);
      model.events.push({ ...shared, id: named, json, time, update, state: 'waiting' });
    }
    delivery.state = state;
    if (!broken) return;
    model.events.push({ ...shared, id: '', json: '{}', time: 0, update: undefined, state: 'dead' });
    model.letters += 1;
  });
}

export function resend(at: number, edited: boolean): Command {
  return command(`resend ${at} ${edited}`, async (model, real) => {
    const { items } = await real.keeper.deadLetters({ kind: 'event' }, { limit: 1_000 });
    const one = items[at % Math.max(1, items.length)];
    if (!one) return;
    const selection = { ids: [one.id] };
    const asked = { mode: 'resend' as const, selection, after: 0, limit: 1, bytesMax: 1_000_000 };
    const letter = (await real.keeper.selectItems(asked)).letters[0]?.letter;
    if (!letter) throw new Error(`${one.id} is listed and cannot be selected`);
    const { eventId, json, time, update } = letter;
    const was = eventOfLetter(model, one.delivery, eventId);
    model.replays += 1;
    const id = `rpl_${model.replays}`;
    const event = { json: json ?? '', time: time ?? 0, destination: 'mixpanel', ...(update ? { update } : null) };
    await replayOne(real, { id, selection, mode: 'resend' }, (cursor) => {
      return { kind: 'resend', cursor, letter: one.id, event, edited };
    });
    model.events.splice(model.events.indexOf(was), 1);
    const named = madeAnew(eventId ?? `evt_${one.delivery.slice(4)}-x`, edited ? one.id : id);
    const { source, delivery } = was;
    const shared = { source, delivery, leasedUntil: 0, attempts: 0, position: 0, begun: false };
    model.events.push({
      ...shared,
      id: named,
      json: event.json,
      time: event.time,
      update: event.update,
      state: 'waiting',
    });
    model.letters -= 1;
  });
}

function eventOfLetter(model: Model, delivery: string, eventId: string | null): ModelEvent {
  const found = model.events.find(
    (event) => event.state === 'dead' && event.delivery.id === delivery && event.id === (eventId ?? ''),
  );
  if (!found) throw new Error(`the model has no dead event ${eventId} of ${delivery}`);
  return found;
}
