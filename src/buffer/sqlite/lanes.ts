/**
 * Lanes (one for each destination, source and route) and the leases on their events, in memory: one process has the folder,
 * and a crash frees every lease.
 *
 * A lane leases from its `released` list (sorted, below the cursor) first and then from `cursor` on, so taking the next
 * thousand never looks at what is already out.
 *
 *   waiting ──lease──▶ leased ──settle──▶ gone
 *      ▲                 │
 *      └─release, expiry─┘
 */
import type { Route } from '../../model.ts';
import { placeName, type ReadyChange } from '../ready-events.ts';
import type { Database, Statement } from './database.ts';
import type { Names } from './names.ts';

/** Events leased at once over all destinations; 10 requests of 2,000 for each of 8 destinations fit. */
export const leasesMax = 200_000;

export type Lane = {
  readonly n: number;
  readonly destination: string;
  readonly source: string;
  readonly route: Route;
  waiting: number;
  /** Of those that wait, updates whose turn it is not: they are not in the queue. */
  behind: number;
  leased: number;
  cursor: number;
  released: number[];
};

export type Lease = { readonly lane: Lane; readonly delivery: number; endsAt: number };

export class Lanes {
  readonly leases = new Map<number, Lease>();
  readonly #names: Names;
  readonly #add: Statement;
  readonly #byNumber = new Map<number, Lane>();
  /** By destination and route, then source. */
  readonly #byPlace = new Map<string, Map<string, Lane>>();
  readonly #changed = new Set<Lane>();
  #fresh: Lane[] = [];
  /** No lease ends before this. */
  #nextEnd = Number.POSITIVE_INFINITY;

  constructor(database: Database, names: Names) {
    this.#names = names;
    this.#add = database.prepare('INSERT INTO lanes (destination, source, route) VALUES (?, ?, ?)');
    const kept = database.prepare('SELECT n, destination, source, route, waiting, behind FROM lanes');
    type Row = [number, string, number, Route, number, number];
    for (const [n, destination, source, route, waiting, behind] of kept.all<Row>())
      this.#changed.add(this.#learn({ n, destination, source: names.sourceName(source), route, waiting, behind }));
  }

  /** The lane, made when there is none; inside a transaction. */
  lane(destination: string, source: string, route: Route): Lane {
    const known = this.find(destination, source, route);
    if (known) return known;
    const n = this.#add.run(destination, this.#names.source(source), route).position;
    const lane = this.#learn({ n, destination, source, route, waiting: 0, behind: 0 });
    this.#fresh.push(lane);
    return lane;
  }

  find(destination: string, source: string, route: Route): Lane | undefined {
    return this.#byPlace.get(placeName(destination, route))?.get(source);
  }

  numbered(n: number): Lane | undefined {
    return this.#byNumber.get(n);
  }

  of(destination: string, route: Route): readonly Lane[] {
    return [...(this.#byPlace.get(placeName(destination, route))?.values() ?? [])];
  }

  all(): Iterable<Lane> {
    return this.#byNumber.values();
  }

  committed(waiting: ReadonlyMap<number, number>, behind: ReadonlyMap<number, number>): void {
    this.#fresh = [];
    for (const [n, change] of waiting) {
      const lane = this.#byNumber.get(n);
      if (!lane) continue;
      lane.waiting += change;
      this.#changed.add(lane);
    }
    for (const [n, change] of behind) {
      const lane = this.#byNumber.get(n);
      if (!lane) continue;
      lane.behind += change;
      this.#changed.add(lane);
    }
  }

  /** An update whose turn has come is in the queue now, older than what the cursor may have passed. */
  hasTurn(lane: Lane, position: number): void {
    if (position > lane.cursor) return;
    lane.released.splice(placeOf(lane.released, position), 0, position);
  }

  rolledBack(): void {
    for (const lane of this.#fresh) {
      this.#byNumber.delete(lane.n);
      this.#byPlace.get(placeName(lane.destination, lane.route))?.delete(lane.source);
    }
    this.#fresh = [];
  }

  take(position: number, lease: Lease): void {
    this.leases.set(position, lease);
    lease.lane.leased += 1;
    this.#changed.add(lease.lane);
    this.#nextEnd = Math.min(this.#nextEnd, lease.endsAt);
  }

  /** The lease is over and its event stays: ready again, before later ones. */
  giveBack(positions: readonly number[]): void {
    const back = new Map<Lane, number[]>();
    for (const position of positions) {
      const lane = this.#end(position);
      // An event taken out of its turn lies before the cursor's way and will be met there.
      if (!lane || position > lane.cursor) continue;
      const list = back.get(lane);
      if (list) list.push(position);
      else back.set(lane, [position]);
    }
    for (const [lane, list] of back) lane.released = lane.released.concat(list).sort((a, b) => a - b);
  }

  /** The event is gone. */
  drop(position: number, lane: Lane): void {
    if (!this.#end(position)) this.unrelease(lane, position);
  }

  unrelease(lane: Lane, position: number): void {
    const at = placeOf(lane.released, position);
    if (lane.released[at] === position) lane.released.splice(at, 1);
  }

  extend(positions: readonly number[], endsAt: number): void {
    for (const position of positions) {
      const lease = this.leases.get(position);
      if (lease) lease.endsAt = endsAt;
    }
    this.#nextEnd = Math.min(this.#nextEnd, endsAt);
  }

  expire(monotonic: number): void {
    if (monotonic < this.#nextEnd) return;
    const ended: number[] = [];
    this.#nextEnd = Number.POSITIVE_INFINITY;
    for (const [position, { endsAt }] of this.leases) {
      if (endsAt <= monotonic) ended.push(position);
      else this.#nextEnd = Math.min(this.#nextEnd, endsAt);
    }
    this.giveBack(ended);
  }

  /** What changed since it was asked last. */
  readyChanges(): ReadyChange[] {
    if (this.#changed.size === 0) return [];
    const changes = [...this.#changed].map(
      (lane): ReadyChange => [
        placeName(lane.destination, lane.route),
        lane.source,
        lane.waiting - lane.behind - lane.leased,
      ],
    );
    this.#changed.clear();
    return changes;
  }

  #end(position: number): Lane | null {
    const lease = this.leases.get(position);
    if (!lease) return null;
    this.leases.delete(position);
    lease.lane.leased -= 1;
    this.#changed.add(lease.lane);
    return lease.lane;
  }

  #learn(known: Omit<Lane, 'leased' | 'cursor' | 'released'>): Lane {
    const lane: Lane = { ...known, leased: 0, cursor: 0, released: [] };
    this.#byNumber.set(lane.n, lane);
    const place = placeName(lane.destination, lane.route);
    const lanes = this.#byPlace.get(place);
    if (lanes) lanes.set(lane.source, lane);
    else this.#byPlace.set(place, new Map([[lane.source, lane]]));
    return lane;
  }
}

/** Where `position` is in the sorted list, or would be. */
function placeOf(sorted: readonly number[], position: number): number {
  let low = 0;
  for (let high = sorted.length; low < high; ) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < position) low = middle + 1;
    else high = middle;
  }
  return low;
}
