/**
 * What falls through: how many deliveries of each type were skipped or failed, and the newest of them.
 *
 * A transaction gathers them in memory and writes each type once; what was mapped costs nothing. The bound and who gives
 * way are promise 10 of the contract. Types that are new while the bound is reached are placed together, once for each
 * source and transaction: a sender of endless names costs one look at the source's rows, not one for each name.
 */
import { otherTypes, type UnmappedType, unmappedTypesMax } from '../contract.ts';
import type { Database, Statement } from './database.ts';
import type { Names } from './names.ts';

export type Fallen = { skipped: number; failed: number; since: number; lastAt: number; lastDelivery: string };
type Falling = {
  readonly type: string | null;
  readonly state: 'skipped' | 'failed';
  readonly delivery: string;
  readonly at: number;
};
type Row = [type: string, skipped: number, failed: number, since: number, lastAt: number, lastDelivery: string];

/** What a replay mended, to be counted no more. */
export type Mended = { skipped: number; failed: number };

/** Stands for no type at all. */
const untyped = '';

export function addFallen(all: Map<number, Map<string, Fallen>>, source: number, falling: Falling): void {
  const { type, state, delivery, at } = falling;
  const types = all.get(source) ?? new Map<string, Fallen>();
  all.set(source, types);
  const one = { skipped: 0, failed: 0, since: at, lastAt: at, lastDelivery: delivery };
  one[state] = 1;
  join(types, type ?? untyped, one);
}

export function addMended(
  all: Map<number, Map<string, Mended>>,
  source: number,
  { type, state }: Pick<Falling, 'type' | 'state'>,
): void {
  const types = all.get(source) ?? new Map<string, Mended>();
  all.set(source, types);
  const one = types.get(type ?? untyped) ?? { skipped: 0, failed: 0 };
  types.set(type ?? untyped, one);
  one[state] += 1;
}

function join(types: Map<string, Fallen>, type: string, more: Fallen): void {
  const one = types.get(type);
  if (!one) {
    types.set(type, { ...more });
    return;
  }
  one.skipped += more.skipped;
  one.failed += more.failed;
  one.since = Math.min(one.since, more.since);
  // What was set aside is committed late, so the last one committed need not be the newest.
  if (more.lastAt < one.lastAt) return;
  one.lastAt = more.lastAt;
  one.lastDelivery = more.lastDelivery;
}

export class UnmappedTypes {
  readonly #names: Names;
  readonly #raise: Statement;
  readonly #add: Statement;
  readonly #drop: Statement;
  readonly #lower: Statement;
  readonly #dropEmpty: Statement;
  readonly #one: Statement;
  readonly #count: Statement;
  readonly #own: Statement;
  readonly #top: Statement;

