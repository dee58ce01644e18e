/** All that a data folder keeps, as pieces (`../carrying.ts`). Nothing is written. */
import {
  type CarriedDelivery,
  type CarriedEnd,
  type CarriedEvent,
  type CarriedKey,
  type CarriedLetter,
  type CarriedNote,
  type CarriedReplay,
  type CarriedSecret,
  inPieces,
  type Piece,
  weightless,
  weightOfDelivery,
  weightOfJson,
} from '../carrying.ts';
import { deliveryOfEvent } from '../event-ids.ts';
import { unpackPositions } from '../packed-positions.ts';
import type { AttemptRecord } from '../reading.ts';
import type { SecretRow } from './messages.ts';
import type { Replays } from './replays.ts';
import { deliveryStates } from './schema.ts';
import type { Store } from './store.ts';

export type Out = {
  readonly store: Store;
  readonly replays: Replays;
  readonly secrets: readonly SecretRow[];
  readonly now: number;
};

/** In the order in which they can be taken. */
export async function* piecesOf(out: Out): AsyncGenerator<Piece> {
  const { store, secrets } = out;
  for await (const rows of inPieces(replaysOf(out), weightless)) yield { kind: 'replays', rows };
  for await (const rows of inPieces(deliveriesOf(store), weightOfDelivery)) yield { kind: 'deliveries', rows };
  for await (const rows of inPieces(eventsOf(store), weightOfJson)) yield { kind: 'events', rows };
  for await (const rows of inPieces(lettersOf(store), weightOfJson)) yield { kind: 'letters', rows };
  for await (const rows of inPieces(keysOf(store, out.now), weightless)) yield { kind: 'keys', rows };
  const types = store.unmapped.top(Number.MAX_SAFE_INTEGER);
  for await (const rows of inPieces(types, weightless)) yield { kind: 'types', rows };
  const carried = secrets.map(([source, secret, at]): CarriedSecret => ({ source, secret, at }));
  for await (const rows of inPieces(carried, weightless)) yield { kind: 'secrets', rows };
  yield { kind: 'notes', rows: [...notesOf(store)] };
  yield { kind: 'end', rows: [endOf(store)] };
}

/** Oldest first. One that still selects is over: its place means nothing elsewhere. */
function replaysOf({ replays, now }: Out): CarriedReplay[] {
  const selecting = new Set(replays.unfinished().map(({ id }) => id));
  const all = replays.newest(Number.MAX_SAFE_INTEGER - 1, undefined).items;
  return all
    .map((record): CarriedReplay => {
      if (!selecting.has(record.id)) return { ...record, cut: false };
      return { ...record, state: 'cancelled', endedAt: now, cut: true };
    })
    .reverse();
}

type DeliveryRow = [
  ...[position: number, id: string, kind: number, type: string | null, key: string | null, receivedAt: number],
  ...[bytes: number, created: number, waiting: number, dead: number, settledAfter: number | null],
  ...[head: string | null, body: Uint8Array | null],
];

function* deliveriesOf({ database, names }: Store): Generator<CarriedDelivery> {
  const all = database.prepare(
    `SELECT d.position, d.id, d.kind, d.type, d.key, d.received_at, d.bytes, d.created, d.waiting, d.dead, d.settled_after,
       b.head, b.body FROM deliveries d LEFT JOIN bodies b ON b.position = d.position ORDER BY d.position`,
  );
  const events = database.prepare('SELECT position FROM events WHERE delivery = ? ORDER BY position');
  const since = database.prepare(
    `SELECT min(coalesce(q.received_at, u.received_at)) FROM events e
       LEFT JOIN queue q ON q.lane = e.lane AND q.position = e.position LEFT JOIN updates u ON u.position = e.position
     WHERE e.delivery = ?`,
  );
  for (const row of all.iterate<DeliveryRow>()) {
    const [position, id, kindNumber, type, key, receivedAt, bytes, created, waiting, dead, settledAfter, head, body] =
      row;
    const kind = names.kind(kindNumber);
    yield {
      ...{ position, id, source: names.sourceName(kind.source), provider: kind.provider, type: kind.type ?? type, key },
      ...{ receivedAt, bytes, state: deliveryStates[kind.state] ?? 'accepted', created, waiting, dead, head, body },
      settledAt: settledAfter === null ? null : receivedAt + settledAfter,
      waitsSince: waiting > 0 ? (since.get<[number | null]>(position)?.[0] ?? receivedAt) : null,
      events: created > 0 ? events.all<[number]>(position).map(([one]) => one) : [],
    };
  }
}

