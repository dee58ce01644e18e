/**
 * Faults on order: a queue of what the next requests get instead of, or besides, their right answer; records that are always
 * refused; a limit on events a second; and named scenarios that put such things together.
 */
import { keyOf, type SandboxRecord } from './ledger.ts';
import { RATE_LIMITED, RateLimit, type RateLimitOrder } from './rate-limit.ts';

export type Fault = {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Before anything else happens. */
  readonly delayMs?: number;
  /** Cut the connection without looking at the request. */
  readonly closeBefore?: boolean;
  /** Store everything, then cut the connection. */
  readonly closeAfterIngest?: boolean;
  /** How much of the batch is stored before the scripted answer; default none. */
  readonly ingest?: 'none' | 'half' | 'all';
  /** How many requests get it; default 1. */
  readonly times?: number;
  /** Only requests to this one; default any. */
  readonly endpoint?: Endpoint;
};

export type Endpoint = 'track' | 'import' | 'engage' | 'groups';
export const ENDPOINTS: readonly Endpoint[] = ['track', 'import', 'engage', 'groups'];

export type Order =
  | Fault
  | { readonly rateLimit: RateLimitOrder | null }
  | { readonly scenario: ScenarioName; readonly times?: number; readonly index?: number; readonly insertId?: string };

export const scenarios = {
  /** Stored, but the answer is lost. */
  ambiguousAfterIngest: { closeAfterIngest: true },
  flap429: { status: 429, headers: { 'content-type': 'application/json' }, body: RATE_LIMITED, times: 3 },
  html503: {
    status: 503,
    headers: { 'content-type': 'text/html' },
    body: '<html><head><title>503</title></head><body><h1>Service Temporarily Unavailable</h1></body></html>',
  },
  nullBody: { status: 200, headers: { 'content-type': 'application/json' }, body: 'null' },
  /** Longer than any patience: 31 s, then the right answer. */
  slow: { delayMs: 31_000 },
  partialIngestThen500: {
    status: 500,
    body: 'upstream connect error or disconnect/reset before headers',
    ingest: 'half',
  },
  /**
   * A record that is always refused: known by its $insert_id, or the one at `index` next time. `/track` refuses the whole request
   * for it, `/import` the record.
   */
  poisonRecord: {},
  /** Nobody knows the token any more: 401 on `/import`, while `/track` says yes and keeps nothing. A wrong region looks the same. */
  tokenRevoked: {},
} as const satisfies Record<string, Fault>;

export type ScenarioName = keyof typeof scenarios;

const QUEUE_MAX = 1000;
const TIMES_MAX = 1_000_000;
const POISON_MAX = 1000;
const DELAY_MAX_MS = 600_000;

export class Faults {
  readonly rateLimit = new RateLimit();
  #queue: { fault: Fault; left: number }[] = [];
  readonly #poisonIds = new Set<string>();
  readonly #poisonKeys = new Set<string>();
  #poisonIndex: number | null = null;
  #tokenRevoked = false;

  get waiting(): number {
    return this.#queue.reduce((sum, entry) => sum + entry.left, 0);
  }

  /** Null when it was taken, else what is wrong with it. */
  order(order: unknown): string | null {
    if (typeof order !== 'object' || order === null || Array.isArray(order)) return 'a fault is an object';
    if ('rateLimit' in order) return this.rateLimit.order(order.rateLimit);
    if ('scenario' in order) return this.#play(order as Extract<Order, { scenario: unknown }>);
    const problem = faultProblem(order as Record<string, unknown>);
    return problem ?? this.#add(order as Fault);
  }

  /** Without an endpoint only faults that name none. */
  next(endpoint?: Endpoint): Fault | null {
    const at = this.#queue.findIndex(({ fault }) => (fault.endpoint ?? endpoint) === endpoint);
    const first = this.#queue[at];
    if (!first) return null;
    first.left--;
    if (first.left <= 0) this.#queue.splice(at, 1);
    return first.fault;
  }

