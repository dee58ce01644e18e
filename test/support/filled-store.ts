/** A keeper that holds one of everything there is: every state, attempts, begun updates, letters, replays in each state, secrets, what outlived its delivery. */
import type { BufferKeeper, MappedDelivery } from '../../src/buffer/contract.ts';
import type { ReplayItem } from '../../src/buffer/replaying.ts';
import type { Delivery, LeasedEvent, Route } from '../../src/model.ts';
import { eventOf, type MovedClock, webhook } from './buffer-fixtures.ts';
import { keepMs, leaseAll } from './carried.ts';

const sources = ['shop', 'crm', 'mail', 'pay'] as const;
const day = 24 * 3_600_000;
const asked = { after: 0, limit: 1_000, bytesMax: 1e9 };

/** The clock must begin more than `keepMs` ago: what is old falls out of it. */
export async function fillStore(keeper: BufferKeeper, clock: MovedClock): Promise<void> {
  const orphan = await outliveDeliveries(keeper, clock);
  await acceptSome(keeper, clock, 24);
  const deliveries = await keeper.nextDeliveries(asked);
  await keeper.commitMapped(deliveries.slice(0, 18).map((delivery, at) => becomes(delivery, at)));
  await send(keeper, clock);
  await beginSome(keeper);
  await resend(keeper, clock, { replay: 'rpl_orphan', letter: orphan, ended: true });
  await secondChances(keeper, clock);
  await keeper.arm('asana', clock.now() + 600_000);
  await keeper.learnSecret('asana', 'geheim ü', clock.now());
  await keeper.arm('notion', clock.now() + 600_000);
  await acceptSome(keeper, clock, 3);
  // The same again: duplicates.
  await acceptSome(keeper, clock, 2);
}

async function acceptSome(keeper: BufferKeeper, clock: MovedClock, count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    clock.advance(7);
    const source = sources[at % sources.length] as string;
    const body = new TextEncoder().encode(`{"ü":${at}}`);
    const type = at % 5 === 0 ? null : `type.${at % 7}`;
    await keeper.accept(webhook(clock, { source, key: at % 3 === 0 ? null : `key ${at}`, type, body }));
  }
}

/** Dead letters whose deliveries are gone. Answers one. */
async function outliveDeliveries(keeper: BufferKeeper, clock: MovedClock): Promise<string> {
  await acceptSome(keeper, clock, 3);
  const deliveries = await keeper.nextDeliveries(asked);
  const only = (delivery: Delivery): MappedDelivery => {
    return { delivery, state: 'mapped', events: [eventOf(delivery, 0)], dead: [] };
  };
  await keeper.commitMapped(deliveries.map(only));
  for (const source of sources)
    await bury(keeper, await leaseAll(keeper, { destination: 'mixpanel', source, route: 'event' }));
  clock.advance(keepMs + 1_000);
  await keeper.sweep();
  const { items } = await keeper.deadLetters({ kind: 'event' }, { limit: 10 });
  const [letter] = items;
  if (!letter || (await keeper.delivery(letter.delivery))) throw new Error('no dead letter has outlived its delivery');
  return letter.id;
}

function becomes(delivery: Delivery, at: number): MappedDelivery {
  const letter = {
    kind: 'event' as const,
    reason: 'invalid_event',
    message: 'a rule',
    attempts: 0,
    eventJson: '{"no":1}',
  };
  const failure = { kind: 'mapping' as const, reason: 'mapping_error', message: 'T2001', attempts: 0 };
  if (at % 6 === 0) return { delivery, state: 'skipped', events: [], dead: [] };
  if (at % 6 === 5) return { delivery, state: 'failed', events: [], dead: [failure] };
  const events = [
    eventOf(delivery, 0),
    eventOf(delivery, 1, { destination: 'bloom', time: delivery.receivedAt - 1_000 }),
    ...(['profile', 'profile_once'] as const).map((route, one) =>
      eventOf(delivery, 2 + one, { json: '{"$add":{"n":1}}', update: { route, key: `who ${at % 2}` } }),
    ),
  ];
  const body = at % 4 === 1 ? { forgetBody: true } : at % 4 === 2 ? { maskedBody: new TextEncoder().encode('{}') } : {};
  return { delivery, state: 'mapped', events, dead: at % 4 === 3 ? [letter] : [], ...body };
}

