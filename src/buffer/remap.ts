/**
 * What a new mapping changes about the events a delivery became before (promise 14). Pure: a dry run shows what a replay does.
 *
 * Two events are the same when destination, route and JSON are: then they agree in event, time, distinct_id and `$insert_id` too,
 * and the destination has it or will. Of events that were made anew only the newest of its place counts, for it is what the
 * destination shows.
 *
 * An update that goes once (`$add`, `$append`) and was delivered, or may have been, is never followed by a changed one: both would
 * count. The changed one is held back, until somebody decides.
 */
import type { EventState, RelayEvent, Route } from '../model.ts';
import { placeOfEvent } from './event-ids.ts';

/** In the order they were made. */
export type EarlierEvent = {
  readonly id: string;
  readonly destination: string;
  readonly route: Route;
  readonly state: EventState;
  readonly json: string;
  /** It is being sent just now. */
  readonly leased?: boolean;
  /** Dead, and nobody knows whether it was counted. */
  readonly uncertain?: boolean;
};

export type RemapPlan<E extends EarlierEvent = EarlierEvent, N extends RelayEvent = RelayEvent> = {
  /** Left as they are: delivered or waiting, and the same. */
  readonly same: readonly E[];
  /** Were dead and wait again, as they are. */
  readonly again: readonly { readonly earlier: E; readonly next: N }[];
  /** New, or in the place of one that was different. */
  readonly fresh: readonly N[];
  /** Would count twice. */
  readonly held: readonly N[];
  /** Waited or were dead, and give way. */
  readonly gone: readonly E[];
  /** Were delivered, and today's mapping does not give them: nobody can take them back. */
  readonly past: readonly E[];
  /** One that would have to give way is being sent just now: nothing can be said yet. */
  readonly busy: boolean;
};

export function planRemap<E extends EarlierEvent, N extends RelayEvent>(
  earlier: readonly E[],
  next: readonly N[],
): RemapPlan<E, N> {
  const current = newestOfPlaces(earlier);
  const unmatched = new Map<string, E[]>();
  for (const event of current) {
    const key = keyOf(event, event.route);
    const equal = unmatched.get(key);
    if (equal) equal.push(event);
    else unmatched.set(key, [event]);
  }
  const same: E[] = [];
  const again: { earlier: E; next: N }[] = [];
  const held: N[] = [];
  const changed: N[] = [];
  for (const event of next) {
    const match = unmatched.get(keyOf(event, routeOf(event)))?.shift();
    if (!match) changed.push(event);
    else if (match.uncertain) held.push(event);
    else if (match.state === 'dead') again.push({ earlier: match, next: event });
    else same.push(match);
  }
  const left = [...unmatched.values()].flat();
  // Whatever of its kind may have been counted stands in the way of one that is different.
  const counted = new Set(left.filter(mayHaveCounted).map(({ destination }) => destination));
  const fresh: N[] = [];
  for (const event of changed) {
    if (goesOnce(routeOf(event)) && counted.has(event.destination)) held.push(event);
    else fresh.push(event);
  }
  const gone = left.filter(({ state, uncertain }) => state !== 'delivered' && !uncertain);
  const past = left.filter(({ state, uncertain }) => state === 'delivered' || uncertain);
  return { same, again, fresh, held, gone, past, busy: gone.some(({ leased }) => leased === true) };
}

function newestOfPlaces<E extends EarlierEvent>(events: readonly E[]): readonly E[] {
  const newest = new Map<string, E>();
  const counted: E[] = [];
  for (const event of events) {
    const place = `${event.destination} ${placeOfEvent(event.id)}`;
    const before = newest.get(place);
    // What counted once counts whatever came after it.
    if (before && mayHaveCounted(before)) counted.push(before);
    newest.set(place, event);
  }
  return [...counted, ...newest.values()];
}

function mayHaveCounted({ route, state, uncertain }: EarlierEvent): boolean {
  return goesOnce(route) && (state === 'delivered' || uncertain === true);
}

function goesOnce(route: Route): boolean {
  return route === 'profile_once' || route === 'group_once';
}

function routeOf({ update }: RelayEvent): Route {
  return update?.route ?? 'event';
}

function keyOf({ destination, json }: { readonly destination: string; readonly json: string }, route: Route): string {
  return `${destination} ${route} ${json}`;
}
