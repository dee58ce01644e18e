/** The sandbox's Bloomreach on a port of its own, and a destination that sends there; closed by `closeAll`. */
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type BloomreachOptions, createBloomreach } from '../../../src/destinations/bloomreach/destination.ts';
import { createPacer } from '../../../src/destinations/bloomreach/pacer.ts';
import { shapeCommand } from '../../../src/destinations/bloomreach/shape.ts';
import {
  type BloomreachSandboxOptions,
  createBloomreachSandbox,
} from '../../../src/destinations/sandbox/bloomreach.ts';
import type { LeasedEvent } from '../../../src/model.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

export const clock = createFakeClock();
export const never = new AbortController().signal;
export const projects = { tok: { keys: { 'key-1': 'a-long-secret' }, publicTokens: ['public-token'] } };

const open: (() => Promise<unknown>)[] = [];

export async function closeAll(): Promise<void> {
  for (const close of open.splice(0).reverse()) await close();
}

export async function serve(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

export type Seen = { readonly url: string; readonly headers: IncomingHttpHeaders };

export async function openDouble(options: Partial<BloomreachSandboxOptions> = {}) {
  const double = createBloomreachSandbox({ clock, projects, ...options });
  const seen: Seen[] = [];
  const { url } = await serve((request, response) => {
    seen.push({ url: request.url ?? '', headers: { ...request.headers } });
    double.handler(request, response);
  });
  return { double, url, seen };
}

export function bloomreach(baseUrl: string, options: Partial<BloomreachOptions> = {}) {
  const destination = createBloomreach({
    ...{ name: 'crm', baseUrl, projectToken: 'tok', key: { id: 'key-1', secret: 'a-long-secret' } },
    ...{ endUserAddress: false, timeoutMs: 30_000, concurrency: 4, clock, pacer: createPacer(clock), version: '9' },
    ...options,
  });
  open.push(async () => await destination[Symbol.asyncDispose]());
  return destination;
}

let events = 0;

/** A mapping's output as it lies in the buffer. */
export function leased(output: unknown, shape: { readonly endUserAddress?: boolean } = {}): LeasedEvent {
  const index = events++;
  const context = { source: 's', identity: 'k', receivedAt: clock.now(), index, now: clock.now() };
  const shaped = shapeCommand(output, context, { customerIdType: 'registered', endUserAddress: false, ...shape });
  const record = shaped.ok ? shaped.records[0] : undefined;
  if (record === undefined) throw new Error(JSON.stringify(shaped));
  const place = { position: index, source: 's', delivery: 'dlv_1', receivedAt: clock.now(), attempts: 0 };
  return { id: `evt_1-${index}`, destination: 'crm', ...record, ...place };
}

export const paid = (properties: object = {}, event = 'Paid') =>
  leased({ event, properties: { distinct_id: 'u1', ...properties } });
export const profile = ($set: object, $time = clock.now()) => leased({ $distinct_id: 'u1', $set, $time });
