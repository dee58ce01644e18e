/**
 * The load generator of bench, soak and journeys: keep-alive connections on bare sockets, one request at a time on each,
 * because a full HTTP client costs more than the relay it measures. Run as a program it prints its result as JSON:
 *
 *   node test/bench/load.ts '{"port":8080,"path":"/hooks/bench","secret":"…","seconds":3,"connections":64}'
 *
 * Every request is a webhook in GitHub's shape, signed, with its own `X-GitHub-Delivery`.
 */
import { createHmac } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';

export type LoadPlan = {
  readonly port: number;
  readonly host?: string;
  readonly path: string;
  readonly secret: string;
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second over all connections, sent when due whatever the answers do; absent: each connection as fast as answered. */
  readonly rate?: number;
  /** Begins every delivery id, so that runs do not meet. */
  readonly prefix?: string;
  /** JSON text of the body; the same for all. */
  readonly body?: string;
};

export type LoadResult = {
  readonly sent: number;
  readonly ok: number;
  readonly statuses: Record<string, number>;
  readonly broken: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
};

/** About 1 KB, ten fields that the bench's mapping reads and as many that it does not. */
export const benchBody = JSON.stringify({
  action: 'opened',
  number: 4711,
  sender: { id: 583231, login: 'octo-builder', type: 'User' },
  repository: {
    id: 1296269,
    name: 'hello-world',
    full_name: 'octo-org/hello-world',
    private: false,
    language: 'TypeScript',
  },
  pull_request: {
    id: 279147437,
    title: 'Amazing new feature',
    additions: 104,
    deletions: 4,
    changed_files: 5,
    merged: false,
  },
  organization: { id: 6811672, login: 'octo-org' },
  filler: 'x'.repeat(480),
});

type Wire = { readonly head: string; readonly tail: string };

function wire(plan: LoadPlan): Wire {
  const body = plan.body ?? benchBody;
  const signature = createHmac('sha256', plan.secret).update(body).digest('hex');
  return {
    head:
      `POST ${plan.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nx-github-event: pull_request\r\n` +
      `x-hub-signature-256: sha256=${signature}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nx-github-delivery: `,
    tail: `\r\n\r\n${body}`,
  };
}

class Tally {
  ok = 0;
  sent = 0;
  broken = 0;
  readonly statuses: Record<string, number> = {};
  readonly timesMs: number[] = [];
}

/** One connection: writes, waits for the whole answer, calls back. Answers are small and have a Content-Length. */
class Line {
  busy = false;
  readonly #socket: Socket;
  #startedAt = 0;
  #seen = '';
  #onAnswer: (line: Line) => void;
  readonly #tally: Tally;

  constructor(plan: LoadPlan, tally: Tally, onAnswer: (line: Line) => void) {
    this.#tally = tally;
    this.#onAnswer = onAnswer;
    this.#socket = connect({ port: plan.port, host: plan.host ?? '127.0.0.1', noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (chunk: string) => this.#read(chunk));
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      if (this.busy) this.#tally.broken += 1;
      this.busy = true;
    });
  }

  send(text: string, dueAt: number): void {
    this.busy = true;
    this.#startedAt = dueAt;
    this.#tally.sent += 1;
    this.#socket.write(text);
  }

  #read(chunk: string): void {
    this.#seen += chunk;
    const end = this.#seen.indexOf('\r\n\r\n');
    if (end === -1) return;
    const length = /content-length: (\d+)/i.exec(this.#seen);
    if (this.#seen.length < end + 4 + Number(length?.[1] ?? 0)) return;
    const status = this.#seen.slice(9, 12);
    this.#seen = '';
    this.#tally.statuses[status] = (this.#tally.statuses[status] ?? 0) + 1;
    if (status === '200') this.#tally.ok += 1;
    this.#tally.timesMs.push(performance.now() - this.#startedAt);
    this.busy = false;
    this.#onAnswer(this);
  }

  end(): void {
    this.#socket.destroy();
  }
}

export async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const { head, tail } = wire(plan);
  const tally = new Tally();
  const prefix = plan.prefix ?? `${process.pid}-${Math.trunc(performance.timeOrigin)}`;
  let next = 0;
  const endsAt = performance.now() + plan.seconds * 1000;
  const startedAt = performance.now();
  const text = () => `${head}${prefix}-${next++}${tail}`;
  const closedLoop = plan.rate === undefined;
  const lines = Array.from(
    { length: plan.connections },
    () =>
      new Line(plan, tally, (line) => {
        const now = performance.now();
        if (closedLoop && now < endsAt) line.send(text(), now);
      }),
  );
  if (closedLoop) for (const line of lines) line.send(text(), performance.now());
  const rate = plan.rate ?? 0;
  for (let now = performance.now(); now < endsAt; now = performance.now()) {
    if (!closedLoop) {
      // What is due and finds no free connection is sent late and its wait is counted: no coordinated omission.
      for (const line of lines) {
        const dueAt = startedAt + (next * 1000) / rate;
        if (dueAt > now) break;
        if (!line.busy) line.send(text(), dueAt);
      }
    }
    await after(1);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  for (const until = performance.now() + 5_000; performance.now() < until && lines.some((line) => line.busy); )
    await after(5);
  for (const line of lines) line.end();
  const sorted = Float64Array.from(tally.timesMs).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  const { sent, ok, statuses, broken } = tally;
  return {
    sent,
    ok,
    statuses,
    broken,
    seconds,
    perSecond: ok / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
  };
}

if (import.meta.main) {
  const plan = JSON.parse(process.argv[2] ?? '{}') as LoadPlan;
  process.stdout.write(`${JSON.stringify(await runLoad(plan))}\n`);
}
