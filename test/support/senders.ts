/**
 * Providers, as the journeys need them: bare sockets kept alive, one request at a time on each, every webhook with an id
 * and a body of its own, signed as GitHub signs. Nothing is decided here: what each request came to is told to the caller.
 */
import { createHmac } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export type Webhook = {
  readonly source: string;
  /** `X-GitHub-Delivery`. */
  readonly id: string;
  readonly body: string;
};

export type Answer = {
  /** Null: the connection broke before the whole answer was there. */
  readonly status: number | null;
  readonly head: string;
  readonly text: string;
  readonly tookMs: number;
};

export type CrowdOptions = {
  readonly port: number;
  readonly connections: number;
  readonly secret: string;
  /** The next webhook to send; null: this connection has nothing to do now. */
  readonly next: () => Webhook | null;
  readonly told: (webhook: Webhook, answer: Answer) => void;
  /** Rest of each connection after an answer; with n connections about n / restMs a millisecond at most. */
  readonly restMs?: number;
};

/** A refused connection is tried again after this, so that a relay that is down is not what the machine is busy with. */
const RECONNECT_MS = 20;

/** One connection: connects, sends, waits for the whole answer, rests, sends again. */
class Caller {
  readonly #options: CrowdOptions;
  #socket: Socket | null = null;
  #webhook: Webhook | null = null;
  #sentAt = 0;
  #seen = '';
  #ended = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: CrowdOptions) {
    this.#options = options;
    this.#dial();
  }

  get busy(): boolean {
    return this.#webhook !== null;
  }

  /** Sends no more; what is under way still gets its answer. */
  end(): void {
    this.#ended = true;
    if (!this.busy) this.cut();
  }

  cut(): void {
    this.#ended = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #dial(): void {
    this.#seen = '';
    const socket = connect({ port: this.#options.port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('connect', () => this.#send());
    socket.on('data', (chunk: string) => this.#read(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#tell({ status: null, head: '', text: '' });
      if (!this.#ended) this.#later(() => this.#dial(), RECONNECT_MS);
    });
  }

  #later(then: () => void, ms: number): void {
    this.#timer = setTimeout(then, ms);
  }

  #send(): void {
    const webhook = this.#ended ? null : this.#options.next();
    if (!webhook) {
      if (this.#ended) this.cut();
      else this.#later(() => this.#send(), 5);
      return;
    }
    this.#webhook = webhook;
    this.#sentAt = performance.now();
    this.#socket?.write(requestText(webhook, this.#options.secret));
  }

  #read(chunk: string): void {
    this.#seen += chunk;
    const end = this.#seen.indexOf('\r\n\r\n');
    if (end === -1) return;
    const head = this.#seen.slice(0, end);
    const text = this.#seen.slice(end + 4);
    if (text.length < Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)) return;
    this.#seen = '';
    this.#tell({ status: Number(head.slice(9, 12)), head, text });
    if (this.#ended) this.cut();
    else this.#later(() => this.#send(), this.#options.restMs ?? 0);
  }

  #tell(answer: Omit<Answer, 'tookMs'>): void {
    const webhook = this.#webhook;
    this.#webhook = null;
    if (webhook) this.#options.told(webhook, { ...answer, tookMs: performance.now() - this.#sentAt });
  }
}

export class Crowd {
  readonly #callers: readonly Caller[];

  constructor(options: CrowdOptions) {
    this.#callers = Array.from({ length: options.connections }, () => new Caller(options));
  }

  /** No new requests; resolves when every request under way was answered or broke (10 s at most, then it is cut). */
  async stop(boundMs = 10_000): Promise<void> {
    for (const caller of this.#callers) caller.end();
    for (const endsAt = performance.now() + boundMs; performance.now() < endsAt; ) {
      if (this.#callers.every((caller) => !caller.busy)) break;
      await new Promise((next) => setTimeout(next, 5));
    }
    for (const caller of this.#callers) caller.cut();
    // A cut request is told on the next turns of the loop.
    await new Promise((next) => setTimeout(next, 5));
  }
}

export function requestText({ source, id, body }: Webhook, secret: string): string {
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  return (
    `POST /hooks/${source} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nx-github-event: numbered\r\n` +
    `x-github-delivery: ${id}\r\nx-hub-signature-256: sha256=${signature}\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

/** One webhook over a connection of its own. */
export async function sendOne(port: number, webhook: Webhook, secret: string): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const waiting = [webhook];
  const next = () => waiting.pop() ?? null;
  const crowd = new Crowd({ port, connections: 1, secret, next, told: (_webhook, answer) => resolve(answer) });
  const answer = await promise;
  await crowd.stop();
  return answer;
}

export function portOf(url: string): number {
  return Number(new URL(url).port);
}

/** The answer of which so much of all took no longer. */
export function percentile(timesMs: readonly number[], share: number): number {
  const sorted = Float64Array.from(timesMs).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
