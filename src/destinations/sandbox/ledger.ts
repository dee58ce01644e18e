/**
 * What the sandbox has received: every raw copy in order (the oldest dropped at the bound, counted), and the view after
 * Mixpanel's query-time de-duplication, where copies with equal event, time, distinct_id and $insert_id are one, the last.
 *
 * Kept `all`: copies with their records. Kept `keys`: only keys and how many copies each had, for load and soak tests.
 */
export type SandboxRecord = { readonly event: string; readonly properties: Readonly<Record<string, unknown>> };

export type RawCopy = {
  /** Grows by one with each copy. */
  readonly sequence: number;
  readonly receivedAt: number;
  /** Where it came in. */
  readonly endpoint: 'track' | 'import';
  readonly record: SandboxRecord;
};

export type LedgerOptions = {
  readonly keep: 'all' | 'keys';
  readonly copiesMax: number;
  readonly bytesMax: number;
};

type Kept = { readonly copy: RawCopy; readonly key: string; readonly bytes: number };

/** Dropping from the front of an array costs its length; so many are dropped at once. */
const COMPACT_AT = 1024;

export class Ledger {
  readonly #options: LedgerOptions;
  #kept: Kept[] = [];
  #first = 0;
  #bytes = 0;
  #sequence = 0;
  #dropped = 0;
  /** Copies kept per key. */
  readonly #keys = new Map<string, number>();

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  get counts(): { readonly raw: number; readonly kept: number; readonly distinct: number; readonly dropped: number } {
    const kept = this.#options.keep === 'all' ? this.#kept.length - this.#first : this.#keys.size;
    return { raw: this.#sequence, kept, distinct: this.#keys.size, dropped: this.#dropped };
  }

  add(record: SandboxRecord, bytes: number, receivedAt: number, endpoint: RawCopy['endpoint'] = 'track'): void {
    const key = keyOf(record);
    this.#sequence++;
    this.#keys.set(key, (this.#keys.get(key) ?? 0) + 1);
    if (this.#options.keep === 'all') {
      this.#kept.push({ copy: { sequence: this.#sequence, receivedAt, endpoint, record }, key, bytes });
      this.#bytes += bytes;
      while (this.#kept.length - this.#first > this.#options.copiesMax || this.#bytes > this.#options.bytesMax) {
        if (!this.#dropOldest()) break;
      }
    } else if (this.#keys.size > this.#options.copiesMax) {
      const oldest = this.#keys.keys().next();
      if (!oldest.done) this.#keys.delete(oldest.value);
      this.#dropped++;
    }
  }

  /** Raw copies, oldest first. */
  copies(): readonly RawCopy[] {
    return this.#kept.slice(this.#first).map((kept) => kept.copy);
  }

  /** After de-duplication: one copy for each key, the last, in order of arrival. */
  deduped(): readonly RawCopy[] {
    const last = new Map<string, RawCopy>();
    for (const { copy, key } of this.#kept.slice(this.#first)) {
      last.delete(key);
      last.set(key, copy);
    }
    return [...last.values()];
  }

  keys(): IterableIterator<string> {
    return this.#keys.keys();
  }

  clear(): void {
    this.#kept = [];
    this.#first = 0;
    this.#bytes = 0;
    this.#sequence = 0;
    this.#dropped = 0;
    this.#keys.clear();
  }

  #dropOldest(): boolean {
    const oldest = this.#kept[this.#first];
    if (!oldest) return false;
    this.#first++;
    this.#bytes -= oldest.bytes;
    this.#dropped++;
    const copies = (this.#keys.get(oldest.key) ?? 1) - 1;
    if (copies === 0) this.#keys.delete(oldest.key);
    else this.#keys.set(oldest.key, copies);
    if (this.#first >= COMPACT_AT) {
      this.#kept = this.#kept.slice(this.#first);
      this.#first = 0;
    }
    return true;
  }
}

/** The four values, joined by a character that JSON text of an event may hold only escaped. */
export function keyOf({ event, properties }: SandboxRecord): string {
  const { time, distinct_id: distinctId, $insert_id: insertId } = properties;
  return `${event}\u0000${String(time)}\u0000${String(distinctId)}\u0000${String(insertId)}`;
}
