/** Deliveries on their way to the store: all that came while the last commit ran is the next one. */
import { setImmediate as turnOver } from 'node:timers/promises';
import { newId } from '../clock.ts';
import type { RawDelivery } from '../model.ts';
import type { Accepted } from './contract.ts';

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

/** A delivery with its id; `head`: JSON of what came with its body. */
export type Incoming = { readonly id: string; readonly delivery: RawDelivery; readonly head: string };
type Waiting = Incoming & {
  readonly resolve: (accepted: Accepted) => void;
  readonly reject: (error: Error) => void;
};

export class AcceptLane {
  readonly #send: (batch: readonly Incoming[]) => Promise<readonly Accepted[]>;
  readonly #onAccepted: () => void;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** Batches that the store has and has not answered. */
  readonly #onTheWay = new Set<Promise<void>>();
  #turnEnds: Promise<void> | null = null;

  /** `send` answers of each, in order. When it rejects, those that wait behind are rejected too: they have waited as long. */
  constructor(send: (batch: readonly Incoming[]) => Promise<readonly Accepted[]>, onAccepted: () => void) {
    this.#send = send;
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
        for (const { reject } of [...batch, ...this.#waiting]) reject(error);
        this.#waiting = [];
        this.#waitingBytes = 0;
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

  #answer(batch: readonly Waiting[], answers: readonly Accepted[]): void {
    let fresh = false;
    for (const [index, { resolve, reject }] of batch.entries()) {
      const answer = answers[index];
      if (answer?.status === 'accepted') fresh = true;
      if (answer) resolve(answer);
      else reject(new Error('the store answered less than it was asked'));
    }
    if (fresh) this.#onAccepted();
  }
}
