/**
 * Requests that did not go well, for whoever asks what became of an event. One row for each request, its events' positions
 * packed: an outage costs a small write for each try, and what is delivered at once costs nothing.
 */
import { packPositions, unpackPositions } from '../packed-positions.ts';
import { type AttemptNote, type AttemptRecord, attemptsNotedMax, attemptWordsMax } from '../reading.ts';
import { NoRoomError, type Statement } from './database.ts';
import type { Store } from './store.ts';

type Row = [
  batch: string,
  at: number,
  attempt: number,
  status: number | null,
  outcome: AttemptRecord['outcome'],
  reason: string | null,
  message: string | null,
  durationMs: number,
  positions: Uint8Array,
];

export class Attempts {
  readonly #store: Store;
  readonly #add: Statement;
  readonly #dropOld: Statement;
  readonly #of: Statement;

  constructor(store: Store) {
    const { database } = store;
    this.#store = store;
    this.#add = database.prepare(
      `INSERT INTO attempts (low, high, batch, at, attempt, status, outcome, reason, message, duration_ms, positions)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#dropOld = database.prepare('DELETE FROM attempts WHERE n <= ?');
    this.#of = database.prepare(
      `SELECT batch, at, attempt, status, outcome, reason, message, duration_ms, positions FROM attempts
       WHERE high >= ? AND low <= ? ORDER BY n`,
    );
  }

  /** On a full disk a note is not worth making room. */
  note(note: AttemptNote): null {
    const positions = [...note.positions].sort((a, b) => a - b);
    const [low, high] = [positions[0], positions.at(-1)];
    if (low === undefined || high === undefined) return null;
    const { batch, at, attempt, status, outcome, reason, message, durationMs } = note;
    const words = message === null ? null : message.slice(0, attemptWordsMax);
    const packed = packPositions(positions);
    try {
      this.#store.change(() => {
        const { position } = this.#add.run(
          ...[low, high, batch, Math.trunc(at), attempt, status, outcome, reason, words],
          ...[Math.round(durationMs), packed],
        );
        this.#dropOld.run(position - attemptsNotedMax);
      });
    } catch (error) {
      if (!(error instanceof NoRoomError)) throw error;
    }
    return null;
  }

  /** Of each of these events, oldest first. */
  of(wanted: ReadonlySet<number>): ReadonlyMap<number, readonly AttemptRecord[]> {
    const found = new Map<number, AttemptRecord[]>();
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const position of wanted) [low, high] = [Math.min(low, position), Math.max(high, position)];
    if (wanted.size === 0) return found;
    for (const row of this.#of.all<Row>(low, high)) {
      const [batch, at, attempt, status, outcome, reason, message, durationMs, packed] = row;
      const record = { batch, at, attempt, status, outcome, reason, message, durationMs };
      for (const position of unpackPositions(packed)) {
        if (!wanted.has(position)) continue;
        const records = found.get(position);
        if (records) records.push(record);
        else found.set(position, [record]);
      }
    }
    return found;
  }
}
