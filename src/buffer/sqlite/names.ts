/**
 * Small numbers for names that come again and again (sources, kinds of deliveries and of dead letters), and the
 * counts that hang on them. A transaction gathers its counts in `Counts` and writes each row once, at its end.
 *
 * The maps are a read-through cache of small tables; after a rollback they are read anew, because a number given
 * inside the transaction is void.
 */
import type { DeliveryState } from '../../model.ts';
import type { Database, Statement } from './database.ts';
import { deliveryStates } from './schema.ts';

export type Kind = {
  readonly n: number;
  readonly source: number;
  readonly provider: string;
  readonly type: string | null;
  /** The rows of this kind have types of their own: the source has more of them than get a kind. */
  readonly various: boolean;
  readonly state: number;
};
export type LetterKind = { readonly n: number; readonly source: number; readonly reason: string };

export type KindFilter = {
  readonly source?: string | undefined;
  readonly state?: DeliveryState | undefined;
  readonly type?: string | undefined;
};

/** A source with more types than this (a type that is really an id, say) shares one kind among the rest. */
export const typesPerSourceMax = 200;

export class Names {
  readonly #database: Database;
  readonly #addSource: Statement;
  readonly #addKind: Statement;
  readonly #addLetterKind: Statement;
  #sourceNumbers = new Map<string, number>();
  #sourceNames = new Map<number, string>();
  #kinds = new Map<string, Kind>();
  #kindsByNumber = new Map<number, Kind>();
  #typesBySource = new Map<number, Set<string>>();
  #letterKinds = new Map<string, LetterKind>();
  #letterKindsByNumber = new Map<number, LetterKind>();

  constructor(database: Database) {
    this.#database = database;
    this.#addSource = database.prepare('INSERT INTO sources (name) VALUES (?)');
    this.#addKind = database.prepare(
      'INSERT INTO kinds (source, provider, type, various, state) VALUES (?, ?, ?, ?, ?)',
    );
    this.#addLetterKind = database.prepare('INSERT INTO letter_kinds (source, reason) VALUES (?, ?)');
    this.load();
  }

  load(): void {
    this.#sourceNumbers = new Map();
    this.#sourceNames = new Map();
    this.#kinds = new Map();
    this.#kindsByNumber = new Map();
    this.#typesBySource = new Map();
    this.#letterKinds = new Map();
    this.#letterKindsByNumber = new Map();
    for (const [n, name] of this.#database.prepare('SELECT n, name FROM sources').all<[number, string]>())
      this.#learnSource(n, name);
    const kinds = this.#database.prepare('SELECT n, source, provider, type, various, state FROM kinds');
    for (const [n, source, provider, type, various, state] of kinds.all<
      [number, number, string, string | null, number, number]
    >())
      this.#learnKind({ n, source, provider, type, various: various === 1, state });
    const letterKinds = this.#database.prepare('SELECT n, source, reason FROM letter_kinds');
    for (const [n, source, reason] of letterKinds.all<[number, number, string]>())
      this.#learnLetterKind({ n, source, reason });
  }

  source(name: string): number {
    return this.#sourceNumbers.get(name) ?? this.#learnSource(this.#addSource.run(name).position, name);
  }

  knownSource(name: string): number | undefined {
    return this.#sourceNumbers.get(name);
  }

  sources(): Iterable<readonly [n: number, name: string]> {
    return this.#sourceNames;
  }

  sourceName(n: number): string {
    return this.#sourceNames.get(n) ?? '';
  }

  /** The kind of a delivery that was just accepted. */
  newKind(source: number, provider: string, type: string | null): Kind {
    const types = this.#typesBySource.get(source);
    const various = type !== null && types !== undefined && types.size >= typesPerSourceMax && !types.has(type);
    return this.#kind(source, provider, various ? null : type, various, 0);
  }

  kind(n: number): Kind {
    const kind = this.#kindsByNumber.get(n);
    if (!kind) throw new Error(`delivery of an unknown kind ${n}`);
    return kind;
  }

  /** The same kind in another state. */
  kindIn(state: DeliveryState, kind: Kind): Kind {
    return this.#kind(kind.source, kind.provider, kind.type, kind.various, deliveryStates.indexOf(state));
  }

  kinds(): Iterable<Kind> {
    return this.#kindsByNumber.values();
  }

  /** Those that rows of this filter may be of; `all` when there is nothing to tell them apart by, unless `every` is asked for. */
  kindsWhere(filter: KindFilter & { readonly every: true }): readonly Kind[];
  kindsWhere(filter: KindFilter): readonly Kind[] | 'all';
  kindsWhere({ source, state, type, every = false }: KindFilter & { every?: boolean }): readonly Kind[] | 'all' {
    if (!every && source === undefined && state === undefined && type === undefined) return 'all';
    const n = source === undefined ? undefined : this.knownSource(source);
    if (source !== undefined && n === undefined) return [];
    const stateNumber = state === undefined ? undefined : deliveryStates.indexOf(state);
    return [...this.kinds()].filter(
      (kind) =>
        (n === undefined || kind.source === n) &&
        (stateNumber === undefined || kind.state === stateNumber) &&
        (type === undefined || kind.various || kind.type === type),
    );
  }

  letterKind(source: number, reason: string): LetterKind {
    const known = this.#letterKinds.get(`${source} ${reason}`);
    return known ?? this.#learnLetterKind({ n: this.#addLetterKind.run(source, reason).position, source, reason });
  }

  letterKindsWhere({
    source,
    reason,
  }: {
    source: string | undefined;
    reason: string | undefined;
  }): readonly LetterKind[] {
    const n = source === undefined ? undefined : this.knownSource(source);
    if (source !== undefined && n === undefined) return [];
    return [...this.#letterKindsByNumber.values()].filter(
      (kind) => (n === undefined || kind.source === n) && (reason === undefined || kind.reason === reason),
    );
  }

  letterKindOf(n: number): LetterKind {
    const kind = this.#letterKindsByNumber.get(n);
    if (!kind) throw new Error(`dead letter of an unknown kind ${n}`);
    return kind;
  }

  #kind(source: number, provider: string, type: string | null, various: boolean, state: number): Kind {
    const known = this.#kinds.get(kindText(source, provider, type, various, state));
    if (known) return known;
    const n = this.#addKind.run(source, provider, type, various ? 1 : 0, state).position;
    return this.#learnKind({ n, source, provider, type, various, state });
  }

  #learnSource(n: number, name: string): number {
    this.#sourceNumbers.set(name, n);
    this.#sourceNames.set(n, name);
    return n;
  }

  #learnKind(kind: Kind): Kind {
    this.#kinds.set(kindText(kind.source, kind.provider, kind.type, kind.various, kind.state), kind);
    this.#kindsByNumber.set(kind.n, kind);
    if (kind.type !== null) {
      const types = this.#typesBySource.get(kind.source);
      if (types) types.add(kind.type);
      else this.#typesBySource.set(kind.source, new Set([kind.type]));
    }
    return kind;
  }

  #learnLetterKind(kind: LetterKind): LetterKind {
    this.#letterKinds.set(`${kind.source} ${kind.reason}`, kind);
    this.#letterKindsByNumber.set(kind.n, kind);
    return kind;
  }
}

function kindText(source: number, provider: string, type: string | null, various: boolean, state: number): string {
  return `${source} ${state} ${various ? 1 : 0} ${provider} ${type === null ? '' : `.${type}`}`;
}
