/** Events into the queue and out of it again, beside the usual way from mapping to settling: what replays do. */
import type { RelayEvent } from '../../model.ts';
import type { Counts } from './counts.ts';
import type { Statement } from './database.ts';
import type { Lane } from './lanes.ts';
import type { Store } from './store.ts';

type Origin = {
  /** Position of its delivery, whether that is kept or not. */
  readonly delivery: number;
  readonly source: number;
  /** Since when it waits: its age for giving up. */
  readonly since: number;
};

export class Queueing {
  readonly #store: Store;
  readonly #addEvent: Statement;
  readonly #enqueue: Statement;
  readonly #dequeue: Statement;
  readonly #dropEvent: Statement;
  readonly #queued: Statement;
  readonly #behind: Statement;

  constructor(store: Store) {
    const { database } = store;
    this.#store = store;
    this.#addEvent = database.prepare('INSERT INTO events (delivery, lane, id, time, json) VALUES (?, ?, ?, ?, ?)');
    this.#enqueue = database.prepare('INSERT INTO queue (lane, position, time, received_at) VALUES (?, ?, ?, ?)');
    this.#dequeue = database.prepare('DELETE FROM queue WHERE lane = ? AND position = ?');
    this.#dropEvent = database.prepare('DELETE FROM events WHERE position = ?');
    this.#queued = database.prepare('SELECT 1 FROM queue WHERE lane = ? AND position = ?');
    this.#behind = database.prepare('SELECT begun FROM updates WHERE position = ?');
  }

  /** Answers its position. */
  add(event: RelayEvent, { delivery, source, since }: Origin, counts: Counts): number {
    const { lanes, names, updates } = this.#store;
    const { destination, id, json, update } = event;
    const lane = lanes.lane(destination, names.sourceName(source), update?.route ?? 'event');
    const time = Math.trunc(event.time);
    const { position } = this.#addEvent.run(delivery, lane.n, id, time, json);
    counts.lane(lane.n, 1);
    if (update) updates.add({ position, key: update.key, lane, time, receivedAt: since }, counts);
    else this.#enqueue.run(lane.n, position, time, since);
    return position;
  }

  /** `begun`: an update that goes once, and may have left. */
  waits(position: number, lane: Lane): 'waits' | 'begun' | null {
    if (lane.route === 'event') return this.#queued.get(lane.n, position) ? 'waits' : null;
    const row = this.#behind.get<[number]>(position);
    return row ? (row[0] === 1 ? 'begun' : 'waits') : null;
  }

  /** Takes one that waits, and is not leased, out of the queue; its row stays. Returns what to do after the commit. */
  withdraw({ position, lane }: { readonly position: number; readonly lane: Lane }, counts: Counts): () => void {
    const { lanes, updates } = this.#store;
    const hadTurn = this.#dequeue.run(lane.n, position).changes > 0;
    counts.lane(lane.n, -1);
    const next = lane.route === 'event' ? null : updates.withdraw(position, hadTurn, lane, counts);
    return () => {
      lanes.drop(position, lane);
      if (next) lanes.hasTurn(next.lane, next.position);
    };
  }

  forget(position: number): void {
    this.#dropEvent.run(position);
  }
}
