/** Any sequence of calls, crashes and hours leaves a keeper and a model of some arrays in agreement. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Settlement } from '../../src/buffer/contract.ts';
import type { LeasedEvent, Route } from '../../src/model.ts';
import { eventOf, type MovedClock, webhook } from '../support/buffer-fixtures.ts';
import { type Harness, keepDeliveriesMs, turnsOf } from './keeper.ts';
import {
  type Command,
  command,
  type Model,
  type ModelDelivery,
  type ModelEvent,
  type Real,
  sources,
  updates,
} from './keeper-model-parts.ts';
import { remap, resend } from './keeper-model-replays.ts';

const routes = ['event', 'profile', 'profile_once'] as const;

function accept(source: string, key: number | null): Command {
  return command(`accept ${source} ${key}`, async (model, { keeper, clock }) => {
    const answer = await keeper.accept(webhook(clock, { source, key: key === null ? null : `k${key}` }));
    const seen = key === null ? undefined : model.keys.get(`${source} ${key}`);
    if (seen && clock.now() - seen.receivedAt < keepDeliveriesMs) {
      model.duplicates += 1;
      expect(answer).toEqual({ status: 'duplicate', id: seen.id });
      return;
    }
    expect(answer.status).toBe('accepted');
    if (answer.status !== 'accepted') return;
    const delivery: ModelDelivery = { id: answer.id, source, receivedAt: clock.now(), state: 'accepted', kept: true };
    model.deliveries.push(delivery);
    if (key !== null) model.keys.set(`${source} ${key}`, delivery);
  });
}

function map(limit: number, eventCount: number, times: number, broken: boolean): Command {
  return command(`map ${limit} × ${eventCount} ${broken} ${times} times`, async (model, { keeper }) => {
    const unmapped = model.deliveries.filter(({ state }) => state === 'accepted').slice(0, limit);
    const next = await keeper.nextDeliveries({ after: 0, limit, bytesMax: 1_000_000 });
    expect(next.map(({ id }) => id)).toEqual(unmapped.map(({ id }) => id));
    const letter = { kind: 'event' as const, reason: 'invalid_event', message: 'a rule', attempts: 0, eventJson: '{}' };
    const state = eventCount === 0 && !broken ? ('skipped' as const) : ('mapped' as const);
    const batch = next.map((delivery) => ({
      delivery,
      state,
      events: Array.from({ length: eventCount }, (_, index) => {
        const update = updates[index % updates.length];
        return eventOf(delivery, index, { time: 1_000 - 7 * index, ...(update ? { update } : null) });
      }),
      dead: broken ? [letter] : [],
    }));
    for (let time = 0; time < times; time++) await keeper.commitMapped(batch);
    unmapped.forEach((delivery, at) => {
      delivery.state = state;
      const { source } = delivery;
      const shared = { source, delivery, leasedUntil: 0, attempts: 0, position: 0, begun: false };
      for (const { id, json, time, update } of batch[at]?.events ?? [])
        model.events.push({ ...shared, id, json, time, update, state: 'waiting' });
      if (!broken) return;
      model.events.push({ ...shared, id: '', json: '{}', time: 0, update: undefined, state: 'dead' });
      model.letters += 1;
    });
  });
}

function lease(order: readonly string[], eventsMax: number, route: Route): Command {
  return command(`lease ${eventsMax} ${route} of ${order.join()}`, async (model, { keeper, clock }) => {
    const expected = order.flatMap((source) =>
      ready(model, clock, route)
        .filter((event) => event.source === source)
        .slice(0, eventsMax),
    );
    const leased = await keeper.lease({ ...turnsOf(order, eventsMax), ...(route === 'event' ? null : { route }) });
    took(expected, leased, clock);
  });
}

function leaseOlder(time: number, eventsMax: number): Command {
  return command(`lease ${eventsMax} older than ${time}`, async (model, { keeper, clock }) => {
    const old = ready(model, clock, 'event').filter((event) => event.time < time);
    // Sorting is stable: events of one time stay in the order of their positions.
    const expected = old.sort((one, other) => one.time - other.time).slice(0, eventsMax);
    took(expected, await keeper.lease({ ...turnsOf([], 0), olderThan: { time, eventsMax } }), clock);
  });
}

/** Of each key only the oldest that waits. */
function ready(model: Model, clock: MovedClock, route: Route): ModelEvent[] {
  const waiting = model.events.filter(({ state }) => state === 'waiting');
  const first = new Map<string, ModelEvent>();
  for (const event of waiting) if (event.update && !first.has(event.update.key)) first.set(event.update.key, event);
  return waiting.filter(
    (event) =>
      (event.update?.route ?? 'event') === route &&
      event.leasedUntil <= clock.monotonic() &&
      (!event.update || first.get(event.update.key) === event),
  );
}

