/** A public door on a real port, with a keeper in memory that only accepts; for the tests of intake/. */
import { createHmac } from 'node:crypto';
import type { BufferKeeper } from '../../src/buffer/contract.ts';
import { type Clock, newId, systemClock } from '../../src/clock.ts';
import { addressLimiter, sourceLimiter } from '../../src/intake/limits.ts';
import { createPublicApp } from '../../src/intake/public-app.ts';
import type { DoorOptions, DoorSource, Receipt } from '../../src/intake/receive.ts';
import { type Listening, listen } from '../../src/intake/server.ts';
import type { SharedCounting } from '../../src/intake/shared-counting.ts';
import type { RawDelivery, Source } from '../../src/model.ts';
import type { Verifier } from '../../src/verify/contract.ts';
import { createVerifier } from '../../src/verify/verifier.ts';

export const secret = 'whsec_a-secret-nobody-shall-see';

export function source(change: Partial<Source> = {}): Source {
  return {
    name: 'acme',
    provider: 'github',
    secrets: [secret],
    missing: [],
    url: null,
    toleranceMs: null,
    destinations: ['mixpanel'],
    keep: 'full',
    answer: null,
    limits: { accept: { count: 60_000, windowMs: 60_000 }, forward: null },
    fields: {},
    verify: null,
    deliveryId: null,
    ...change,
  };
}

export type Door = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  readonly kept: RawDelivery[];
  readonly receipts: Receipt[];
  readonly listening: Listening;
  /** A further source, with its verifier. */
  readonly enter: (source: Source, verifier: Verifier) => void;
  readonly find: DoorOptions['find'];
};

export type DoorChange = {
  readonly sources?: readonly Source[];
  readonly clock?: Clock;
  readonly accept?: BufferKeeper['accept'];
  readonly refusedPerAddress?: { count: number; windowMs: number };
  readonly trustProxy?: number | readonly string[];
  readonly open?: () => boolean;
  readonly deliveryId?: () => Promise<string | null>;
  readonly bodyBytesMax?: number;
  readonly remote?: DoorOptions['remote'];
  readonly learn?: DoorOptions['learn'];
  readonly refused?: DoorOptions['refused'];
  /** How doors count together. */
  readonly shared?: SharedCounting;
};

/** Keys are remembered, as the buffer's contract has it. */
function keeper(kept: RawDelivery[]): BufferKeeper['accept'] {
  const ids = new Map<string, string>();
  return async (delivery) => {
    const known = delivery.key === null ? undefined : ids.get(`${delivery.source} ${delivery.key}`);
    if (known) return { status: 'duplicate', id: known };
    const id = newId('dlv', 1);
    if (delivery.key !== null) ids.set(`${delivery.source} ${delivery.key}`, id);
    kept.push(delivery);
    return { status: 'accepted', id };
  };
}

export async function openDoor(change: DoorChange = {}): Promise<Door> {
  const { clock = systemClock, shared } = change;
  const kept: RawDelivery[] = [];
  const receipts: Receipt[] = [];
  const doors = new Map<string, DoorSource>();
  const enter = (each: Source, verifier: Verifier) => {
    const limiter = sourceLimiter({ source: each.name, rate: each.limits.accept, clock, shared });
    doors.set(each.name, { source: each, verifier, limiter });
  };
  for (const each of change.sources ?? [source()]) enter(each, createVerifier(each, { publicUrl: null }));
  const find = (name: string) => doors.get(name) ?? null;
  const app = createPublicApp({
    buffer: { accept: change.accept ?? keeper(kept) } as BufferKeeper,
    clock,
    bodyBytesMax: change.bodyBytesMax ?? 1_048_576,
    find,
    addresses: addressLimiter({ rate: change.refusedPerAddress ?? { count: 600, windowMs: 60_000 }, clock, shared }),
    deliveryId: change.deliveryId ?? (async () => null),
    remote: change.remote ?? {
      fetch: async () => 'nothing is fetched here',
      call: async () => 'nothing is called here',
    },
    learn: change.learn ?? (async () => 'nothing is learned here'),
    open: change.open ?? (() => true),
    told: (receipt) => void receipts.push(receipt),
    ...(change.refused && { refused: change.refused }),
    trustProxy: change.trustProxy ?? 0,
    health: async () => ({ status: 200, body: { status: 'pass' } }),
    ready: change.open ?? (() => true),
    warn: (message, error) => {
      throw new Error(message, { cause: error });
    },
  });
  const listening = await listen(app, { host: '127.0.0.1', port: 0 });
  return {
    url: `http://127.0.0.1:${listening.port}`,
    port: listening.port,
    kept,
    receipts,
    listening,
    enter,
    find,
    [Symbol.asyncDispose]: () => listening.close(0),
  };
}

export function signed(body: string | Uint8Array, headers: Record<string, string> = {}): Record<string, string> {
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  return {
    'content-type': 'application/json',
    'x-github-event': 'push',
    'x-hub-signature-256': `sha256=${signature}`,
    ...headers,
  };
}

export type Answered = { readonly status: number; readonly headers: Headers; readonly body: Record<string, unknown> };

export async function post(
  door: Door,
  body: string | Uint8Array,
  headers: Record<string, string> = signed(body),
  path = '/hooks/acme',
): Promise<Answered> {
  const answer = await fetch(door.url + path, { method: 'POST', body: body as string, headers });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === '' ? {} : JSON.parse(text) };
}
