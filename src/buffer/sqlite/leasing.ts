/** Events out and done with: leasing reads, settling deletes from the queue. */
import type { LeaseRequest } from '../contract.ts';
import { deliveryOfEvent } from '../event-ids.ts';
import type { Counts } from './counts.ts';
import type { Statement } from './database.ts';
import { type Lane, leasesMax } from './lanes.ts';
import type { Letters } from './letters.ts';
import type { DeadSettlement, LeasedRows } from './messages.ts';
import type { ReplayChanges, Replays } from './replays.ts';
import type { Store } from './store.ts';
import type { Waiting } from './updates.ts';

type WaitingRow = [position: number, attempts: number, receivedAt: number];
type EventRow = [delivery: number, id: string, time: number, json: string, deliveryId: string | null];
type Basket = {
  readonly rows: (string | number)[];
  events: number;
  bytes: number;
  readonly endsAt: number;
  full: boolean;
};

export class Leasing {
  readonly #store: Store;
  readonly #fromCursor: Statement;
  readonly #one: Statement;
  readonly #older: Statement;
  readonly #event: Statement;

  constructor(store: Store) {
    const { database } = store;
    this.#store = store;
    this.#fromCursor = database.prepare(
      'SELECT position, attempts, received_at FROM queue WHERE lane = ? AND position > ? ORDER BY position LIMIT ?',
    );
    this.#one = database.prepare('SELECT position, attempts, received_at FROM queue WHERE lane = ? AND position = ?');
    this.#older = database.prepare(
      `SELECT position, attempts, received_at, time FROM queue INDEXED BY queue_time
       WHERE lane = ? AND time < ? ORDER BY time, position LIMIT ?`,
    );
    this.#event = database.prepare(
      `SELECT e.delivery, e.id, e.time, e.json, d.id FROM events e LEFT JOIN deliveries d ON d.position = e.delivery
       WHERE e.position = ?`,
    );
  }

  lease(request: LeaseRequest, monotonic: number): LeasedRows {
    const { lanes } = this.#store;
    lanes.expire(monotonic);
    const basket: Basket = { rows: [], events: 0, bytes: 0, endsAt: monotonic + request.leaseMs, full: false };
    const { route = 'event' } = request;
    if (request.olderThan)
      this.#leaseOlder(lanes.of(request.destination, route), request.olderThan, request.bytesMax, basket);
    else
      for (const { source, eventsMax } of request.turns) {
        const lane = lanes.find(request.destination, source, route);
        if (lane && !basket.full) this.#leaseTurn(lane, eventsMax, request.bytesMax, basket);
      }
    if (basket.events > 0) this.#store.sync();
    return basket.rows;
  }

  #leaseTurn(lane: Lane, eventsMax: number, bytesMax: number, basket: Basket): void {
    const { leases } = this.#store.lanes;
    let left = eventsMax;
    let used = 0;
    for (const position of lane.released) {
      if (left === 0) break;
      const row = this.#one.get<WaitingRow>(lane.n, position);
      if (row && !this.#put(lane, row, bytesMax, basket)) break;
      used += 1;
      if (row) left -= 1;
    }
    if (used > 0) lane.released = lane.released.slice(used);
    while (left > 0 && !basket.full) {
      const rows = this.#fromCursor.all<WaitingRow>(lane.n, lane.cursor, left);
      for (const row of rows) {
        // Out already: taken for its age, out of its turn.
        if (!leases.has(row[0])) {
          if (!this.#put(lane, row, bytesMax, basket)) return;
          left -= 1;
        }
        lane.cursor = row[0];
      }
      if (rows.length === 0 || left === 0) return;
    }
  }

  #leaseOlder(
    among: readonly Lane[],
    older: { time: number; eventsMax: number },
    bytesMax: number,
    basket: Basket,
  ): void {
    const { lanes } = this.#store;
    type Row = [number, number, number, number];
    const found: { lane: Lane; row: Row }[] = [];
    for (const lane of among)
      if (lane.waiting - lane.behind > lane.leased)
        for (const row of this.#older.all<Row>(lane.n, Math.ceil(older.time), older.eventsMax + lane.leased))
          if (!lanes.leases.has(row[0])) found.push({ lane, row });
    found.sort((a, b) => a.row[3] - b.row[3] || a.row[0] - b.row[0]);
    for (const { lane, row } of found.slice(0, older.eventsMax)) {
      if (!this.#put(lane, [row[0], row[1], row[2]], bytesMax, basket)) return;
      lanes.unrelease(lane, row[0]);
    }
  }

  /** False: it does not fit any more. The first one always does, or a large one would wait for ever. */
  #put(lane: Lane, [position, attempts, receivedAt]: WaitingRow, bytesMax: number, basket: Basket): boolean {
    const event = this.#event.get<EventRow>(position);
    if (!event) throw new Error(`event ${position} waits but is not there`);
    const [delivery, id, time, json, deliveryId] = event;
    const bytes = Buffer.byteLength(json);
    if ((basket.events > 0 && basket.bytes + bytes > bytesMax) || this.#store.lanes.leases.size >= leasesMax) {
      basket.full = true;
      return false;
    }
    basket.rows.push(position, id, lane.source, deliveryId ?? deliveryOfEvent(id), time, receivedAt, attempts, json);
    if (lane.route !== 'event') basket.rows.push(...this.#store.updates.of(position));
    basket.events += 1;
    basket.bytes += bytes;
    this.#store.lanes.take(position, { lane, delivery, endsAt: basket.endsAt });
    return true;
  }
}

type Leaving = {
  readonly position: number;
  readonly lane: Lane;
  readonly delivery: number;
  /** Of an update that died: whose it is. */
  readonly key: string | null;
};

export class Settling {
  readonly #store: Store;
  readonly #letters: Letters;
  readonly #replays: Replays;
  readonly #dropEvent: Statement;
  readonly #dequeue: Statement;
  readonly #whereIs: Statement;
  readonly #event: Statement;
  readonly #delivery: Statement;
  readonly #settleDelivery: Statement;
  readonly #attempted: Statement;

  constructor(store: Store, letters: Letters, replays: Replays) {
    const { database } = store;
    this.#store = store;
    this.#letters = letters;
    this.#replays = replays;
    this.#dropEvent = database.prepare('DELETE FROM events WHERE position = ?');
    this.#dequeue = database.prepare('DELETE FROM queue WHERE lane = ? AND position = ?');
    this.#whereIs = database.prepare('SELECT lane, delivery FROM events WHERE position = ?');
    this.#event = database.prepare('SELECT id, time, json FROM events WHERE position = ?');
    this.#delivery = database.prepare('SELECT id, kind, type, received_at FROM deliveries WHERE position = ?');
    this.#settleDelivery = database.prepare(
      `UPDATE deliveries SET waiting = waiting - ?, dead = dead + ?, settled_after = max(0, ? - received_at)
       WHERE position = ?`,
    );
    this.#attempted = database.prepare('UPDATE queue SET attempts = attempts + 1 WHERE lane = ? AND position = ?');
  }

  /** Returns what to forget in memory once the transaction is on disk. */
  settle(
    { delivered, dead }: { readonly delivered: readonly number[]; readonly dead: readonly DeadSettlement[] },
    changes: ReplayChanges,
    counts: Counts,
    now: number,
  ): () => void {
    const { names, lanes, updates } = this.#store;
    const gone: Leaving[] = [];
    const next: Waiting[] = [];
    const deliveries = new Map<number, { settled: number; dead: number }>();
    const leave = (position: number, died: string | null): Leaving | null => {
      const at = this.#find(position);
      if (!at || this.#dequeue.run(at.lane.n, position).changes === 0) return null;
      const { lane, delivery } = at;
      const key = lane.route === 'event' || died === null ? null : (updates.of(position)[0] as string);
      const leaving = { position, lane, delivery, key };
      gone.push(leaving);
      const following = lane.route === 'event' ? null : updates.leave(position, counts);
      if (following) next.push(following);
      const change = deliveries.get(delivery) ?? { settled: 0, dead: 0 };
      change.settled += 1;
      if (died !== null) change.dead += 1;
      deliveries.set(delivery, change);
      counts.lane(lane.n, -1);
      counts.source(names.source(lane.source), died === null ? 'delivered' : 'dead');
      this.#replays.settled(position, died, changes, now);
      return leaving;
    };
    for (const position of delivered) leave(position, null);
    for (const { position, letter } of dead) {
      const at = leave(position, `${letter.reason}: ${letter.message}`);
      if (at) this.#bury(at, letter, counts, now);
    }
    for (const [position, change] of deliveries) {
      const { changes: there } = this.#settleDelivery.run(change.settled, change.dead, now, position);
      // A dead letter that outlived its delivery was sent again: its row is nobody's history.
      if (there === 0) for (const event of gone) if (event.delivery === position) this.#dropEvent.run(event.position);
    }
    return () => {
      for (const { position, lane } of gone) lanes.drop(position, lane);
      for (const { position, lane } of next) lanes.hasTurn(lane, position);
    };
  }

  /** Returns what makes them ready again once the transaction is on disk. Whoever holds no lease any more changes nothing. */
  release(positions: readonly number[], attempted: boolean): () => void {
    const { lanes, updates } = this.#store;
    if (attempted)
      for (const position of positions) {
        const lease = lanes.leases.get(position);
        if (!lease) continue;
        this.#attempted.run(lease.lane.n, position);
        if (lease.lane.route !== 'event') updates.mark(position, false);
      }
    return () => lanes.giveBack(positions);
  }

  #find(position: number): { lane: Lane; delivery: number } | null {
    const { lanes } = this.#store;
    const lease = lanes.leases.get(position);
    if (lease) return lease;
    const row = this.#whereIs.get<[number, number]>(position);
    const lane = row && lanes.numbered(row[0]);
    return lane ? { lane, delivery: row[1] } : null;
  }

  #bury(
    { position, lane, delivery, key }: Leaving,
    letter: DeadSettlement['letter'],
    counts: Counts,
    now: number,
  ): void {
    const [id = '', time = 0, json = ''] = this.#event.get<[string, number, string]>(position) ?? [];
    type Row = [id: string, kind: number, type: string | null, receivedAt: number];
    const [deliveryId = deliveryOfEvent(id), kind, ownType = null, receivedAt = now] =
      this.#delivery.get<Row>(delivery) ?? [];
    const { names } = this.#store;
    const type = (kind === undefined ? null : names.kind(kind).type) ?? ownType;
    const eventJson = letter.eventJson ?? json;
    const whole = {
      ...letter,
      destination: letter.destination ?? lane.destination,
      ...(eventJson ? { eventJson } : {}),
    };
    const event = { position, id, time, route: lane.route, key };
    this.#letters.add(
      { source: names.source(lane.source), delivery, deliveryId, type, receivedAt, letter: whole, event, now },
      counts,
    );
  }
}
