/**
 * The buffer on disk: keeps the promises of `../contract.ts` with SQLite in a thread of its own.
 *
 * Deliveries, writes and reads have a lane each. Dead letters, and what keys were seen, outlive their deliveries;
 * `history.ts` says what goes when, `lanes.ts` how leases work.
 */
import type { Clock } from '../../clock.ts';
import type { Delivery, LeasedEvent, RawDelivery, Route, UpdateRoute, Verified } from '../../model.ts';
import { AcceptLane } from '../accept-lane.ts';
import {
  type Accepted,
  BufferFullError,
  type BufferKeeper,
  type LearnedSecret,
  type LeaseRequest,
  learnedSecretLengthMax,
  type MappedDelivery,
  type Settlement,
} from '../contract.ts';
import { cutIntoPieces } from '../pieces.ts';
import type { AttemptNote, DeadLetterFilter, DeliveryFilter, PageRequest } from '../reading.ts';
import { placeName, ReadyEvents } from '../ready-events.ts';
import type { NewReplay, ReplayStep, SelectRequest } from '../replaying.ts';
import { sendDeliveries } from './accepting-messages.ts';
import { Link } from './link.ts';
import { type DeadSettlement, type DiskSpace, deliveryStride, leasedStride, leasedUpdateStride } from './messages.ts';
import { ReadLane, WriteLane, writeRowsMax } from './request-lanes.ts';

export type SqliteBufferOptions = {
  readonly folder: string;
  readonly clock: Clock;
  /** RELAY_BUFFER_MAX_BYTES */
  readonly bytesMax: number;
  /** RELAY_KEEP_DELIVERIES */
  readonly keepDeliveriesMs: number;
  /** How full the disk is, when a test says so; otherwise the disk is asked. */
  readonly diskSpace?: () => DiskSpace;
};

/** Rows of one page; more is nobody's reading. */
const pageMax = 1_000;
/** Pieces of one sweep: called once a second, it keeps up with several thousand deliveries a second. */
const sweepPiecesMax = 100;

/** Throws a UsageError (exit code 1) when the folder is another relay's or its file cannot be read. */
export async function openSqliteBuffer(options: SqliteBufferOptions): Promise<SqliteBuffer> {
  const { folder, bytesMax, keepDeliveriesMs, clock } = options;
  const ready = new ReadyEvents();
  const opening = { folder, bytesMax, keepDeliveriesMs, now: clock.now() };
  const link = await Link.open(opening, clock, (changes) => ready.apply(changes), options.diskSpace);
  return new SqliteBuffer(link, ready);
}

export class SqliteBuffer implements BufferKeeper {
  readonly failed: Promise<Error>;
  readonly #link: Link;
  readonly #ready: ReadyEvents;
  readonly #accepts: AcceptLane;
  readonly #writes: WriteLane;
  readonly #reads: ReadLane;
  #closing: Promise<void> | null = null;

