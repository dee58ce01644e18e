/** The routes of the sandbox's Bloomreach that the vendor does not have: look at what arrived, order faults. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isRecord } from '../mixpanel/rules.ts';
import { readBody } from './body.ts';
import type { Faults } from './faults.ts';

export type BloomreachControlled = {
  readonly faults: Faults;
  deny(denied: { readonly events?: readonly string[]; readonly properties?: readonly string[] }): void;
  state(): unknown;
  copies(): readonly unknown[];
  deduped(): readonly unknown[];
  customers(): readonly unknown[];
  clear(): void;
};

const ORDER_BYTES_MAX = 1_048_576;
const ITEMS_DEFAULT = 1000;

type Reply = { readonly status: number; readonly body: unknown };

export async function controlBloomreach(
  request: IncomingMessage,
  response: ServerResponse,
  pathname: string,
  query: URLSearchParams,
  double: BloomreachControlled,
): Promise<void> {
  const { status, body } = await answerTo(request, pathname, query, double);
  if (body === null) response.writeHead(status).end();
  else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function answerTo(
  request: IncomingMessage,
  pathname: string,
  query: URLSearchParams,
  double: BloomreachControlled,
): Promise<Reply> {
  const route = `${request.method} ${pathname}`;
  if (route === 'POST /__bloomreach/control') return await order(request, double);
  request.resume();
  switch (route) {
    case 'GET /__bloomreach':
      return { status: 200, body: double.state() };
    case 'GET /__bloomreach/events':
      return { status: 200, body: last(query, query.get('raw') === '1' ? double.copies() : double.deduped()) };
    case 'GET /__bloomreach/customers':
      return { status: 200, body: last(query, double.customers()) };
    case 'DELETE /__bloomreach/events':
      double.clear();
      return { status: 204, body: null };
    case 'DELETE /__bloomreach/control':
      double.faults.clear();
      double.deny({});
      return { status: 204, body: null };
    default:
      return { status: 404, body: { error: `no route ${route}` } };
  }
}

async function order(request: IncomingMessage, double: BloomreachControlled): Promise<Reply> {
  const read = await readBody(request, ORDER_BYTES_MAX);
  const given = read.kind === 'bytes' ? parse(read.bytes.toString('utf8')) : undefined;
  if (given === undefined) return { status: 400, body: { error: 'the body must be JSON' } };
  for (const one of Array.isArray(given) ? given : [given]) {
    const problem = isRecord(one) && 'deny' in one ? deny(one.deny, double) : double.faults.order(one);
    if (problem !== null) return { status: 400, body: { error: problem } };
  }
  return { status: 200, body: { waiting: double.faults.waiting } };
}

/** Null when it was taken, else what is wrong with it. */
function deny(given: unknown, double: BloomreachControlled): string | null {
  const { events = [], properties = [] } = isRecord(given) ? given : { events: null };
  if (!isNames(events) || !isNames(properties)) return 'deny: {"events": […], "properties": […]}, lists of names';
  double.deny({ events, properties });
  return null;
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}

function last(query: URLSearchParams, all: readonly unknown[]) {
  const limit = Number(query.get('limit') ?? ITEMS_DEFAULT);
  return { items: Number.isInteger(limit) && limit > 0 ? all.slice(-limit) : all, total: all.length };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
