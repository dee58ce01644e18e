/** Webhooks, events and a clock that only moves when told, for tests of the buffer. */
import type { MappedDelivery } from '../../src/buffer/contract.ts';
import type { ReplayItem, SelectedItems } from '../../src/buffer/replaying.ts';
import type { Clock } from '../../src/clock.ts';
import type { Delivery, RawDelivery, RelayEvent, Verified } from '../../src/model.ts';

export type MovedClock = Clock & { advance(ms: number): void };

export function movedClock(start = Date.UTC(2026, 0, 1)): MovedClock {
  let passed = 0;
  return {
    now: () => start + passed,
    monotonic: () => passed,
    wait: async (ms) => {
      passed += ms;
    },
    random: () => 0.5,
    advance(ms) {
      passed += ms;
    },
  };
}

/** The buffer takes only what `verify/` made; here the test is the verifier. */
export function webhook(clock: Clock, parts: Partial<RawDelivery> = {}): Verified<RawDelivery> {
  const whole: RawDelivery = {
    source: 'shop',
    provider: 'stripe',
    key: null,
    type: 'charge.succeeded',
    receivedAt: clock.now(),
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    query: { tag: ['a', 'b'] },
    body: new TextEncoder().encode('{"amount":1}'),
    ...parts,
  };
  return whole as Verified<RawDelivery>;
}

export function eventOf(delivery: Delivery, index: number, parts: Partial<RelayEvent> = {}): RelayEvent {
  return {
    id: `evt_${delivery.id.slice(4)}-${index}`,
    destination: 'mixpanel',
    json: `{"event":"charge ü","properties":{"n":${index}}}`,
    time: delivery.receivedAt,
    ...parts,
  };
}

export function mapped(delivery: Delivery, eventCount: number, parts: Partial<RelayEvent> = {}): MappedDelivery {
  const events = Array.from({ length: eventCount }, (_, index) => eventOf(delivery, index, parts));
  return { delivery, state: eventCount === 0 ? 'skipped' : 'mapped', events, dead: [] };
}

/** What a replay makes of the deliveries it selected; those that are gone are passed over. */
export function remapItems(
  deliveries: SelectedItems['deliveries'],
  map: (delivery: Delivery) => MappedDelivery,
): ReplayItem[] {
  return deliveries.flatMap(({ cursor, delivery }): ReplayItem[] =>
    delivery ? [{ kind: 'remap', cursor, mapped: map(delivery) }] : [],
  );
}