  constructor(link: Link, ready: ReadyEvents) {
    this.#link = link;
    this.#ready = ready;
    this.failed = link.failed;
    this.#accepts = new AcceptLane(
      (batch) => sendDeliveries(link, batch),
      () => ready.tell(),
    );
    this.#writes = new WriteLane(link);
    this.#reads = new ReadLane(link);
  }

  accept(delivery: Verified<RawDelivery>): Promise<Accepted> {
    return this.#refusal() ?? this.#accepts.accept(delivery);
  }

  async nextDeliveries(request: { after: number; limit: number; bytesMax: number }): Promise<readonly Delivery[]> {
    const { rows, bodies } = await this.#read('next', request);
    const deliveries: Delivery[] = [];
    let bodyAt = 0;
    for (let at = 0; at < rows.length; at += deliveryStride) {
      const [position, id, source, provider, type, key, receivedAt, head, length] = rows.slice(
        at,
        at + deliveryStride,
      ) as [number, string, string, string, string | null, string | null, number, string, number];
      const body = new Uint8Array(bodies, bodyAt, length);
      bodyAt += length;
      const { method, headers, query } = JSON.parse(head) as Pick<RawDelivery, 'method' | 'headers' | 'query'>;
      const identity = key ?? id;
      deliveries.push({
        id,
        position,
        identity,
        source,
        provider,
        key,
        type,
        receivedAt,
        method,
        headers,
        query,
        body,
      });
    }
    return deliveries;
  }

  /** Each delivery in one transaction with its events; a large batch in several, so that accepting goes on between them. */
  async commitMapped(batch: readonly MappedDelivery[]): Promise<void> {
    // A kilobyte weighs as a row: a transaction is bounded in bytes too, for the disk has to hold it twice.
    const weight = ({ events, dead, maskedBody }: MappedDelivery) => {
      const bytes = Math.floor((maskedBody?.length ?? 0) / 1024);
      return events.reduce((sum, { json }) => sum + 1 + Math.floor(json.length / 1024), 1 + dead.length + bytes);
    };
    const pieces = cutIntoPieces(batch, writeRowsMax, weight);
    await this.#writeAll(pieces.map(({ items, rows }) => ({ request: { kind: 'mapped', batch: items }, rows })));
  }

  ready(destination: string, route: Route = 'event'): ReadonlyMap<string, number> {
    return this.#ready.at(placeName(destination, route));
  }

  async lease(request: LeaseRequest): Promise<readonly LeasedEvent[]> {
    const rows = await this.#read('lease', request);
    const { destination, route = 'event' } = request;
    const events: LeasedEvent[] = [];
    const stride = route === 'event' ? leasedStride : leasedUpdateStride;
    for (let at = 0; at < rows.length; at += stride)
      events.push({
        position: rows[at] as number,
        id: rows[at + 1] as string,
        source: rows[at + 2] as string,
        delivery: rows[at + 3] as string,
        time: rows[at + 4] as number,
        receivedAt: rows[at + 5] as number,
        attempts: rows[at + 6] as number,
        json: rows[at + 7] as string,
        destination,
        ...(route === 'event' ? null : updateOf(route, rows[at + 8] as string, rows[at + 9] === 1)),
      });
    return events;
  }

  async extend(positions: readonly number[], leaseMs: number): Promise<void> {
    if (positions.length > 0) await this.#read('extend', { positions, leaseMs });
  }

  async settle(settlements: readonly Settlement[]): Promise<void> {
    const pieces = cutIntoPieces(settlements, writeRowsMax, () => 1);
    await this.#writeAll(
      pieces.map(({ items, rows }) => {
        const delivered: number[] = [];
        const dead: DeadSettlement[] = [];
        for (const settlement of items)
          if (settlement.state === 'delivered') delivered.push(settlement.position);
          else dead.push({ position: settlement.position, letter: settlement.letter });
        return { request: { kind: 'settle', delivered, dead }, rows };
      }),
    );
  }

  async begin(positions: readonly number[]): Promise<void> {
    const pieces = cutIntoPieces(positions, writeRowsMax, () => 1);
    await this.#writeAll(pieces.map(({ items, rows }) => ({ request: { kind: 'begin', positions: items }, rows })));
  }

  async release(positions: readonly number[], attempted: boolean): Promise<void> {
    const pieces = cutIntoPieces(positions, writeRowsMax, () => 1);
    await this.#writeAll(
      pieces.map(({ items, rows }) => ({ request: { kind: 'release', positions: items, attempted }, rows })),
    );
  }

  async arm(source: string, until: number): Promise<'armed' | 'has_secret'> {
    return fitted(await this.#read('arm', { source, until: Math.trunc(until) }));
  }

  async learnSecret(source: string, secret: string, now: number): Promise<'learned' | 'not_armed' | 'has_secret'> {
    if (secret === '' || secret.length > learnedSecretLengthMax)
      throw new RangeError(`a learned secret has 1 to ${learnedSecretLengthMax} characters`);
    return fitted(await this.#read('learn', { source, secret, now: Math.trunc(now) }));
  }

  async learnedSecrets(): Promise<ReadonlyMap<string, LearnedSecret>> {
    const learned = new Map<string, LearnedSecret>();
    for (const [source, secret, learnedAt] of await this.#read('secrets', {}))
      if (secret !== null) learned.set(source, { secret, learnedAt });
    return learned;
  }

  async armed(now: number): Promise<ReadonlyMap<string, number>> {
    const armed = new Map<string, number>();
    for (const [source, secret, until] of await this.#read('secrets', {}))
      if (secret === null && now < until) armed.set(source, until);
    return armed;
  }

  async forgetSecret(source: string): Promise<boolean> {
    return fitted(await this.#read('forget', { source }));
  }

  tally() {
    return this.#read('tally', {});
  }

  unmappedTypes(perSourceMax: number) {
    return this.#read('unmappedTypes', { perSourceMax });
  }

  deliveries(filter: DeliveryFilter, page: PageRequest) {
    return this.#read('deliveries', { filter, page: bounded(page) });
  }

  deadLetters(filter: DeadLetterFilter, page: PageRequest) {
    return this.#read('deadLetters', { filter, page: bounded(page) });
  }

  delivery(id: string) {
    return this.#read('delivery', { id });
  }

  deadLetter(id: string) {
    return this.#read('deadLetter', { id });
  }

  async noteAttempt(note: AttemptNote): Promise<void> {
    await this.#read('note', note);
  }

  countSelected(request: Omit<SelectRequest, 'limit' | 'bytesMax'>) {
    return this.#read('countSelected', request);
  }

  selectItems(request: SelectRequest) {
    return this.#read('selectItems', request);
  }

  async addReplay(replay: NewReplay) {
    return fitted(await this.#read('addReplay', replay));
  }

  async replayStep(step: ReplayStep) {
    return fitted(await this.#read('replayStep', step));
  }

  async cancelReplay(id: string) {
    return fitted(await this.#read('cancelReplay', { id }));
  }

  replay(id: string) {
    return this.#read('replay', { id });
  }

  replays(page: PageRequest) {
    return this.#read('replays', bounded(page));
  }

  unfinishedReplays() {
    return this.#read('unfinishedReplays', {});
  }

  async sweep(): Promise<void> {
    for (let piece = 0; piece < sweepPiecesMax; piece++) if (!(await this.#read('sweep', {}))) return;
  }

  onWork(listener: () => void): () => void {
    return this.#ready.listen(listener);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** As a crash would end it, for tests: nothing in flight is finished or answered. */
  async crash(): Promise<void> {
    this.#closing ??= this.#link.kill();
    await this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#accepts.drained(), this.#writes.drained(), this.#reads.drained()]);
    await this.#link.close();
  }

  async #writeAll(pieces: readonly { request: Parameters<WriteLane['write']>[0]; rows: number }[]): Promise<void> {
    const refusal = this.#refusal();
    if (refusal) return refusal;
    await Promise.all(pieces.map(({ request, rows }) => this.#writes.write(request, rows)));
  }

  #read: ReadLane['read'] = (kind, ask) => this.#refusal() ?? this.#reads.read(kind, ask);

  #refusal(): Promise<never> | null {
    const reason = this.#closing ? new Error('the buffer is closed') : this.#link.failure;
    return reason && Promise.reject(reason);
  }
}

function fitted<T>(answer: T | 'full'): T {
  if (answer === 'full') throw new BufferFullError('the disk has no room even for this');
  return answer;
}

function updateOf(route: UpdateRoute, key: string, begun: boolean): Pick<LeasedEvent, 'update' | 'begun'> {
  return { update: { route, key }, ...(begun ? { begun } : null) };
}

function bounded(page: PageRequest): PageRequest {
  return { ...page, limit: Math.min(pageMax, Math.max(1, Math.trunc(page.limit) || 1)) };
}
