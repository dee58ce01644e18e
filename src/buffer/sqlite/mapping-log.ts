/** The log's side towards mapping: what is to be mapped next, and what it became. */
import type { MappedDelivery, NewDeadLetter } from '../contract.ts';
import type { Counts } from './counts.ts';
import type { Statement } from './database.ts';
import type { Letters } from './letters.ts';
import type { DeliveryRows, NextRequest } from './messages.ts';
import { deliveryStates } from './schema.ts';
import type { Store } from './store.ts';
import { addFallen } from './unmapped-types.ts';

type NextRow = [number, string, number, string | null, string | null, number, string, Uint8Array];
type MappedRow = [id: string, kind: number, state: number, receivedAt: number, type: string | null];

export class MappingLog {
  readonly #store: Store;
  readonly #letters: Letters;
  readonly #next: Statement;
  readonly #delivery: Statement;
  readonly #mark: Statement;
  readonly #dropBody: Statement;
  readonly #replaceBody: Statement;
  readonly #addEvent: Statement;
  readonly #enqueue: Statement;

  constructor(store: Store, letters: Letters) {
    const { database } = store;
    this.#store = store;
    this.#letters = letters;
    this.#next = database.prepare(
      `SELECT d.position, d.id, d.kind, d.type, d.key, d.received_at, b.head, b.body
       FROM deliveries d INDEXED BY deliveries_unmapped CROSS JOIN bodies b ON b.position = d.position
       WHERE d.state = 0 AND d.position > ? ORDER BY d.position LIMIT ?`,
    );
    this.#delivery = database.prepare('SELECT id, kind, state, received_at, type FROM deliveries WHERE position = ?');
    this.#mark = database.prepare(
      'UPDATE deliveries SET state = ?, kind = ?, created = ?, waiting = ?, dead = ? WHERE position = ?',
    );
    this.#dropBody = database.prepare('DELETE FROM bodies WHERE position = ?');
    this.#replaceBody = database.prepare('UPDATE bodies SET body = ? WHERE position = ?');
    this.#addEvent = database.prepare('INSERT INTO events (delivery, lane, id, time, json) VALUES (?, ?, ?, ?, ?)');
    this.#enqueue = database.prepare('INSERT INTO queue (lane, position, time, received_at) VALUES (?, ?, ?, ?)');
  }

  next({ after, limit, bytesMax }: NextRequest): { rows: DeliveryRows; bodies: ArrayBuffer } {
    const rows: (string | number | null)[] = [];
    const bodies: Uint8Array[] = [];
    let bytes = 0;
    for (const row of this.#next.iterate<NextRow>(after, limit)) {
      const [position, id, kindNumber, ownType, key, receivedAt, head, body] = row;
      // One is always given, or a body above the bound would wait for ever.
      if (bodies.length > 0 && bytes + body.byteLength > bytesMax) break;
      const kind = this.#store.names.kind(kindNumber);
      const source = this.#store.names.sourceName(kind.source);
      rows.push(position, id, source, kind.provider, kind.type ?? ownType, key, receivedAt, head, body.byteLength);
      bodies.push(body);
      bytes += body.byteLength;
    }
    const joined = new Uint8Array(bytes);
    let at = 0;
    for (const body of bodies) {
      joined.set(body, at);
      at += body.byteLength;
    }
    return { rows, bodies: joined.buffer };
  }

  commit(batch: readonly MappedDelivery[], counts: Counts, now: number): void {
    for (const mapped of batch) this.#commitOne(mapped, counts, now);
  }

  #commitOne(mapped: MappedDelivery, counts: Counts, now: number): void {
    const { delivery, state, events, dead, forgetBody, maskedBody } = mapped;
    const { position, id } = delivery;
    const { names, lanes, updates } = this.#store;
    const row = this.#delivery.get<MappedRow>(position);
    // Committed before, or given way meanwhile: nothing changes.
    if (!row || row[0] !== id || row[2] !== 0) return;
    const kind = names.kind(row[1]);
    const sourceName = names.sourceName(kind.source);
    const marked = names.kindIn(state, kind);
    const deadEvents = dead.filter((letter: NewDeadLetter) => letter.kind === 'event').length;
    const created = events.length + deadEvents;
    this.#mark.run(deliveryStates.indexOf(state), marked.n, created, events.length, deadEvents, position);
    if (forgetBody) this.#dropBody.run(position);
    else if (maskedBody) this.#replaceBody.run(maskedBody, position);
    counts.kind(kind.n, -1);
    counts.kind(marked.n, 1);
    counts.source(kind.source, state);
    if (state !== 'mapped')
      addFallen(counts.unmapped, kind.source, { type: kind.type ?? row[4], state, delivery: id, at: row[3] });
    counts.source(kind.source, 'created', created);
    counts.source(kind.source, 'dead', deadEvents);
    for (const event of events) {
      const lane = lanes.lane(event.destination, sourceName, event.update?.route ?? 'event');
      const time = Math.trunc(event.time);
      const added = this.#addEvent.run(position, lane.n, event.id, time, event.json);
      counts.lane(lane.n, 1);
      if (event.update)
        updates.add({ position: added.position, key: event.update.key, lane, time, receivedAt: row[3] }, counts);
      else this.#enqueue.run(lane.n, added.position, time, row[3]);
    }
    const burial = { source: kind.source, delivery: position, deliveryId: id, type: kind.type ?? row[4], now };
    for (const letter of dead) this.#letters.add({ ...burial, receivedAt: row[3], letter, event: null }, counts);
  }
}
