/**
 * Everything but accepting, one question in flight each for what writes and what reads, so that a delivery waits behind
 * two bounded pieces of work at most. Writes that came while the last one ran are one transaction.
 */
import { BufferFullError } from '../contract.ts';
import type { Link } from './link.ts';
import type { Answer, Ask, Kind, WriteAnswer, WriteRequest } from './messages.ts';

/** Rows of one transaction: about 5 ms, for a delivery may have to wait behind it. */
export const writeRowsMax = 500;
/** Callers that wait; far above what a relay's own stages ask at once. */
const waitingMax = 10_000;

type Waiting = {
  readonly request: WriteRequest;
  readonly rows: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
};

export class WriteLane {
  readonly #link: Link;
  #waiting: Waiting[] = [];
  #inFlight: Promise<void> | null = null;

  constructor(link: Link) {
    this.#link = link;
  }

  write(request: WriteRequest, rows: number): Promise<void> {
    if (this.#waiting.length >= waitingMax)
      return Promise.reject(new BufferFullError('too many writes wait for the store'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, rows, resolve, reject });
      this.#inFlight ??= Promise.resolve().then(() => this.#run());
    });
  }

  async drained(): Promise<void> {
    while (this.#inFlight) await this.#inFlight;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      let rows = 0;
      let count = 0;
      for (const waiting of this.#waiting) {
        if (count > 0 && rows + waiting.rows > writeRowsMax) break;
        rows += waiting.rows;
        count += 1;
      }
      const batch = this.#waiting.splice(0, count);
      try {
        const answers = await this.#link.ask('write', { requests: batch.map(({ request }) => request) });
        for (const [index, waiting] of batch.entries()) finish(waiting, answers[index] ?? null);
      } catch (error) {
        for (const { reject } of batch) reject(error as Error);
      }
    }
    this.#inFlight = null;
  }
}

function finish({ resolve, reject }: Waiting, answer: WriteAnswer): void {
  if (!answer) resolve();
  else reject(answer.problem === 'full' ? new BufferFullError(answer.message) : new Error(answer.message));
}

export class ReadLane {
  readonly #link: Link;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(link: Link) {
    this.#link = link;
  }

  async read<K extends Kind>(kind: K, ask: Ask<K>): Promise<Answer<K>> {
    if (this.#waiting >= waitingMax) throw new Error('too many questions wait for the store');
    this.#waiting += 1;
    const turn = this.#last.then(() => this.#link.ask(kind, ask));
    this.#last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }

  async drained(): Promise<void> {
    while (this.#waiting > 0) await this.#last;
  }
}
