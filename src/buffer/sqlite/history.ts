/**
 * What is kept beyond need, and how it goes: past its retention, or earlier when room is needed. Oldest first, a
 * bounded piece at a time, in this order:
 *
 *   1. settled deliveries (mapped, and none of their events waits) with their bodies and events
 *   2. the bodies of deliveries that were mapped and whose events still wait: only a replay would want them
 *   3. dead letters; they carry their event themselves and are not bound to the retention
 *   4. what keys were seen, of deliveries that are gone
 */
import type { Counts } from './counts.ts';
import type { Statement } from './database.ts';
import type { Store } from './store.ts';
import { pageBytes } from './store-file.ts';

/** A piece: about 3 ms. A body is freed page by page, so bytes count as well as rows. */
const rowsPerPiece = 100;
const eventsPerPiece = 500;
const bytesPerPiece = 1024 * 1024;
const keysPerPiece = 300;
/** Keys looked at for one piece; those whose delivery is still there are passed over. */
const keysLookedAt = 5_000;

/** Below the first of them: keys that were carried here from elsewhere have places below 0 (carrying-in.ts). */
const keysStart = Number.MIN_SAFE_INTEGER;

/** 8 MiB: moving so many pages takes about 20 ms. */
const diskPagesAtOnce = 2048;
/** About 25 ms, once a second while the disk is full. */
const diskPiecesAtOnce = 8;

export class History {
  readonly #store: Store;
  readonly #settled: Statement;
  readonly #dropBody: Statement;
  readonly #dropEvents: Statement;
  readonly #dropDelivery: Statement;
  readonly #mappedBodies: Statement;
  readonly #oldLetters: Statement;
  readonly #dropLetter: Statement;
  readonly #dropFacts: Statement;
  readonly #oldKeys: Statement;
  readonly #freeKeys: Statement;
  #keysFrom = keysStart;

  constructor(store: Store) {
    const { database } = store;
    this.#store = store;
    this.#settled = database.prepare(
      `SELECT position, kind, received_at, bytes, created FROM deliveries INDEXED BY deliveries_settled
       WHERE state <> 0 AND waiting = 0 ORDER BY position LIMIT ${rowsPerPiece}`,
    );
    this.#dropBody = database.prepare('DELETE FROM bodies WHERE position = ?');
    this.#dropEvents = database.prepare('DELETE FROM events WHERE delivery = ?');
    this.#dropDelivery = database.prepare('DELETE FROM deliveries WHERE position = ?');
    // Everything before the oldest unmapped delivery was mapped.
    this.#mappedBodies = database.prepare(
      `SELECT position, octet_length(body) FROM bodies WHERE position < coalesce(
         (SELECT position FROM deliveries INDEXED BY deliveries_unmapped WHERE state = 0 ORDER BY position LIMIT 1),
         9007199254740991) ORDER BY position LIMIT ${rowsPerPiece}`,
    );
    this.#oldLetters = database.prepare(
      `SELECT position, letter_kind FROM letters ORDER BY position LIMIT ${rowsPerPiece}`,
    );
    this.#dropLetter = database.prepare('DELETE FROM letters WHERE position = ?');
    this.#dropFacts = database.prepare('DELETE FROM letter_facts WHERE position = ?');
    this.#oldKeys = database.prepare(
      `SELECT position, received_at FROM dedupe ORDER BY position LIMIT ${keysPerPiece}`,
    );
    this.#freeKeys = database.prepare(
      `SELECT position, EXISTS (SELECT 1 FROM deliveries d WHERE d.position = dedupe.position)
       FROM dedupe WHERE position > ? ORDER BY position LIMIT ${keysLookedAt}`,
    );
  }

  /** One piece of what is past its retention; true when there may be more. */
  sweep(now: number): boolean {
    const before = now - this.#store.keepDeliveriesMs;
    if (!this.#anyBefore(before)) return false;
    return this.#store.change((counts) => {
      const deliveries = this.#dropSettled(counts, (receivedAt) => receivedAt <= before);
      let keys = 0;
      for (const [position, receivedAt] of this.#oldKeys.all<[number, number]>()) {
        if (receivedAt > before) break;
        keys += this.#store.keys.drop(position);
      }
      return deliveries > 0 || keys === keysPerPiece;
    });
  }

  /** One piece for `pages` that are needed; false when there is nothing left that may go. */
  giveWay(pages: number): boolean {
    return this.#store.change((counts) => {
      let left = pages * pageBytes;
      const enough = (_receivedAt: number, bytes: number) => {
        const more = left > 0;
        left -= bytes;
        return more;
      };
      return (
        this.#dropSettled(counts, enough) > 0 ||
        this.#dropBodies() > 0 ||
        this.#dropLetters(counts) > 0 ||
        this.#dropKeys()
      );
    });
  }

  /** A bounded piece of history gives way to a full disk, and what it leaves goes back to the file system. */
  giveDiskBack(): void {
    const { room } = this.#store;
    for (let piece = 0; piece < diskPiecesAtOnce && room.pagesFree < diskPagesAtOnce; piece++)
      if (!this.giveWay(diskPagesAtOnce)) break;
    this.#store.shrink(diskPagesAtOnce);
    room.forgetDisk();
  }

  /** Most sweeps find nothing: they must not cost a transaction and its fsync. */
  #anyBefore(before: number): boolean {
    const settled = this.#settled.get<[number, number, number, number, number]>();
    if (settled && settled[2] <= before) return true;
    const key = this.#oldKeys.get<[number, number]>();
    return key !== undefined && key[1] <= before;
  }

  #dropSettled(counts: Counts, goes: (receivedAt: number, bytes: number) => boolean): number {
    const { names } = this.#store;
    let rows = 0;
    let events = 0;
    let bytes = 0;
    type Row = [number, number, number, number, number];
    for (const [position, kind, receivedAt, size, created] of this.#settled.all<Row>()) {
      if (!goes(receivedAt, size) || events > eventsPerPiece || bytes > bytesPerPiece) break;
      this.#dropBody.run(position);
      if (created > 0) this.#dropEvents.run(position);
      this.#dropDelivery.run(position);
      counts.kind(names.kind(kind).n, -1);
      rows += 1;
      events += created;
      bytes += size;
    }
    return rows;
  }

  #dropBodies(): number {
    let rows = 0;
    let bytes = 0;
    for (const [position, size] of this.#mappedBodies.all<[number, number]>()) {
      if (bytes > bytesPerPiece) break;
      bytes += size;
      rows += this.#dropBody.run(position).changes;
    }
    return rows;
  }

  #dropLetters(counts: Counts): number {
    const letters = this.#oldLetters.all<[number, number]>();
    for (const [position, kind] of letters) {
      this.#dropLetter.run(position);
      this.#dropFacts.run(position);
      counts.letterKind(kind, -1);
    }
    return letters.length;
  }

  /** Looks on from where the last piece ended; at the end it starts anew with the next piece. */
  #dropKeys(): boolean {
    let dropped = 0;
    const keys = this.#freeKeys.all<[number, number]>(this.#keysFrom);
    for (const [position, kept] of keys) {
      this.#keysFrom = position;
      if (kept === 0) dropped += this.#store.keys.drop(position);
      if (dropped === keysPerPiece) return true;
    }
    const ended = keys.length < keysLookedAt;
    if (ended) this.#keysFrom = keysStart;
    return dropped > 0 || !ended;
  }
}
