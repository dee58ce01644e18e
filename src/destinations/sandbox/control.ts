/** The sandbox's own routes: look at what arrived, order faults. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody } from './body.ts';
import type { Faults } from './faults.ts';
import type { RawCopy } from './ledger.ts';
import type { Profile, RawUpdate } from './profiles.ts';
import type { SizeProfile } from './replies.ts';

export type Controlled = {
  readonly faults: Faults;
  state(): unknown;
  copies(): readonly RawCopy[];
  deduped(): readonly RawCopy[];
  updates(): readonly RawUpdate[];
  profiles(): readonly Profile[];
  setSizeProfile(profile: SizeProfile): void;
  clear(): void;
};

const ORDER_BYTES_MAX = 1_048_576;
const EVENTS_DEFAULT = 1000;
const SIZE_PROFILES: readonly string[] = ['normal', 'legacy2mb', 'html413'] satisfies SizeProfile[];

export async function control(
  request: IncomingMessage,
  response: ServerResponse,
  pathname: string,
  query: URLSearchParams,
  sandbox: Controlled,
): Promise<void> {
  const route = `${request.method} ${pathname}`;
  if (route === 'POST /__control') return reply(response, await order(request, sandbox));
  request.resume();
  switch (route) {
    case 'GET /__state':
      return reply(response, { status: 200, body: sandbox.state() });
    case 'GET /__events':
      return reply(response, { status: 200, body: events(query, sandbox) });
    case 'GET /__updates':
      return reply(response, { status: 200, body: { items: sandbox.updates() } });
    case 'GET /__profiles':
      return reply(response, { status: 200, body: { items: sandbox.profiles() } });
    case 'DELETE /__events':
      sandbox.clear();
      return reply(response, { status: 204, body: null });
    case 'DELETE /__control':
      sandbox.faults.clear();
      sandbox.setSizeProfile('normal');
      return reply(response, { status: 204, body: null });
    default:
      return reply(response, { status: 404, body: { error: `no route ${route}` } });
  }
}

type Reply = { readonly status: number; readonly body: unknown };

async function order(request: IncomingMessage, sandbox: Controlled): Promise<Reply> {
  const read = await readBody(request, ORDER_BYTES_MAX);
  const given = read.kind === 'bytes' ? parse(read.bytes.toString('utf8')) : undefined;
  if (given === undefined) return { status: 400, body: { error: 'the body must be JSON' } };
  for (const one of Array.isArray(given) ? given : [given]) {
    const problem = take(one, sandbox);
    if (problem !== null) return { status: 400, body: { error: problem } };
  }
  return { status: 200, body: { waiting: sandbox.faults.waiting } };
}

function take(given: unknown, sandbox: Controlled): string | null {
  if (typeof given !== 'object' || given === null || !('sizeProfile' in given)) return sandbox.faults.order(given);
  if (!SIZE_PROFILES.includes(String(given.sizeProfile)))
    return `sizeProfile must be one of ${SIZE_PROFILES.join(', ')}`;
  sandbox.setSizeProfile(given.sizeProfile as SizeProfile);
  return null;
}

function events(
  query: URLSearchParams,
  sandbox: Controlled,
): { readonly items: readonly RawCopy[]; readonly total: number } {
  const all = query.get('raw') === '1' ? sandbox.copies() : sandbox.deduped();
  const limit = Number(query.get('limit') ?? EVENTS_DEFAULT);
  const last = Number.isInteger(limit) && limit > 0 ? all.slice(-limit) : all;
  return { items: last, total: all.length };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reply(response: ServerResponse, { status, body }: Reply): void {
  if (body === null) response.writeHead(status).end();
  else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
