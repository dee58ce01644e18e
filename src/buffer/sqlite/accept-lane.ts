/**
 * Deliveries on their way to the store: all that came while the last commit ran is the next one. The main thread's
 * share is a copy of the body and some strings; objects are not cloned one by one.
 */
import { setImmediate as turnOver } from 'node:timers/promises';
import { newId } from '../../clock.ts';
import type { RawDelivery } from '../../model.ts';
import type { Accepted } from '../contract.ts';
import type { Link } from './link.ts';
import { type AcceptAnswer, acceptedStride } from './messages.ts';

/** One transaction: some ms of work, so that nothing else waits long behind it. */
const batchMax = 256;
const batchBytesMax = 4 * 1024 * 1024;
/** So many are sent without waiting for the end of the turn. */
const earlyAt = 32;
/** Batches that the store may have at once: one at work, some that it need not wait for. */
const onTheWayMax = 4;
/** What waits in memory when the disk is slow; above it deliveries are shed. */
const waitingMax = 20_000;
const waitingBytesMax = 32 * 1024 * 1024;

type Waiting = {
  readonly id: string;
  readonly delivery: RawDelivery;
  readonly head: string;
  readonly resolve: (accepted: Accepted) => void;
  readonly reject: (error: Error) => void;
};

export class AcceptLane {
  readonly #link: Link;
  readonly #onAccepted: () => void;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** Batches that the store has and has not answered. */
  readonly #onTheWay = new Set<Promise<void>>();
  #turnEnds: Promise<void> | null = null;

  constructor(link: Link, onAccepted: () => void) {
    this.#link = link;
    this.#onAccepted = onAccepted;
  }

  accept(delivery: RawDelivery): Promise<Accepted> {
    if (this.#waiting.length >= waitingMax || this.#waitingBytes + delivery.body.byteLength > waitingBytesMax)
      return Promise.resolve({ status: 'full', retryAfterSeconds: 1 });
    return new Promise((resolve, reject) => {
      const { method, headers, query } = delivery;
      const head = JSON.stringify({ method, headers, query });
      this.#waiting.push({ id: newId('dlv', delivery.receivedAt), delivery, head, resolve, reject });
      this.#waitingBytes += delivery.body.byteLength;
      // A turn of the event loop may read hundreds of requests: the store begins with the first while the rest is read.
      if (this.#waiting.length >= earlyAt && this.#onTheWay.size < onTheWayMax) this.#dispatch();
      // The others of one turn go together, for a message costs more than a row.
      else this.#turnEnds ??= turnOver().then(() => this.#turnEnded());
    });
  }

  /** Resolves when nothing is on its way any more. */
  async drained(): Promise<void> {
    while (this.#turnEnds || this.#onTheWay.size > 0) await Promise.all([this.#turnEnds, ...this.#onTheWay]);
  }

  #turnEnded(): void {
    this.#turnEnds = null;
    if (this.#waiting.length > 0 && this.#onTheWay.size === 0) this.#dispatch();
  }

  #dispatch(): void {
    const batch = this.#take();
    const sent = this.#send(batch).then(
      (answer) => this.#answer(batch, answer),
      (error: Error) => {
        for (const { reject } of batch) reject(error);
      },
    );
    const onTheWay = sent.then(() => {
      this.#onTheWay.delete(onTheWay);
      if (this.#waiting.length > 0 && this.#onTheWay.size === 0) this.#dispatch();
    });
    this.#onTheWay.add(onTheWay);
  }

  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { delivery } of this.#waiting) {
      if (count === batchMax || (count > 0 && bytes + delivery.body.byteLength > batchBytesMax)) break;
      bytes += delivery.body.byteLength;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  #send(batch: readonly Waiting[]): Promise<AcceptAnswer> {
    const rows = new Array<string | number | null>(batch.length * acceptedStride);
    let bytes = 0;
    for (const { delivery } of batch) bytes += delivery.body.byteLength;
    const bodies = new Uint8Array(bytes);
    let at = 0;
    let bodyAt = 0;
    for (const { id, delivery, head } of batch) {
      rows[at++] = id;
      rows[at++] = delivery.source;
      rows[at++] = delivery.provider;
      rows[at++] = delivery.key;
      rows[at++] = delivery.type;
      rows[at++] = delivery.receivedAt;
      rows[at++] = head;
      rows[at++] = delivery.body.byteLength;
      bodies.set(delivery.body, bodyAt);
      bodyAt += delivery.body.byteLength;
    }
    return this.#link.ask('accept', { rows, bodies: bodies.buffer }, [bodies.buffer]);
  }

  #answer(batch: readonly Waiting[], answer: AcceptAnswer): void {
    if ('full' in answer) {
      const full: Accepted = { status: 'full', retryAfterSeconds: answer.retryAfterSeconds };
      for (const { resolve } of batch) resolve(full);
      return;
    }
    let fresh = false;
    batch.forEach(({ id, resolve }, index) => {
      const firstId = answer.firstIds[index] ?? null;
      if (firstId === null) fresh = true;
      resolve(firstId === null ? { status: 'accepted', id } : { status: 'duplicate', id: firstId });
    });
    if (fresh) this.#onAccepted();
  }
}
