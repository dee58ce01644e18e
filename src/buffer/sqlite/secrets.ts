/**
 * Secrets that arrive in a handshake, and the sources armed to take one.
 *
 *   (no row) ──arm──▶ armed until a time ──learn──▶ has a secret ──forget──▶ (no row)
 *
 * Everything that is answered as done is on disk. What changes nothing writes nothing: a stranger who keeps offering
 * secrets must not cost an fsync each.
 */
import { learnedSourcesMax } from '../contract.ts';
import { NoRoomError, type Statement } from './database.ts';
import type { SecretRow } from './messages.ts';
import type { Store } from './store.ts';

type Row = [armedUntil: number | null, secret: string | null];

export class Secrets {
  readonly #store: Store;
  readonly #one: Statement;
  readonly #count: Statement;
  readonly #all: Statement;
  readonly #arm: Statement;
  readonly #dropEnded: Statement;
  readonly #learn: Statement;
  readonly #forget: Statement;

  constructor(store: Store) {
    const { database } = store;
    this.#store = store;
    this.#one = database.prepare('SELECT armed_until, secret FROM secrets WHERE source = ?');
    this.#count = database.prepare('SELECT count(*) FROM secrets');
    this.#all = database.prepare('SELECT source, secret, coalesce(learned_at, armed_until, 0) FROM secrets');
    this.#arm = database.prepare('INSERT OR REPLACE INTO secrets (source, armed_until) VALUES (?, ?)');
    this.#dropEnded = database.prepare('DELETE FROM secrets WHERE secret IS NULL AND armed_until <= ? AND source <> ?');
    this.#learn = database.prepare(
      'UPDATE secrets SET armed_until = NULL, secret = ?, learned_at = ? WHERE source = ?',
    );
    this.#forget = database.prepare('DELETE FROM secrets WHERE source = ?');
  }

  arm(source: string, until: number, now: number): 'armed' | 'has_secret' | 'full' {
    if (this.#one.get<Row>(source)?.[1] != null) return 'has_secret';
    return this.#change(() => {
      this.#dropEnded.run(now, source);
      this.#arm.run(source, until);
      if ((this.#count.get<[number]>()?.[0] ?? 0) > learnedSourcesMax)
        throw new Error(`at most ${learnedSourcesMax} sources can be armed or have a learned secret`);
      return 'armed' as const;
    });
  }

  learn(source: string, secret: string, now: number): 'learned' | 'not_armed' | 'has_secret' | 'full' {
    const [armedUntil, existing] = this.#one.get<Row>(source) ?? [null, null];
    if (existing !== null) return 'has_secret';
    if (armedUntil === null || armedUntil <= now) return 'not_armed';
    return this.#change(() => {
      this.#learn.run(secret, now, source);
      return 'learned' as const;
    });
  }

  /** An arming goes with it: what is forgotten is to be armed anew on purpose. */
  forget(source: string): boolean | 'full' {
    const row = this.#one.get<Row>(source);
    if (!row) return false;
    return this.#change(() => {
      this.#forget.run(source);
      return row[1] !== null;
    });
  }

  all(): readonly SecretRow[] {
    return this.#all.all<[string, string | null, number]>();
  }

  /** Durable. On a full disk the log, once written back, is room for so little. */
  #change<T>(work: () => T): T | 'full' {
    for (let again = true; ; again = false) {
      try {
        return this.#store.change(work, true);
      } catch (error) {
        if (!(error instanceof NoRoomError)) throw error;
        if (!again || !this.#store.emptyLog()) return 'full';
      }
    }
  }
}