type EventRow = [
  ...[position: number, delivery: number, deliveryId: string | null, receivedAt: number | null, dead: number | null],
  ...[lane: number, id: string, time: number, json: string, queuedAt: number | null, attempts: number | null],
  ...[updateAt: number | null, key: string | null, begun: number | null],
  ...[replay: string | null, item: number | null, itemWaiting: number | null, itemDead: number | null],
];

function* eventsOf({ database, lanes }: Store): Generator<CarriedEvent> {
  const all = database.prepare(
    `SELECT e.position, e.delivery, d.id, d.received_at, d.dead, e.lane, e.id, e.time, e.json, q.received_at, q.attempts,
       u.received_at, u.key, u.begun, r.id, w.item, i.waiting, i.dead
     FROM events e LEFT JOIN deliveries d ON d.position = e.delivery
       LEFT JOIN queue q ON q.lane = e.lane AND q.position = e.position LEFT JOIN updates u ON u.position = e.position
       LEFT JOIN replay_waiting w ON w.position = e.position
       LEFT JOIN replay_items i ON i.replay = w.replay AND i.item = w.item LEFT JOIN replays r ON r.n = i.replay
     ORDER BY e.position`,
  );
  // As lists judge it (whole.ts): by its dead letter, or by the same text in one of an older relay.
  const letter = database.prepare(
    `SELECT 1 FROM letters l LEFT JOIN letter_facts f ON f.position = l.position
     WHERE l.delivery = ? AND l.kind = 'event' AND (f.event = ? OR (f.position IS NULL AND l.event = ?)) LIMIT 1`,
  );
  for (const row of all.iterate<EventRow>()) {
    const [position, delivery, deliveryId, receivedAt, dead, laneNumber, id, time, json, queuedAt, attempts] = row;
    const [updateAt, key, begun, replay, item, itemWaiting, itemDead] = row.slice(11) as [
      ...[number | null, string | null, number | null],
      ...[string | null, number | null, number | null, number | null],
    ];
    const lane = lanes.numbered(laneNumber);
    if (!lane) throw new Error(`event ${position} is of an unknown lane`);
    const since = queuedAt ?? updateAt;
    const died = since === null && dead !== 0 && letter.get(delivery, position, json) !== undefined;
    yield {
      ...{ position, id, delivery: deliveryId ?? deliveryOfEvent(id), source: lane.source },
      ...{ destination: lane.destination, route: lane.route, time, json },
      key: key === null ? null : key.slice(key.indexOf(' ') + 1),
      state: since !== null ? 'waiting' : died ? 'dead' : 'delivered',
      since: since ?? receivedAt ?? time,
      ...{ attempts: attempts ?? 0, begun: begun === 1 },
      replay:
        replay === null || item === null ? null : { id: replay, item, waiting: itemWaiting ?? 0, dead: itemDead ?? 0 },
    };
  }
}

type LetterRow = [
  ...[position: number, id: string, letterKind: number, deliveryId: string, kind: CarriedLetter['kind']],
  ...[message: string, destination: string | null, json: string | null, attempts: number, createdAt: number],
  ...[facts: number | null, type: string | null, receivedAt: number, event: number | null, eventId: string | null],
  ...[time: number | null, route: NonNullable<CarriedLetter['facts']>['route'], key: string | null],
];

