/**
 * What the sandbox's Bloomreach has stored: every copy of every event in order (the oldest dropped at the bound, counted), the
 * view in which exact copies are one, what would be billed, and customers after their updates.
 */
import type { StoredEvent, StoredUpdate } from './bloomreach-command.ts';

export type EventCopy = {
  /** Grows by one with each copy. */
  readonly sequence: number;
  readonly receivedAt: number;
  readonly project: string;
  readonly event: StoredEvent;
};

export type Customer = {
  readonly project: string;
  readonly ids: Readonly<Record<string, string>>;
  readonly properties: Readonly<Record<string, unknown>>;
};

type HeldCustomer = {
  readonly project: string;
  readonly ids: Map<string, string>;
  /** With the stamp of the update each came by. */
  readonly properties: Map<string, { readonly value: unknown; readonly stamp: number; readonly bytes: number }>;
  bytes: number;
};

export type BloomreachLedgerOptions = {
  readonly eventsMax: number;
  readonly eventBytesMax: number;
  /** Ids, to be exact: a customer of two counts twice. */
  readonly customersMax: number;
  readonly customerBytesMax: number;
};

/** New ones beyond are discarded in silence, as by the vendor. */
const PROPERTIES_MAX = 1024;

/** Dropping from the front of an array costs its length; so many are dropped at once. */
const COMPACT_AT = 1024;

export class BloomreachLedger {
  readonly #options: BloomreachLedgerOptions;
  #copies: { readonly copy: EventCopy; readonly bytes: number }[] = [];
  #first = 0;
  #bytes = 0;
  #sequence = 0;
  #updates = 0;
  #customerBytes = 0;
  /** By project, type of the id and id; a customer of several ids stands under each. */
  readonly #customers = new Map<string, HeldCustomer>();

  constructor(options: BloomreachLedgerOptions) {
    this.#options = options;
  }

  /** Billed is every copy. */
  get counts(): { readonly billed: number; readonly kept: number; readonly updates: number } {
    return { billed: this.#sequence, kept: this.#copies.length - this.#first, updates: this.#updates };
  }

  addEvent(project: string, event: StoredEvent, bytes: number, receivedAt: number): void {
    this.#sequence++;
    this.#copies.push({ copy: { sequence: this.#sequence, receivedAt, project, event }, bytes });
    this.#bytes += bytes;
    const { eventsMax, eventBytesMax } = this.#options;
    while (this.#copies.length - this.#first > eventsMax || this.#bytes > eventBytesMax) {
      if (!this.#dropOldest()) break;
    }
    this.#customerOf(project, event.customerIds);
  }

  /** A property is overwritten only by a younger update. */
  update(project: string, { customerIds, properties, updateTimestamp: stamp }: StoredUpdate): void {
    this.#updates++;
    const customer = this.#customerOf(project, customerIds);
    for (const [name, value] of Object.entries(properties)) {
      const known = customer.properties.get(name);
      if (known === undefined ? customer.properties.size >= PROPERTIES_MAX : known.stamp >= stamp) continue;
      const bytes = Buffer.byteLength(name) + Buffer.byteLength(JSON.stringify(value));
      customer.properties.set(name, { value, stamp, bytes });
      customer.bytes += bytes - (known?.bytes ?? 0);
      this.#customerBytes += bytes - (known?.bytes ?? 0);
    }
    this.#dropCustomers();
  }

  /** Oldest first. */
  copies(): readonly EventCopy[] {
    return this.#copies.slice(this.#first).map(({ copy }) => copy);
  }

  /** Exact copies are one, the first. */
  deduped(): readonly EventCopy[] {
    const first = new Map<string, EventCopy>();
    for (const copy of this.copies()) {
      const key = sorted([copy.project, copy.event]);
      if (!first.has(key)) first.set(key, copy);
    }
    return [...first.values()];
  }

  customers(): readonly Customer[] {
    return [...new Set(this.#customers.values())].map(({ project, ids, properties }) => ({
      project,
      ids: Object.fromEntries(ids),
      properties: Object.fromEntries([...properties].map(([name, { value }]) => [name, value])),
    }));
  }

  clear(): void {
    this.#copies = [];
    this.#first = 0;
    this.#bytes = 0;
    this.#sequence = 0;
    this.#updates = 0;
    this.#customers.clear();
    this.#customerBytes = 0;
  }

  #customerOf(project: string, ids: Readonly<Record<string, string>>): HeldCustomer {
    const keys = Object.entries(ids).map(([type, id]) => keyOf(project, type, id));
    const known = keys.map((key) => this.#customers.get(key)).find((customer) => customer !== undefined);
    const customer = known ?? { project, ids: new Map(), properties: new Map(), bytes: 0 };
    for (const [type, id] of Object.entries(ids)) {
      // One id of a type for each customer here; at the vendor soft ids may be more.
      if (!customer.ids.has(type)) customer.ids.set(type, id);
      if (customer.ids.get(type) === id) this.#customers.set(keyOf(project, type, id), customer);
    }
    this.#dropCustomers();
    return customer;
  }

  #dropCustomers(): void {
    const { customersMax, customerBytesMax } = this.#options;
    while (this.#customers.size > customersMax || this.#customerBytes > customerBytesMax) {
      const oldest = this.#customers.values().next();
      if (oldest.done) return;
      const { project, ids, bytes } = oldest.value;
      for (const [type, id] of ids) this.#customers.delete(keyOf(project, type, id));
      this.#customerBytes -= bytes;
    }
  }

  #dropOldest(): boolean {
    const oldest = this.#copies[this.#first];
    if (!oldest) return false;
    this.#first++;
    this.#bytes -= oldest.bytes;
    if (this.#first >= COMPACT_AT) {
      this.#copies = this.#copies.slice(this.#first);
      this.#first = 0;
    }
    return true;
  }
}

function keyOf(project: string, type: string, id: string): string {
  return JSON.stringify([project, type, id]);
}

/** JSON in which the order of names makes no difference. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
