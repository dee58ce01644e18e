/** The counts in one snapshot. */
import type { BufferTally, SourceTally } from '../contract.ts';
import type { Statement } from './database.ts';
import type { Store } from './store.ts';

export class Tallies {
  readonly #store: Store;
  readonly #sources: Statement;
  readonly #letters: Statement;
  readonly #lastLetter: Statement;
  readonly #oldestUnmapped: Statement;
  readonly #oldestEvent: Statement;

  constructor(store: Store) {
    const { database } = store;
    this.#store = store;
    this.#sources = database.prepare(
      `SELECT name, accepted, duplicates, mapped, skipped, failed, created, delivered, dead, last_accepted_at FROM sources`,
    );
    this.#letters = database.prepare('SELECT source, reason, kept FROM letter_kinds WHERE kept > 0');
    this.#lastLetter = database.prepare("SELECT value FROM meta WHERE name = 'last_dead_letter_at'");
    this.#oldestUnmapped = database.prepare(
      `SELECT received_at FROM deliveries INDEXED BY deliveries_unmapped WHERE state = 0 ORDER BY position LIMIT 1`,
    );
    this.#oldestEvent = database.prepare('SELECT received_at FROM queue WHERE lane = ? ORDER BY position LIMIT 1');
  }

  tally(): BufferTally {
    const { names, lanes, room } = this.#store;
    const waitingByDestination: Record<string, number> = {};
    let oldestWaitingAt = this.#oldestUnmapped.get<[number]>()?.[0] ?? null;
    for (const lane of lanes.all()) {
      waitingByDestination[lane.destination] = (waitingByDestination[lane.destination] ?? 0) + lane.waiting;
      const oldest = lane.waiting > 0 ? this.#oldestEvent.get<[number]>(lane.n)?.[0] : undefined;
      if (oldest !== undefined) oldestWaitingAt = Math.min(oldest, oldestWaitingAt ?? oldest);
    }
    return {
      sources: this.#sourceTallies(),
      waitingByDestination,
      deadLetters: this.#letters
        .all<[number, string, number]>()
        .map(([source, reason, count]) => ({ source: names.sourceName(source), reason, count })),
      lastDeadLetterAt: this.#lastLetter.get<[number]>()?.[0] ?? null,
      oldestWaitingAt,
      bytesUsed: room.bytesUsed,
      bytesMax: room.bytesMax,
      full: room.full,
    };
  }

  #sourceTallies(): Record<string, SourceTally> {
    const tallies: Record<string, SourceTally> = {};
    type Row = [string, number, number, number, number, number, number, number, number, number | null];
    for (const row of this.#sources.all<Row>()) {
      const [name, accepted, duplicates, mapped, skipped, failed, created, delivered, dead, lastAcceptedAt] = row;
      const unmapped = accepted - mapped - skipped - failed;
      const waiting = created - delivered - dead;
      tallies[name] = {
        accepted,
        duplicates,
        unmapped,
        mapped,
        skipped,
        failed,
        created,
        waiting,
        delivered,
        dead,
        lastAcceptedAt,
      };
    }
    return tallies;
  }
}
