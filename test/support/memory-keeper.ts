/** The queue half of a buffer in memory, with the promises forwarding relies on: one holder, settled once, order, turns of a key, leases that end. */
import type { LeaseRequest, NewDeadLetter, Settlement } from '../../src/buffer/contract.ts';
import type { Clock } from '../../src/clock.ts';
import type { ForwardBuffer } from '../../src/forward/custody.ts';
import type { LeasedEvent, Route } from '../../src/model.ts';

type Held = { event: LeasedEvent; attempts: number; leasedUntil: number | null; begun: boolean };

export type MemoryKeeper = ForwardBuffer & {
  put(events: readonly Omit<LeasedEvent, 'position' | 'attempts'>[]): void;
  readonly delivered: readonly LeasedEvent[];
  readonly dead: readonly { event: LeasedEvent; letter: NewDeadLetter }[];
  readonly leases: readonly (readonly LeasedEvent[])[];
  waiting(): number;
  leased(): number;
  /** Ends leases that are over; `ready` and `lease` do so too. */
  endLeases(): void;
  /** Make the next calls fail. */
  failing: { settle: number; lease: number; extend: number; begin: number };
  /** As if the relay had been killed: nobody holds anything any more. */
  crash(): void;
};

export function createMemoryKeeper(clock: Clock): MemoryKeeper {
  /** By destination, then source, in order of position. */
  const lanes = new Map<string, Map<string, Map<number, Held>>>();
  const byPosition = new Map<number, Held>();
  const ready = new Map<string, Map<string, number>>();
  const listeners = new Set<() => void>();
  const delivered: LeasedEvent[] = [];
  const dead: { event: LeasedEvent; letter: NewDeadLetter }[] = [];
  const leases: (readonly LeasedEvent[])[] = [];
  const failing = { settle: 0, lease: 0, extend: 0, begin: 0 };
  /** Updates that wait, by key: the first has its turn. */
  const turns = new Map<string, number[]>();
  const leasedPositions = new Set<number>();
  let position = 0;

  const placeOf = (destination: string, route: Route = 'event') => `${route} ${destination}`;
  const count = (event: LeasedEvent, by: number) => {
    const place = placeOf(event.destination, event.update?.route);
    const counts = ready.get(place) ?? new Map<string, number>();
    ready.set(place, counts);
    const left = (counts.get(event.source) ?? 0) + by;
    if (left === 0) counts.delete(event.source);
    else counts.set(event.source, left);
  };
  const notify = () => queueMicrotask(() => listeners.forEach((listener) => void listener()));
  const hasTurn = ({ update, position: at }: LeasedEvent) => !update || turns.get(update.key)?.[0] === at;
  const fail = (what: keyof typeof failing) => {
    if (failing[what] <= 0) return;
    failing[what]--;
    throw new Error(`${what} fails on order`);
  };
  const free = (held: Held) => {
    held.leasedUntil = null;
    leasedPositions.delete(held.event.position);
    count(held.event, 1);
  };
  const endLeases = () => {
    for (const at of [...leasedPositions]) {
      const held = byPosition.get(at);
      if (held?.leasedUntil != null && held.leasedUntil <= clock.monotonic()) free(held);
    }
  };
  const remove = (at: number): LeasedEvent | null => {
    const held = byPosition.get(at);
    if (!held) return null;
    byPosition.delete(at);
    lanes.get(placeOf(held.event.destination, held.event.update?.route))?.get(held.event.source)?.delete(at);
    if (held.leasedUntil === null) count(held.event, -1);
    leasedPositions.delete(at);
    const { update } = held.event;
    const line = update && turns.get(update.key);
    line?.shift();
    const next = line?.[0] === undefined ? undefined : byPosition.get(line[0]);
    if (next) count(next.event, 1);
    return { ...held.event, attempts: held.attempts };
  };
  function* candidates({ destination, route, turns: asked, olderThan }: LeaseRequest): Generator<Held> {
    const lane = lanes.get(placeOf(destination, route)) ?? new Map<string, Map<number, Held>>();
    if (olderThan) {
      const old = [...lane.values()].flatMap((events) => [...events.values()]);
      const found = old.filter((held) => held.leasedUntil === null && held.event.time < olderThan.time);
      yield* found.sort((a, b) => a.event.time - b.event.time).slice(0, olderThan.eventsMax);
      return;
    }
    for (const { source, eventsMax } of asked) {
      let left = eventsMax;
      for (const held of lane.get(source)?.values() ?? []) {
        if (left <= 0) break;
        if (held.leasedUntil !== null || !hasTurn(held.event)) continue;
        left--;
        yield held;
      }
    }
  }

  return {
    delivered,
    dead,
    leases,
    failing,
    endLeases,
    waiting: () => byPosition.size,
    leased: () => leasedPositions.size,
    put(events) {
      for (const event of events) {
        const whole = { ...event, position: ++position, attempts: 0 };
        const held: Held = { event: whole, attempts: 0, leasedUntil: null, begun: false };
        const place = placeOf(event.destination, event.update?.route);
        const lane = lanes.get(place) ?? new Map<string, Map<number, Held>>();
        lanes.set(place, lane);
        const source = lane.get(event.source) ?? new Map<number, Held>();
        lane.set(event.source, source);
        source.set(position, held);
        byPosition.set(position, held);
        const { update } = event;
        if (update) turns.set(update.key, [...(turns.get(update.key) ?? []), position]);
        if (hasTurn(whole)) count(whole, 1);
      }
      notify();
    },
    crash() {
      for (const at of [...leasedPositions]) free(byPosition.get(at) as Held);
    },
    ready(destination, route) {
      endLeases();
      return ready.get(placeOf(destination, route)) ?? new Map();
    },
    async begin(positions) {
      fail('begin');
      for (const at of positions) if (byPosition.has(at)) (byPosition.get(at) as Held).begun = true;
    },
    async lease(request) {
      fail('lease');
      endLeases();
      const taken: LeasedEvent[] = [];
      let bytes = 0;
      for (const held of candidates(request)) {
        bytes += Buffer.byteLength(held.event.json);
        if (taken.length > 0 && bytes > request.bytesMax) break;
        held.leasedUntil = clock.monotonic() + request.leaseMs;
        leasedPositions.add(held.event.position);
        count(held.event, -1);
        taken.push({ ...held.event, attempts: held.attempts, ...(held.begun ? { begun: true } : null) });
      }
      if (taken.length > 0) leases.push(taken);
      return taken;
    },
    async extend(positions, leaseMs) {
      fail('extend');
      for (const at of positions) {
        const held = byPosition.get(at);
        if (held?.leasedUntil != null) held.leasedUntil = clock.monotonic() + leaseMs;
      }
    },
    async settle(settlements: readonly Settlement[]) {
      fail('settle');
      for (const settlement of settlements) {
        const event = remove(settlement.position);
        if (event && settlement.state === 'delivered') delivered.push(event);
        else if (event && settlement.state === 'dead') dead.push({ event, letter: settlement.letter });
      }
    },
    async release(positions, attempted) {
      for (const at of positions) {
        const held = byPosition.get(at);
        if (!held || held.leasedUntil === null) continue;
        if (attempted) held.attempts++;
        if (attempted) held.begun = false;
        free(held);
      }
      notify();
    },
    onWork(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