function* lettersOf({ database, names }: Store): Generator<CarriedLetter> {
  const all = database.prepare(
    `SELECT l.position, l.id, l.letter_kind, l.delivery_id, l.kind, l.message, l.destination, l.event, l.attempts, l.created_at,
       f.position, f.type, f.received_at, f.event, f.event_id, f.time, f.route, f.key
     FROM letters l LEFT JOIN letter_facts f ON f.position = l.position ORDER BY l.position`,
  );
  for (const row of all.iterate<LetterRow>()) {
    const [position, id, letterKind, delivery, kind, message, destination, json, attempts, createdAt] = row;
    const [facts, type, receivedAt, event, eventId, time, route, key] = row.slice(10) as [
      ...[number | null, string | null, number, number | null, string | null, number | null],
      ...[NonNullable<CarriedLetter['facts']>['route'], string | null],
    ];
    const { source, reason } = names.letterKindOf(letterKind);
    yield {
      ...{ position, id, source: names.sourceName(source), delivery, kind, reason, message, destination, json },
      ...{ attempts, createdAt },
      facts: facts === null ? null : { type, receivedAt, event, eventId, time, route, key },
    };
  }
}

function* keysOf({ database, names, keepDeliveriesMs }: Store, now: number): Generator<CarriedKey> {
  const all = database.prepare(
    `SELECT k.hash, k.id, k.received_at, d.kind FROM dedupe k LEFT JOIN deliveries d ON d.position = k.position
     WHERE k.received_at > ? ORDER BY k.position`,
  );
  type Row = [hash: Uint8Array, id: string, receivedAt: number, kind: number | null];
  for (const [hash, id, receivedAt, kind] of all.iterate<Row>(now - keepDeliveriesMs)) {
    const source = kind === null ? null : names.sourceName(names.kind(kind).source);
    yield { hash, source, shard: null, id, receivedAt, endsAt: receivedAt + keepDeliveriesMs };
  }
}

type NoteRow = [
  ...[batch: string, at: number, attempt: number, status: number | null, outcome: AttemptRecord['outcome']],
  ...[reason: string | null, message: string | null, durationMs: number, positions: Uint8Array],
];

function* notesOf({ database, lanes }: Store): Generator<CarriedNote> {
  const all = database.prepare(
    'SELECT batch, at, attempt, status, outcome, reason, message, duration_ms, positions FROM attempts ORDER BY n',
  );
  const lane = database.prepare('SELECT lane FROM events WHERE position = ?');
  for (const row of all.iterate<NoteRow>()) {
    const [batch, at, attempt, status, outcome, reason, message, durationMs, packed] = row;
    const events = new Map<string, number[]>();
    for (const position of unpackPositions(packed)) {
      const source = lanes.numbered(lane.get<[number]>(position)?.[0] ?? 0)?.source;
      if (source === undefined) continue;
      const known = events.get(source);
      if (known) known.push(position);
      else events.set(source, [position]);
    }
    const record = { batch, at, attempt, status, outcome, reason, message, durationMs };
    yield { ...record, events: [...events].map(([source, positions]) => ({ source, positions })) };
  }
}

function endOf({ database }: Store): CarriedEnd {
  type Row = [string, number, number, number, number, number, number, number, number, number | null];
  const rows = database.prepare(
    'SELECT name, accepted, duplicates, mapped, skipped, failed, created, delivered, dead, last_accepted_at FROM sources',
  );
  const tallies = rows.all<Row>().map((row) => {
    const [source, accepted, duplicates, mapped, skipped, failed, created, delivered, dead, lastAcceptedAt] = row;
    return { source, accepted, duplicates, mapped, skipped, failed, created, delivered, dead, lastAcceptedAt };
  });
  const last = database.prepare("SELECT value FROM meta WHERE name = 'last_dead_letter_at'").get<[number]>();
  const given = database.prepare('SELECT seq FROM sqlite_sequence WHERE name = ?');
  const highest = (table: string) => given.get<[number]>(table)?.[0] ?? 0;
  return {
    ...{ tallies, lastDeadLetterAt: last?.[0] ?? null },
    highest: { deliveries: highest('deliveries'), events: highest('events'), letters: highest('letters') },
  };
}