function took(expected: ModelEvent[], leased: readonly LeasedEvent[], clock: MovedClock) {
  const seen = (events: readonly (ModelEvent | LeasedEvent)[]) =>
    events.map(({ id, attempts, update, begun = false }) => [id, attempts, update, begun]);
  expect(seen(leased)).toEqual(seen(expected));
  expected.forEach((event, at) => {
    event.leasedUntil = clock.monotonic() + 1_000;
    event.position = leased[at]?.position ?? 0;
  });
}

/** Every `step`th event that was ever leased, whether its lease still runs, has ended, or it is long settled. */
function leasedOnce(model: Model, step: number): ModelEvent[] {
  return model.events.filter(({ position }) => position > 0).filter((_, at) => at % step === 0);
}

function settle(step: number, dies: boolean): Command {
  return command(`settle every ${step} ${dies ? 'dead' : 'delivered'}`, async (model, { keeper }) => {
    const chosen = leasedOnce(model, step);
    const letter = { kind: 'event' as const, reason: 'rejected', message: 'no', attempts: 1 };
    await keeper.settle(
      chosen.map(
        ({ position }): Settlement => (dies ? { position, state: 'dead', letter } : { position, state: 'delivered' }),
      ),
    );
    for (const event of chosen.filter(({ state }) => state === 'waiting')) {
      event.state = dies ? 'dead' : 'delivered';
      if (dies) model.letters += 1;
    }
  });
}

function release(step: number, attempted: boolean): Command {
  return command(`release every ${step} ${attempted}`, async (model, { keeper, clock }) => {
    await keeper.sweep(); // what has ended must be known to have ended: only then is releasing it nothing
    sweepModel(model, clock);
    const chosen = leasedOnce(model, step);
    await keeper.release(
      chosen.map(({ position }) => position),
      attempted,
    );
    for (const event of chosen) {
      if (event.state !== 'waiting' || event.leasedUntil <= clock.monotonic()) continue;
      event.leasedUntil = 0;
      if (!attempted) continue;
      event.attempts += 1;
      event.begun = false;
    }
  });
}

function extend(step: number, ms: number): Command {
  return command(`extend every ${step} by ${ms} ms`, async (model, { keeper, clock }) => {
    const chosen = leasedOnce(model, step).filter(
      ({ state, leasedUntil }) => state === 'waiting' && leasedUntil > clock.monotonic(),
    );
    await keeper.extend(
      chosen.map(({ position }) => position),
      ms,
    );
    for (const event of chosen) event.leasedUntil = clock.monotonic() + ms;
  });
}

function begin(step: number): Command {
  return command(`begin every ${step}`, async (model, { keeper, clock }) => {
    const chosen = leasedOnce(model, step).filter(
      ({ state, leasedUntil, update }) => state === 'waiting' && update && leasedUntil > clock.monotonic(),
    );
    await keeper.begin(chosen.map(({ position }) => position));
    for (const event of chosen) event.begun = true;
  });
}

function pass(ms: number): Command {
  return command(`pass ${ms} ms`, async (_, { clock }) => clock.advance(ms));
}