/** Of each source and route some leave, some die, some come back after a request in vain, some were begun, the rest waits. */
async function send(keeper: BufferKeeper, clock: MovedClock): Promise<void> {
  const routes: readonly Route[] = ['event', 'profile', 'profile_once'];
  for (const source of sources)
    for (const route of routes) {
      clock.advance(11);
      const leased = await leaseAll(keeper, { destination: 'mixpanel', source, route });
      const positions = leased.map(({ position }) => position);
      if (route !== 'event' && positions.length > 0) await keeper.begin(positions.slice(-1));
      const attempt = { batch: `bat_${source}_${route}`, at: clock.now(), attempt: 1, status: 503, durationMs: 12 };
      const note = {
        ...attempt,
        outcome: 'retry' as const,
        reason: 'server',
        message: 'busy ü',
        destination: 'mixpanel',
      };
      if (positions.length > 0) await keeper.noteAttempt({ ...note, positions });
      await keeper.settle(positions.slice(0, 1).map((position) => ({ position, state: 'delivered' })));
      await bury(keeper, leased.slice(1, 2));
      await keeper.release(positions.slice(2, 3), true);
      await keeper.release(positions.slice(3), false);
    }
}

/** Nobody knows what came of them: they were begun, and their relay was gone. */
async function beginSome(keeper: BufferKeeper): Promise<void> {
  let begun = 0;
  for (const source of sources)
    for (const route of ['profile', 'profile_once'] as const) {
      const leased = await leaseAll(keeper, { destination: 'mixpanel', source, route });
      const positions = leased.map(({ position }) => position);
      if (positions.length > 0) await keeper.begin(positions);
      await keeper.release(positions, false);
      begun += positions.length;
    }
  if (begun === 0) throw new Error('no update waits that could be begun');
}

async function bury(keeper: BufferKeeper, events: readonly LeasedEvent[]): Promise<void> {
  const letter = { kind: 'event' as const, reason: 'rejected', message: 'not this', attempts: 2 };
  await keeper.settle(
    events.map(({ position, json }) => ({ position, state: 'dead', letter: { ...letter, eventJson: json } })),
  );
}

async function secondChances(keeper: BufferKeeper, clock: MovedClock): Promise<void> {
  const { items } = await keeper.deadLetters({ kind: 'event', reason: 'rejected' }, { limit: 10 });
  const [first, second, third] = items.map(({ id }) => id);
  clock.advance(day / 24);
  await resend(keeper, clock, { replay: 'rpl_waits', letter: first ?? '', ended: true });
  await resend(keeper, clock, { replay: 'rpl_selects', letter: second ?? '', ended: false });
  await resend(keeper, clock, { replay: 'rpl_cancelled', letter: third ?? '', ended: true });
  await keeper.cancelReplay('rpl_cancelled');
  // Mended, and done at once: it becomes nothing.
  const { items: failed } = await keeper.deliveries({ state: 'failed' }, { limit: 1 });
  const selection = { ids: [failed[0]?.id ?? ''] };
  const found = (await keeper.selectItems({ ...asked, mode: 'remap', selection })).deliveries[0]?.delivery;
  if (!found) throw new Error('no delivery failed');
  await step(keeper, clock, { replay: 'rpl_done', mode: 'remap', ended: true }, selection.ids, (cursor) => ({
    ...{ kind: 'remap', cursor },
    mapped: { delivery: found, state: 'skipped', events: [], dead: [] },
  }));
}

async function resend(
  keeper: BufferKeeper,
  clock: MovedClock,
  { replay, letter, ended }: { replay: string; letter: string; ended: boolean },
): Promise<void> {
  const ids = [letter];
  const { letters } = await keeper.selectItems({ ...asked, mode: 'resend', selection: { ids } });
  const found = letters[0]?.letter;
  if (!found?.json || !found.destination) throw new Error(`${letter} is not there`);
  const { json, destination, time, receivedAt, update } = found;
  const event = { json, destination, time: time ?? receivedAt, ...(update ? { update } : {}) };
  await step(keeper, clock, { replay, mode: 'resend', ended }, ids, (cursor) => ({
    ...{ kind: 'resend', cursor, letter, event, edited: false },
  }));
}

async function step(
  keeper: BufferKeeper,
  clock: MovedClock,
  { replay, mode, ended }: { replay: string; mode: 'remap' | 'resend'; ended: boolean },
  ids: readonly string[],
  item: (cursor: number) => ReplayItem,
): Promise<void> {
  await keeper.addReplay({ id: replay, mode, selection: { ids }, count: 1, by: 'test', createdAt: clock.now() });
  const done = await keeper.replayStep({ replay, from: 0, items: [item(1)], to: 1, ended });
  if (done?.items !== 1) throw new Error(`${replay} did nothing`);
}
