/** One delivery with everything that is kept of it; bounded, however much it became. */
import type { Fields } from '../../model.ts';
import { origin } from '../event-ids.ts';
import { type EventRecord, eventBytesShownMax, eventsShownMax, type WholeDelivery } from '../reading.ts';
import type { Attempts } from './attempts.ts';
import type { Statement } from './database.ts';
import type { Letters } from './letters.ts';
import { type Lists, type SummaryRow, summaryColumns } from './lists.ts';
import type { Store } from './store.ts';

type EventRow = [position: number, lane: number, id: string, time: number, json: string];
type DeathRow = [
  event: number | null,
  message: string,
  at: number,
  attempts: number,
  json: string | null,
  kind: number,
];
type BodyRow = [head: string, body: Uint8Array];
type Head = { readonly method: string; readonly headers: Record<string, string>; readonly query: Fields };
export type KeptEvent = {
  readonly position: number;
  readonly lane: number;
  readonly id: string;
  readonly time: number;
  readonly json: string;
};

export class WholeDeliveries {
  readonly #store: Store;
  readonly #lists: Lists;
  readonly #letters: Letters;
  readonly #attempts: Attempts;
  readonly #row: Statement;
  readonly #body: Statement;
  readonly #events: Statement;
  readonly #eventCount: Statement;
  readonly #queued: Statement;
  readonly #behind: Statement;
  readonly #deaths: Statement;

  constructor(store: Store, lists: Lists, letters: Letters, attempts: Attempts) {
    const { database } = store;
    this.#store = store;
    this.#lists = lists;
    this.#letters = letters;
    this.#attempts = attempts;
    this.#row = database.prepare(
      `SELECT ${summaryColumns}, received_at + settled_after FROM deliveries INDEXED BY deliveries_id WHERE id = ?`,
    );
    this.#body = database.prepare('SELECT head, body FROM bodies WHERE position = ?');
    this.#events = database.prepare(
      'SELECT position, lane, id, time, json FROM events WHERE delivery = ? ORDER BY position LIMIT ?',
    );
    this.#eventCount = database.prepare('SELECT count(*) FROM events WHERE delivery = ?');
    this.#queued = database.prepare('SELECT attempts FROM queue WHERE lane = ? AND position = ?');
    this.#behind = database.prepare('SELECT 1 FROM updates WHERE position = ?');
    this.#deaths = database.prepare(
      `SELECT f.event, l.message, l.created_at, l.attempts, CASE WHEN f.position IS NULL THEN l.event END, l.letter_kind
       FROM letters l LEFT JOIN letter_facts f ON f.position = l.position
       WHERE l.delivery = ? AND l.kind = 'event' ORDER BY l.position LIMIT ?`,
    );
  }

  one(id: string): WholeDelivery | null {
    const row = this.#row.get<[...SummaryRow, number | null]>(id);
    if (!row) return null;
    const settledAt = row.at(-1) as number | null;
    const [position] = row;
    const kept = this.#body.get<BodyRow>(position);
    const head = kept ? (JSON.parse(kept[0]) as Head) : null;
    const rows = this.#shown(position);
    const events = this.#records(position, rows, settledAt);
    return {
      summary: this.#lists.summary(row.slice(0, -1) as SummaryRow),
      method: head?.method ?? null,
      headers: head?.headers ?? null,
      query: head?.query ?? null,
      body: kept?.[1] ?? null,
      events,
      eventsLeftOut: (this.#eventCount.get<[number]>(position)?.[0] ?? 0) - events.length,
      deadLetters: this.#letters.of(position, eventsShownMax),
    };
  }

  #shown(delivery: number): KeptEvent[] {
    const rows: KeptEvent[] = [];
    let bytes = 0;
    for (const [position, lane, id, time, json] of this.#events.iterate<EventRow>(delivery, eventsShownMax)) {
      bytes += json.length;
      if (rows.length > 0 && bytes > eventBytesShownMax) break;
      rows.push({ position, lane, id, time, json });
    }
    return rows;
  }

  #records(delivery: number, rows: readonly KeptEvent[], settledAt: number | null): EventRecord[] {
    const tries = this.#attempts.of(new Set(rows.map(({ position }) => position)));
    const deaths = this.#deaths.all<DeathRow>(delivery, eventsShownMax);
    return rows.map((row) => {
      const { position, id, json, time } = row;
      const lane = this.#store.lanes.numbered(row.lane);
      const noted = tries.get(position) ?? [];
      const lastNoted = noted.findLast(({ message }) => message !== null)?.message ?? null;
      const attempts = this.waiting(row);
      const death =
        attempts === null ? deaths.find(([event, , , , text]) => event === position || text === json) : undefined;
      const shared = {
        id,
        destination: lane?.destination ?? '',
        route: lane?.route ?? 'event',
        json,
        time,
        tries: noted,
      };
      const known = { ...shared, ...origin(id) };
      if (attempts !== null)
        return {
          ...known,
          ...{
            state: 'waiting',
            attempts: Math.max(attempts, noted.length),
            settledAt: null,
            reason: null,
            lastWords: lastNoted,
          },
        };
      if (!death)
        return { ...known, state: 'delivered', attempts: noted.length, settledAt, reason: null, lastWords: lastNoted };
      const [, message, at, died, , kind] = death;
      const { reason } = this.#store.names.letterKindOf(kind);
      return {
        ...known,
        state: 'dead',
        attempts: Math.max(died, noted.length),
        settledAt: at,
        reason,
        lastWords: message,
      };
    });
  }

  /** Its requests so far; null: it does not wait. */
  waiting({ lane, position }: { readonly lane: number; readonly position: number }): number | null {
    const queued = this.#queued.get<[number]>(lane, position);
    if (queued) return queued[0];
    return this.#behind.get(position) ? 0 : null;
  }
}
