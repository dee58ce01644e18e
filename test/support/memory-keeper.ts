/** The queue half of a buffer in memory, with the promises forwarding relies on: one holder, settled once, order, leases that end. */
import type { LeaseRequest, NewDeadLetter, Settlement } from '../../src/buffer/contract.ts';
import type { Clock } from '../../src/clock.ts';
import type { ForwardBuffer } from '../../src/forward/custody.ts';
import type { LeasedEvent } from '../../src/model.ts';

type Held = { event: LeasedEvent; attempts: number; leasedUntil: number | null };

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
  failing: { settle: number; lease: number; extend: number };
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
  const failing = { settle: 0, lease: 0, extend: 0 };
  const leasedPositions = new Set<number>();
  let position = 0;

  const count = (event: LeasedEvent, by: number) => {
    const counts = ready.get(event.destination) ?? new Map<string, number>();
    ready.set(event.destination, counts);
    const left = (counts.get(event.source) ?? 0) + by;
    if (left === 0) counts.delete(event.source);
    else counts.set(event.source, left);
  };
  const notify = () => queueMicrotask(() => listeners.forEach((listener) => void listener()));
  const fail = (what: 'settle' | 'lease' | 'extend') => {
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
    lanes.get(held.event.destination)?.get(held.event.source)?.delete(at);
    if (held.leasedUntil === null) count(held.event, -1);
    leasedPositions.delete(at);
    return { ...held.event, attempts: held.attempts };
  };
  function* candidates({ destination, turns, olderThan }: LeaseRequest): Generator<Held> {
    const lane = lanes.get(destination) ?? new Map<string, Map<number, Held>>();
    if (olderThan) {
      const old = [...lane.values()].flatMap((events) => [...events.values()]);
      const found = old.filter((held) => held.leasedUntil === null && held.event.time < olderThan.time);
      yield* found.sort((a, b) => a.event.time - b.event.time).slice(0, olderThan.eventsMax);
      return;
    }
    for (const { source, eventsMax } of turns) {
      let left = eventsMax;
      for (const held of lane.get(source)?.values() ?? []) {
        if (left <= 0) break;
        if (held.leasedUntil !== null) continue;
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
        const held: Held = { event: { ...event, position: ++position, attempts: 0 }, attempts: 0, leasedUntil: null };
        const lane = lanes.get(event.destination) ?? new Map<string, Map<number, Held>>();
        lanes.set(event.destination, lane);
        const source = lane.get(event.source) ?? new Map<number, Held>();
        lane.set(event.source, source);
        source.set(position, held);
        byPosition.set(position, held);
        count(held.event, 1);
      }
      notify();
    },
    ready(destination) {
      endLeases();
      return ready.get(destination) ?? new Map();
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
        taken.push({ ...held.event, attempts: held.attempts });
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