  constructor(database: Database, names: Names) {
    this.#names = names;
    this.#raise = database.prepare(
      `UPDATE unmapped_types SET skipped = skipped + ?1, failed = failed + ?2,
         last_delivery = CASE WHEN ?4 >= last_at THEN ?5 ELSE last_delivery END, last_at = max(last_at, ?4),
         since = min(since, ?3)
       WHERE source = ?6 AND type = ?7`,
    );
    this.#add = database.prepare(
      `INSERT INTO unmapped_types (skipped, failed, since, last_at, last_delivery, source, type)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,
    );
    this.#drop = database.prepare('DELETE FROM unmapped_types WHERE source = ? AND type = ?');
    this.#lower = database.prepare(
      'UPDATE unmapped_types SET skipped = skipped - ?, failed = failed - ? WHERE source = ? AND type = ?',
    );
    this.#dropEmpty = database.prepare('DELETE FROM unmapped_types WHERE source = ? AND skipped + failed = 0');
    this.#one = database.prepare('SELECT skipped, failed FROM unmapped_types WHERE source = ? AND type = ?');
    this.#count = database.prepare('SELECT count(*) FROM unmapped_types WHERE source = ? AND type <> ?');
    const columns = 'type, skipped, failed, since, last_at, last_delivery';
    this.#own = database.prepare(`SELECT ${columns} FROM unmapped_types WHERE source = ? AND type <> ?`);
    this.#top = database.prepare(
      `SELECT ${columns} FROM unmapped_types WHERE source = ? ORDER BY skipped + failed DESC, type LIMIT ?`,
    );
  }

  /** Inside a transaction. */
  write(all: ReadonlyMap<number, Map<string, Fallen>>): void {
    for (const [source, types] of all) {
      const fresh = new Map<string, Fallen>();
      for (const [type, one] of types) if (!this.#raised(source, type, one)) fresh.set(type, one);
      if (fresh.size > 0) this.#place(source, fresh);
    }
  }

  /** Inside a transaction, after `write`. What its type has no count of any more went into the others. */
  lower(all: ReadonlyMap<number, ReadonlyMap<string, Mended>>): void {
    for (const [source, types] of all) {
      for (const [type, mended] of types) {
        const left = this.#take(source, type, mended);
        if (left.skipped + left.failed > 0) this.#take(source, otherTypes, left);
      }
      this.#dropEmpty.run(source);
    }
  }

  #take(source: number, type: string, mended: Mended): Mended {
    const [ownSkipped, ownFailed] = this.#one.get<[number, number]>(source, type) ?? [0, 0];
    const skipped = Math.min(ownSkipped, mended.skipped);
    const failed = Math.min(ownFailed, mended.failed);
    if (skipped + failed > 0) this.#lower.run(skipped, failed, source, type);
    return { skipped: mended.skipped - skipped, failed: mended.failed - failed };
  }

  top(perSourceMax: number): readonly UnmappedType[] {
    const found: UnmappedType[] = [];
    for (const [n, source] of this.#names.sources())
      for (const [type, skipped, failed, since, lastAt, lastDelivery] of this.#top.all<Row>(n, perSourceMax))
        found.push({ source, type: type === untyped ? null : type, skipped, failed, lastDelivery, lastAt, since });
    return found;
  }

  #raised(source: number, type: string, one: Fallen): boolean {
    return this.#raise.run(...valuesOf(one), source, type).changes > 0;
  }

  #place(source: number, fresh: Map<string, Fallen>): void {
    const others = fresh.get(otherTypes);
    fresh.delete(otherTypes);
    const gone = new Map<string, Fallen>();
    if (others) join(gone, otherTypes, others);
    const known = this.#count.get<[number]>(source, otherTypes)?.[0] ?? 0;
    if (known + fresh.size > unmappedTypesMax) this.#makeRoom(source, fresh, gone);
    for (const [type, one] of fresh) this.#add.run(...valuesOf(one), source, type);
    const added = gone.get(otherTypes);
    if (added && !this.#raised(source, otherTypes, added)) this.#add.run(...valuesOf(added), source, otherTypes);
  }

  /** The least of what is there and what is new goes into `gone`, and leaves the table or `fresh`. */
  #makeRoom(source: number, fresh: Map<string, Fallen>, gone: Map<string, Fallen>): void {
    const there = this.#own.all<Row>(source, otherTypes).map(([type, skipped, failed, since, lastAt, lastDelivery]) => {
      const one: Fallen = { skipped, failed, since, lastAt, lastDelivery };
      return { type, one };
    });
    const all = [...there, ...[...fresh].map(([type, one]) => ({ type, one }))];
    const seen = ({ one }: { one: Fallen }) => one.skipped + one.failed;
    all.sort((a, b) => seen(b) - seen(a) || b.one.lastAt - a.one.lastAt);
    for (const { type, one } of all.slice(unmappedTypesMax)) {
      join(gone, otherTypes, one);
      if (!fresh.delete(type)) this.#drop.run(source, type);
    }
  }
}

function valuesOf(one: Fallen): [number, number, number, number, string] {
  return [one.skipped, one.failed, one.since, one.lastAt, one.lastDelivery];
}
