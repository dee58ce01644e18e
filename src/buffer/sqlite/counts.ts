/** The counts one transaction changes: gathered while it runs, each row written once before it commits. */
import type { Database, Statement } from './database.ts';
import type { Fallen, Mended } from './unmapped-types.ts';

const columns = ['accepted', 'duplicates', 'mapped', 'skipped', 'failed', 'created', 'delivered', 'dead'] as const;
export type Counted = (typeof columns)[number];

export class CountsWriter {
  readonly #sources: Statement;
  readonly #lastAccepted: Statement;
  readonly #kinds: Statement;
  readonly #letterKinds: Statement;
  readonly #lanes: Statement;
  readonly #behind: Statement;
  readonly #lastLetter: Statement;

  constructor(database: Database) {
    this.#sources = database.prepare(
      `UPDATE sources SET ${columns.map((column) => `${column} = ${column} + ?`).join(', ')} WHERE n = ?`,
    );
    this.#lastAccepted = database.prepare('UPDATE sources SET last_accepted_at = ? WHERE n = ?');
    this.#kinds = database.prepare('UPDATE kinds SET kept = kept + ? WHERE n = ?');
    this.#letterKinds = database.prepare('UPDATE letter_kinds SET kept = kept + ? WHERE n = ?');
    this.#lanes = database.prepare('UPDATE lanes SET waiting = waiting + ? WHERE n = ?');
    this.#behind = database.prepare('UPDATE lanes SET behind = behind + ? WHERE n = ?');
    this.#lastLetter = database.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('last_dead_letter_at', ?)");
  }

  write(counts: Counts): void {
    for (const [n, changes] of counts.sources) this.#sources.run(...columns.map((column) => changes[column] ?? 0), n);
    for (const [n, at] of counts.lastAcceptedAt) this.#lastAccepted.run(at, n);
    for (const [n, change] of counts.kinds) this.#kinds.run(change, n);
    for (const [n, change] of counts.letterKinds) this.#letterKinds.run(change, n);
    for (const [n, change] of counts.lanes) this.#lanes.run(change, n);
    for (const [n, change] of counts.behind) this.#behind.run(change, n);
    if (counts.lastLetterAt !== null) this.#lastLetter.run(counts.lastLetterAt);
  }
}

export class Counts {
  readonly sources = new Map<number, Partial<Record<Counted, number>>>();
  readonly lastAcceptedAt = new Map<number, number>();
  readonly kinds = new Map<number, number>();
  readonly letterKinds = new Map<number, number>();
  readonly lanes = new Map<number, number>();
  /** Of these, updates behind an older one of their key. */
  readonly behind = new Map<number, number>();
  /** What was skipped or failed, by source and type. */
  readonly unmapped = new Map<number, Map<string, Fallen>>();
  /** Of these, what a replay mended. */
  readonly mended = new Map<number, Map<string, Mended>>();
  lastLetterAt: number | null = null;

  source(n: number, counted: Counted, change = 1): void {
    const changes = this.sources.get(n) ?? {};
    changes[counted] = (changes[counted] ?? 0) + change;
    this.sources.set(n, changes);
  }
  kind(n: number, change: number): void {
    this.kinds.set(n, (this.kinds.get(n) ?? 0) + change);
  }
  letterKind(n: number, change: number): void {
    this.letterKinds.set(n, (this.letterKinds.get(n) ?? 0) + change);
  }
  lane(n: number, change: number): void {
    this.lanes.set(n, (this.lanes.get(n) ?? 0) + change);
  }
  laneBehind(n: number, change: number): void {
    this.behind.set(n, (this.behind.get(n) ?? 0) + change);
  }
}