  /** As if no project had any token. */
  get tokenRevoked(): boolean {
    return this.#tokenRevoked;
  }

  /** Places of the records that are poison. */
  poisonedAmong(records: readonly SandboxRecord[]): readonly number[] {
    if (this.#poisonIndex !== null) {
      const chosen = records[this.#poisonIndex];
      if (chosen) {
        this.#poisonKeys.add(keyOf(chosen));
        this.#poisonIndex = null;
      }
    }
    if (this.#poisonIds.size + this.#poisonKeys.size === 0) return [];
    const poison = (record: SandboxRecord) =>
      this.#poisonIds.has(String(record.properties.$insert_id)) || this.#poisonKeys.has(keyOf(record));
    return records.flatMap((record, place) => (poison(record) ? [place] : []));
  }

  clear(): void {
    this.#queue = [];
    this.#poisonIds.clear();
    this.#poisonKeys.clear();
    this.#poisonIndex = null;
    this.#tokenRevoked = false;
    this.rateLimit.clear();
  }

  #play({ scenario, times, index, insertId }: Extract<Order, { scenario: unknown }>): string | null {
    if (!Object.hasOwn(scenarios, scenario))
      return `no scenario of that name; there are ${Object.keys(scenarios).join(', ')}`;
    if (scenario === 'tokenRevoked') {
      this.#tokenRevoked = true;
      return null;
    }
    if (scenario !== 'poisonRecord')
      return this.order({ ...scenarios[scenario], ...(times === undefined ? null : { times }) });
    if (this.#poisonIds.size + this.#poisonKeys.size >= POISON_MAX) return 'too many poisoned records';
    if (typeof insertId === 'string') this.#poisonIds.add(insertId);
    else this.#poisonIndex = typeof index === 'number' ? index : 0;
    return null;
  }

  #add(fault: Fault): string | null {
    if (this.#queue.length >= QUEUE_MAX) return `more than ${QUEUE_MAX} faults are waiting`;
    this.#queue.push({ fault, left: fault.times ?? 1 });
    return null;
  }
}

function faultProblem(fault: Record<string, unknown>): string | null {
  const { status, headers, body, delayMs, closeBefore, closeAfterIngest, ingest, times, endpoint, ...unknown } = fault;
  const strange = Object.keys(unknown)[0];
  if (strange !== undefined) return `unknown field "${strange}"`;
  if (!isWhole(status, 200, 599)) return 'status must be 200 to 599';
  if (!isWhole(times, 1, TIMES_MAX)) return `times must be 1 to ${TIMES_MAX}`;
  if (!isWhole(delayMs, 0, DELAY_MAX_MS)) return `delayMs must be 0 to ${DELAY_MAX_MS}`;
  if (body !== undefined && typeof body !== 'string') return 'body must be text';
  if (ingest !== undefined && ingest !== 'none' && ingest !== 'half' && ingest !== 'all')
    return 'ingest: none, half or all';
  if (endpoint !== undefined && !ENDPOINTS.includes(endpoint as Endpoint))
    return `endpoint: one of ${ENDPOINTS.join(', ')}`;
  if (![closeBefore, closeAfterIngest].every((flag) => flag === undefined || typeof flag === 'boolean')) {
    return 'closeBefore and closeAfterIngest are true or false';
  }
  return headersProblem(headers);
}

function headersProblem(headers: unknown): string | null {
  if (headers === undefined) return null;
  if (typeof headers !== 'object' || headers === null) return 'headers must be an object';
  const sound = Object.entries(headers).every(
    // What node:http would throw at.
    ([name, value]) => /^[\w-]+$/.test(name) && typeof value === 'string' && /^[\x20-\x7e\t]*$/.test(value),
  );
  return sound ? null : 'headers must be names and texts';
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return value === undefined || (Number.isInteger(value) && (value as number) >= least && (value as number) <= most);
}