const sweep = command('sweep', async (model, { keeper, clock }) => {
  await keeper.sweep();
  sweepModel(model, clock);
});

function sweepModel(model: Model, clock: MovedClock): void {
  for (const delivery of model.deliveries) {
    const waits = model.events.some((event) => event.delivery === delivery && event.state === 'waiting');
    if (delivery.state !== 'accepted' && !waits && clock.now() - delivery.receivedAt >= keepDeliveriesMs)
      delivery.kept = false;
  }
}

function arm(source: string, ms: number): Command {
  return command(`arm ${source} for ${ms} ms`, async (model, { keeper, clock }) => {
    const known = model.secrets.get(source);
    const has = known !== undefined && 'secret' in known;
    expect(await keeper.arm(source, clock.now() + ms)).toBe(has ? 'has_secret' : 'armed');
    if (!has) model.secrets.set(source, { until: clock.now() + ms });
  });
}

function learn(source: string, secret: string): Command {
  return command(`learn ${secret} for ${source}`, async (model, { keeper, clock }) => {
    const known = model.secrets.get(source);
    const has = known !== undefined && 'secret' in known;
    const learns = known !== undefined && 'until' in known && clock.now() < known.until;
    const answer = await keeper.learnSecret(source, secret, clock.now());
    expect(answer).toBe(has ? 'has_secret' : learns ? 'learned' : 'not_armed');
    if (learns) model.secrets.set(source, { secret });
    const secrets = [...(await keeper.learnedSecrets())].map(([name, learned]) => [name, learned.secret]);
    const expected = [...model.secrets].flatMap(([name, one]) => ('secret' in one ? [[name, one.secret]] : []));
    expect(new Map(secrets as [string, string][])).toEqual(new Map(expected as [string, string][]));
  });
}

function forget(source: string): Command {
  return command(`forget ${source}`, async (model, { keeper }) => {
    const known = model.secrets.get(source);
    expect(await keeper.forgetSecret(source)).toBe(known !== undefined && 'secret' in known);
    model.secrets.delete(source);
  });
}

const crash = command('crash', async (model, real) => {
  real.keeper = await real.harness.crashAndReopen(real.keeper);
  for (const event of model.events) event.leasedUntil = 0;
});

const tally = command('tally', async (model, { keeper, clock }) => {
  await keeper.sweep();
  sweepModel(model, clock);
  const { sources: counted, waitingByDestination, deadLetters } = await keeper.tally();
  const total = { accepted: 0, duplicates: 0, waiting: 0, letters: 0 };
  for (const [source, count] of Object.entries(counted)) {
    const deliveries = model.deliveries.filter((delivery) => delivery.source === source);
    const events = model.events.filter((event) => event.source === source);
    const inState = (state: string) => [...deliveries, ...events].filter((each) => each.state === state).length;
    expect(count).toMatchObject({
      accepted: deliveries.length,
      unmapped: inState('accepted'),
      mapped: inState('mapped'),
      skipped: inState('skipped'),
      failed: 0,
      created: events.length,
      waiting: inState('waiting'),
      delivered: inState('delivered'),
      dead: inState('dead'),
    });
    const readyFor = (route: Route) => ready(model, clock, route).filter((event) => event.source === source).length;
    for (const route of routes) expect(keeper.ready('mixpanel', route).get(source) ?? 0).toBe(readyFor(route));
    total.accepted += count.accepted;
    total.duplicates += count.duplicates;
    total.waiting += count.waiting;
  }
  for (const { count } of deadLetters) total.letters += count;
  expect(total).toEqual({
    accepted: model.deliveries.length,
    duplicates: model.duplicates,
    waiting: waitingByDestination.mixpanel ?? 0,
    letters: model.letters,
  });
  const fallen = (await keeper.unmappedTypes(10)).map((one) => [one.source, one.skipped, one.failed] as const);
  const expected = Object.entries(counted).filter(([, one]) => one.skipped + one.failed > 0);
  expect(new Set(fallen)).toEqual(new Set(expected.map(([of, { skipped, failed }]) => [of, skipped, failed])));
  const { items } = await keeper.deliveries({}, { limit: 1_000 });
  const listed = items.map(({ id, events }) => [id, events.created, events.waiting, events.delivered, events.dead]);
  const kept = model.deliveries.filter((delivery) => delivery.kept);
  const numbers = kept.map((delivery) => {
    const own = model.events.filter((event) => event.delivery === delivery);
    const inState = (state: string) => own.filter((event) => event.state === state).length;
    return [delivery.id, own.length, inState('waiting'), inState('delivered'), inState('dead')];
  });
  expect(listed.reverse()).toEqual(numbers);
});

