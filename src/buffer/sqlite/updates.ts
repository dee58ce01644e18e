/**
 * Updates of profiles and groups that wait. Of each key only the oldest is in the queue and can be leased; when it leaves, the
 * next of its key takes its place there. Plain events never come here.
 */
import type { Counts } from './counts.ts';
import type { Database, Statement } from './database.ts';
import type { Lane, Lanes } from './lanes.ts';

export type Waiting = { readonly position: number; readonly lane: Lane };
type Coming = Waiting & { readonly key: string; readonly time: number; readonly receivedAt: number };
type Row = [position: number, lane: number, time: number, receivedAt: number];

export class Updates {
  readonly #lanes: Lanes;
  readonly #oldest: Statement;
  readonly #add: Statement;
  readonly #enqueue: Statement;
  readonly #one: Statement;
  readonly #remove: Statement;
  readonly #mark: Statement;

  constructor(database: Database, lanes: Lanes) {
    this.#lanes = lanes;
    this.#oldest = database.prepare(
      'SELECT position, lane, time, received_at FROM updates WHERE key = ? ORDER BY position LIMIT 1',
    );
    this.#add = database.prepare('INSERT INTO updates (position, key, lane, time, received_at) VALUES (?, ?, ?, ?, ?)');
    this.#enqueue = database.prepare('INSERT INTO queue (lane, position, time, received_at) VALUES (?, ?, ?, ?)');
    this.#one = database.prepare('SELECT key, begun FROM updates WHERE position = ?');
    this.#remove = database.prepare('DELETE FROM updates WHERE position = ?');
    this.#mark = database.prepare('UPDATE updates SET begun = ? WHERE position = ?');
  }

  /** Inside a transaction, as all that changes here. */
  add({ position, key, lane, time, receivedAt }: Coming, counts: Counts): void {
    const own = `${lane.destination} ${key}`;
    const waits = this.#oldest.get<Row>(own) !== undefined;
    this.#add.run(position, own, lane.n, time, receivedAt);
    if (waits) counts.laneBehind(lane.n, 1);
    else this.#enqueue.run(lane.n, position, time, receivedAt);
  }

  /** It has left the queue; the one whose turn it is now. */
  leave(position: number, counts: Counts): Waiting | null {
    const key = this.#one.get<[string, number]>(position)?.[0];
    if (key === undefined) return null;
    this.#remove.run(position);
    const next = this.#oldest.get<Row>(key);
    const lane = next && this.#lanes.numbered(next[1]);
    if (!next || !lane) return null;
    this.#enqueue.run(lane.n, next[0], next[2], next[3]);
    counts.laneBehind(lane.n, -1);
    return { position: next[0], lane };
  }

  /** It goes without having been sent. `hadTurn`: it was in the queue; the one whose turn it is then is returned. */
  withdraw(position: number, hadTurn: boolean, lane: Lane, counts: Counts): Waiting | null {
    if (hadTurn) return this.leave(position, counts);
    this.#remove.run(position);
    counts.laneBehind(lane.n, -1);
    return null;
  }

  /** Its key within the destination, and 1 when it was begun. */
  of(position: number): readonly [key: string, begun: number] {
    const row = this.#one.get<[string, number]>(position);
    if (!row) throw new Error(`update ${position} waits but is not there`);
    return [row[0].slice(row[0].indexOf(' ') + 1), row[1]];
  }

  mark(position: number, begun: boolean): void {
    this.#mark.run(begun ? 1 : 0, position);
  }
}
