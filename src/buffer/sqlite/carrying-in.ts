/** Pieces (`../carrying.ts`) into a data folder: each in one transaction. What is there already is passed over. */
import {
  type CarriedDelivery,
  type CarriedEnd,
  type CarriedEvent,
  type CarriedKey,
  type CarriedLetter,
  type CarriedNote,
  type CarriedReplay,
  type Piece,
  tallied,
} from '../carrying.ts';
import { packPositions } from '../packed-positions.ts';
import type { Counts } from './counts.ts';
import type { Statement } from './database.ts';
import { deliveryStates } from './schema.ts';
import type { Store } from './store.ts';

/** Keys of deliveries that are gone have no position in Redis: they lie below all others, by time of receipt. */
const keysFrom = -9e12;
const keysOfOneMillisecond = 1_000;

export class Taking {
  readonly #store: Store;
  readonly #prepared = new Map<string, Statement>();

  constructor(store: Store) {
    this.#store = store;
  }

  take(piece: Piece): void {
    this.#store.change((counts) => this.#rows(piece, counts));
    this.#store.checkpoint();
  }

  #rows(piece: Piece, counts: Counts): void {
    if (piece.kind === 'deliveries') for (const row of piece.rows) this.#delivery(row, counts);
    else if (piece.kind === 'events') for (const row of piece.rows) this.#event(row, counts);
    else if (piece.kind === 'letters') for (const row of piece.rows) this.#letter(row, counts);
    else if (piece.kind === 'keys') for (const row of piece.rows) this.#key(row);
    else if (piece.kind === 'replays') for (const row of piece.rows) this.#replay(row);
    else if (piece.kind === 'notes') this.#notes(piece.rows);
    else if (piece.kind === 'secrets')
      for (const { source, secret, at } of piece.rows)
        this.#sql('INSERT OR REPLACE INTO secrets (source, armed_until, secret, learned_at) VALUES (?, ?, ?, ?)').run(
          ...(secret === null ? [source, at, null, null] : [source, null, secret, at]),
        );
    else if (piece.kind === 'types')
      for (const { source, type, skipped, failed, since, lastAt, lastDelivery } of piece.rows)
        this.#sql(
          `INSERT OR REPLACE INTO unmapped_types (source, type, skipped, failed, since, last_at, last_delivery)
           VALUES (?, ?, ?, ?, ?, ?, ?)`,
        ).run(this.#store.names.source(source), type ?? '', skipped, failed, since, lastAt, lastDelivery);
    else for (const row of piece.rows) this.#end(row);
  }

  #delivery(row: CarriedDelivery, counts: Counts): void {
    const { names } = this.#store;
    const { position, id, provider, type, key, receivedAt, bytes, state, created, waiting, dead, settledAt } = row;
    const kind = names.kindIn(state, names.newKind(names.source(row.source), provider, type));
    const settledAfter = settledAt === null ? null : Math.max(0, settledAt - receivedAt);
    const added = this.#sql(
      `INSERT OR IGNORE INTO deliveries (position, id, kind, state, key, type, received_at, bytes, created, waiting, dead,
         settled_after) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ).run(
      ...[position, id, kind.n, deliveryStates.indexOf(state), key, kind.various ? type : null, receivedAt, bytes],
      ...[created, waiting, dead, settledAfter],
    );
    if (added.changes === 0) return;
    counts.kind(kind.n, 1);
    if (row.head !== null && row.body !== null)
      this.#sql('INSERT INTO bodies (position, head, body) VALUES (?, ?, ?)').run(position, row.head, row.body);
  }

  #event(event: CarriedEvent, counts: Counts): void {
    const { position, id, source, destination, route, key, time, json, state, since, attempts, begun } = event;
    const { lanes } = this.#store;
    const lane = lanes.lane(destination, source, route);
    const added = this.#sql(
      'INSERT OR IGNORE INTO events (position, delivery, lane, id, time, json) VALUES (?, ?, ?, ?, ?, ?)',
    ).run(position, this.#deliveryAt(event.delivery), lane.n, id, time, json);
    if (added.changes === 0 || state !== 'waiting') return;
    counts.lane(lane.n, 1);
    const enqueue = () =>
      this.#sql('INSERT INTO queue (lane, position, time, received_at, attempts) VALUES (?, ?, ?, ?, ?)').run(
        ...[lane.n, position, time, since, attempts],
      );
    if (key === null) enqueue();
    else this.#update({ own: `${destination} ${key}`, position, lane: lane.n, time, since, begun }, enqueue, counts);
    if (event.replay) this.#follow(position, event.replay);
  }

  /** Only the oldest of a key is in the queue, in whatever order they come here. */
  #update(
    coming: { own: string; position: number; lane: number; time: number; since: number; begun: boolean },
    enqueue: () => void,
    counts: Counts,
  ): void {
    const { own, position, lane, time, since, begun } = coming;
    const oldest = this.#sql('SELECT position, lane FROM updates WHERE key = ? ORDER BY position LIMIT 1').get<
      [number, number]
    >(own);
    this.#sql('INSERT INTO updates (position, key, lane, time, received_at, begun) VALUES (?, ?, ?, ?, ?, ?)').run(
      ...[position, own, lane, time, since, begun ? 1 : 0],
    );
    if (oldest && oldest[0] < position) {
      counts.laneBehind(lane, 1);
      return;
    }
    enqueue();
    if (!oldest) return;
    this.#sql('DELETE FROM queue WHERE lane = ? AND position = ?').run(oldest[1], oldest[0]);
    counts.laneBehind(oldest[1], 1);
  }

  #follow(position: number, { id, item, waiting, dead }: NonNullable<CarriedEvent['replay']>): void {
    const replay = this.#sql('SELECT n FROM replays WHERE id = ?').get<[number]>(id)?.[0];
    if (replay === undefined) return;
    this.#sql('INSERT OR REPLACE INTO replay_items (replay, item, waiting, dead) VALUES (?, ?, ?, ?)').run(
      ...[replay, item, waiting, dead],
    );
    this.#sql('INSERT INTO replay_waiting (position, replay, item) VALUES (?, ?, ?)').run(position, replay, item);
  }

  #letter({ facts, ...letter }: CarriedLetter, counts: Counts): void {
    const { names } = this.#store;
    const { position, id, delivery, kind, message, destination, json, attempts, createdAt } = letter;
    const letterKind = names.letterKind(names.source(letter.source), letter.reason);
    const added = this.#sql(
      `INSERT OR IGNORE INTO letters (position, id, letter_kind, delivery, delivery_id, kind, message, destination, event,
         attempts, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ).run(
      ...[position, id, letterKind.n, this.#deliveryAt(delivery), delivery, kind, message, destination, json],
      ...[attempts, createdAt],
    );
    if (added.changes === 0) return;
    counts.letterKind(letterKind.n, 1);
    if (facts)
      this.#sql(
        `INSERT INTO letter_facts (position, kind, destination, type, received_at, event, event_id, time, route, key)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ).run(
        ...[position, kind, destination, facts.type, facts.receivedAt, facts.event, facts.eventId, facts.time],
        ...[facts.route, facts.key],
      );
  }

  /** Straight into the index: they come in any order, and what is young is known by its position (keys.ts). */
  #key({ hash, id, receivedAt }: CarriedKey): void {
    if (this.#sql('SELECT 1 FROM dedupe_index WHERE hash = ?').get(hash)) return;
    const position = this.#deliveryAt(id) || this.#placeBelow(receivedAt);
    this.#sql('INSERT INTO dedupe (position, hash, id, received_at) VALUES (?, ?, ?, ?)').run(
      ...[position, hash, id, receivedAt],
    );
    this.#sql('INSERT INTO dedupe_index (hash, position) VALUES (?, ?)').run(hash, position);
  }

  #placeBelow(receivedAt: number): number {
    const first = (receivedAt + keysFrom) * keysOfOneMillisecond;
    const last = this.#sql('SELECT max(position) FROM dedupe WHERE position >= ? AND position < ?');
    let place = (last.get<[number | null]>(first, first + keysOfOneMillisecond)?.[0] ?? first - 1) + 1;
    while (this.#sql('SELECT 1 FROM dedupe WHERE position = ?').get(place)) place += 1;
    return place;
  }

  #replay(record: CarriedReplay): void {
    const { id, mode, selection, state, count, done, delivered, failed, nothing, lastFailure, by } = record;
    this.#sql(
      `INSERT OR IGNORE INTO replays (id, mode, selection, state, selecting, place, up_to, count, done, delivered, failed,
         empty, last_failure, made_by, created_at, ended_at) VALUES (?, ?, ?, ?, 0, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ).run(
      ...[id, mode, JSON.stringify(selection), state, count, done, delivered, failed, nothing, lastFailure, by],
      ...[record.createdAt, record.endedAt],
    );
  }

  #notes(notes: readonly CarriedNote[]): void {
    this.#sql('DELETE FROM attempts').run();
    for (const { batch, at, attempt, status, outcome, reason, message, durationMs, events } of notes) {
      const positions = events.flatMap((one) => one.positions).sort((one, other) => one - other);
      this.#sql(
        `INSERT INTO attempts (low, high, batch, at, attempt, status, outcome, reason, message, duration_ms, positions)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ).run(
        ...[positions[0] ?? 0, positions.at(-1) ?? 0, batch, at, attempt, status, outcome, reason, message],
        ...[durationMs, packPositions(positions)],
      );
    }
  }

  #end({ tallies, lastDeadLetterAt, highest }: CarriedEnd): void {
    const columns = tallied.map((column) => `${column} = ?`).join(', ');
    for (const tally of tallies)
      this.#sql(`UPDATE sources SET ${columns}, last_accepted_at = ? WHERE n = ?`).run(
        ...tallied.map((column) => tally[column]),
        ...[tally.lastAcceptedAt, this.#store.names.source(tally.source)],
      );
    if (lastDeadLetterAt !== null)
      this.#sql("INSERT OR REPLACE INTO meta (name, value) VALUES ('last_dead_letter_at', ?)").run(lastDeadLetterAt);
    this.#sql(
      "INSERT OR REPLACE INTO meta (name, value) SELECT 'dedupe_indexed_up_to', coalesce(max(position), 0) FROM dedupe",
    ).run();
    for (const [table, least] of Object.entries(highest)) {
      this.#sql(
        'INSERT INTO sqlite_sequence (name, seq) SELECT ?1, 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)',
      ).run(table);
      this.#sql('UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?').run(least, table);
    }
  }

  /** 0: it is not kept. */
  #deliveryAt(id: string): number {
    return this.#sql('SELECT position FROM deliveries WHERE id = ?').get<[number]>(id)?.[0] ?? 0;
  }

  #sql(text: string): Statement {
    const known = this.#prepared.get(text);
    if (known) return known;
    const prepared = this.#store.database.prepare(text);
    this.#prepared.set(text, prepared);
    return prepared;
  }
}