const source = fc.constantFrom(...sources);
const some = fc.integer({ min: 1, max: 4 });
/** Most webhooks become one event: keepers may take a shorter way for these. */
const eventCount = fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 5 }));
/** The way of an event, several times as often as the rest: what goes wrong there needs several of these in a row. */
const way = [
  fc.tuple(source, fc.option(fc.integer({ min: 0, max: 9 }))).map(([of, key]) => accept(of, key)),
  fc
    .tuple(some, eventCount, fc.integer({ min: 1, max: 2 }), fc.integer({ min: 0, max: 3 }))
    .map(([limit, count, times, broken]) => map(limit, count, times, broken === 0)),
  fc
    .tuple(fc.shuffledSubarray(sources, { minLength: 1 }), some, fc.constantFrom('event', ...routes))
    .map(([order, max, route]) => lease(order, max, route as Route)),
  fc.tuple(some, fc.boolean()).map(([step, dies]) => settle(step, dies)),
  fc.tuple(some, fc.boolean()).map(([step, attempted]) => release(step, attempted)),
  fc.constantFrom(1, 400, 400, 1_000).map(pass),
];
const commands = [
  ...way,
  ...way,
  ...way,
  fc.tuple(fc.constantFrom(980, 990, 995, 2_000), some).map(([time, max]) => leaseOlder(time, max)),
  fc.tuple(some, fc.constantFrom(400, 3_000)).map(([step, ms]) => extend(step, ms)),
  some.map(begin),
  fc
    .tuple(fc.nat(30), eventCount, fc.integer({ min: 0, max: 2 }), fc.boolean())
    .map(([at, count, variant, broken]) => remap(at, count, variant, broken)),
  fc.tuple(fc.nat(30), fc.boolean()).map(([at, edited]) => resend(at, edited)),
  fc.tuple(source, fc.constantFrom(1, 1_000, keepDeliveriesMs)).map(([of, ms]) => arm(of, ms)),
  fc.tuple(source, fc.constantFrom('one', 'two')).map(([of, secret]) => learn(of, secret)),
  source.map(forget),
  fc.constantFrom(keepDeliveriesMs / 2, keepDeliveriesMs).map(pass),
  fc.constant(sweep),
  fc.constant(crash),
  fc.constant(tally),
  fc.constant(tally),
];

/** On failure fast-check prints the shortest sequence and the seed that finds it again. */
export function keeperEqualsModel(
  name: string,
  makeHarness: () => Promise<Harness>,
  size: { runs: number; commands: number },
): void {
  describe(`${name} against a model`, () => {
    it('agrees after any sequence of calls and crashes', async () => {
      const property = fc.asyncProperty(
        fc.commands(commands, { maxCommands: size.commands, size: 'max' }),
        async (sequence) => {
          const harness = await makeHarness();
          const real: Real = { keeper: await harness.open(), harness, clock: harness.clock };
          const model: Model = {
            deliveries: [],
            events: [],
            keys: new Map(),
            secrets: new Map(),
            duplicates: 0,
            letters: 0,
            replays: 0,
          };
          try {
            await fc.asyncModelRun(() => ({ model, real }), sequence);
            await tally.run(model, real);
          } finally {
            await harness.remove(real.keeper);
          }
        },
      );
      await fc.assert(property, { numRuns: size.runs });
    }, 1_800_000);
  });
}
