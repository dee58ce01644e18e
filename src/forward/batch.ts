/** A batch: events that go in one request, and again together until they are settled or the batch is split. */
import type { LeasedEvent, Route } from '../model.ts';

export type Batch = {
  readonly id: string;
  readonly events: readonly LeasedEvent[];
  readonly bytes: number;
  /** One update that is never sent again once it may have arrived. */
  readonly once: boolean;
  /** Halvings that led to it. */
  readonly depth: number;
  /**
   * Shared by all parts of what was one batch: extra requests that splitting may still cause, and (on the monotonic clock)
   * the moment before which no part is sent, because they were used up.
   */
  readonly budget: { left: number; notBefore: number };
  /** On the monotonic clock: when its events may be someone else's again. */
  leaseEndsAt: number;
  /** Requests it was sent in, parts included. */
  attempts: number;
  /** Answers in a row that are only worth a few tries. */
  strikes: number;
};

/** Ten halvings make singles of 2,000 events, eleven of any part of them; twice is for 413 with larger batches. */
export const DEPTH_MAX = 22;
/** Refused requests count toward the destination's own limit; finding one bad event among 2,000 takes 22. */
export const EXTRA_REQUESTS_MAX = 32;
/** Brackets and `data=`; the comma of each event is in its own size. */
export const WRAPPING_BYTES = 16;

export type Bounds = { readonly eventsMax: number; readonly bytesMax: number };
/** `endpoint`: where the destination wants it; the same for all that share a request. */
export type Sized = { readonly event: LeasedEvent; readonly bytes: number; readonly endpoint: string };

/**
 * Cuts leased events of one route into batches of one endpoint, in order, each within the bounds; one that alone is over them gets
 * its own.
 */
export function packBatches(
  sized: readonly Sized[],
  bounds: Bounds,
  leaseEndsAt: number,
  newId: () => string,
): readonly Batch[] {
  const groups = [...Map.groupBy(sized, ({ endpoint }) => endpoint).values()];
  return groups.flatMap((group) => packGroup(group, bounds, leaseEndsAt, newId));
}

function packGroup(
  sized: readonly Sized[],
  bounds: Bounds,
  leaseEndsAt: number,
  newId: () => string,
): readonly Batch[] {
  const batches: Batch[] = [];
  let events: LeasedEvent[] = [];
  let bytes = WRAPPING_BYTES;
  const once = goesOnce(sized[0]?.event.update?.route ?? 'event');
  // Alone, so that a lost answer leaves one of them open and not all that were sent with it.
  const eventsMax = once ? 1 : bounds.eventsMax;
  const close = () => {
    if (events.length === 0) return;
    batches.push(createBatch({ id: newId(), events, bytes, once, leaseEndsAt }));
    events = [];
    bytes = WRAPPING_BYTES;
  };
  for (const next of sized) {
    if (events.length >= eventsMax || bytes + next.bytes > bounds.bytesMax) close();
    events.push(next.event);
    bytes += next.bytes;
  }
  close();
  return batches;
}

export function goesOnce(route: Route): boolean {
  return route.endsWith('_once');
}

function createBatch(made: Pick<Batch, 'id' | 'events' | 'bytes' | 'once' | 'leaseEndsAt'>): Batch {
  return { ...made, depth: 0, budget: { left: EXTRA_REQUESTS_MAX, notBefore: 0 }, attempts: 0, strikes: 0 };
}

/** Two halves, first half first. Call with two events or more. */
export function halve(batch: Batch, sizeOf: (event: LeasedEvent) => number, newId: () => string): readonly Batch[] {
  const middle = Math.ceil(batch.events.length / 2);
  return [batch.events.slice(0, middle), batch.events.slice(middle)].map((events) => ({
    ...batch,
    id: newId(),
    events,
    bytes: bytesOf(events, sizeOf),
    depth: batch.depth + 1,
    strikes: 0,
  }));
}

/** The same in smaller parts, to be sent one after another. Answers to the whole were none to a part. */
export function cut(
  batch: Batch,
  eventsMax: number,
  sizeOf: (event: LeasedEvent) => number,
  newId: () => string,
): readonly Batch[] {
  const parts: Batch[] = [];
  for (let from = 0; from < batch.events.length; from += eventsMax) {
    const events = batch.events.slice(from, from + eventsMax);
    parts.push({ ...batch, id: newId(), events, bytes: bytesOf(events, sizeOf), strikes: 0 });
  }
  return parts;
}

/** The same, as one batch for each endpoint; the first keeps its name. One that is of one endpoint is answered as it is. */
export function byEndpoint(
  batch: Batch,
  endpointOf: (event: LeasedEvent) => string,
  sizeOf: (event: LeasedEvent) => number,
  newId: () => string,
): readonly Batch[] {
  const groups = [...Map.groupBy(batch.events, endpointOf).values()];
  if (groups.length < 2) return [batch];
  return groups.map((events, place) => {
    return { ...batch, id: place === 0 ? batch.id : newId(), events, bytes: bytesOf(events, sizeOf) };
  });
}

export function bytesOf(events: readonly LeasedEvent[], sizeOf: (event: LeasedEvent) => number): number {
  return events.reduce((sum, event) => sum + sizeOf(event), WRAPPING_BYTES);
}

export function positionsOf(events: readonly LeasedEvent[]): number[] {
  return events.map((event) => event.position);
}
