/**
 * The sandbox's Bloomreach Engagement, with the vendor's own checks, in the vendor's order (facts/destinations §10.2): scripted faults,
 * encoding, project, credentials, rate by address, JSON, commands, each command; executed in shuffled order.
 *
 *   POST /track/v2/projects/<token>/batch, …/customers, …/customers/events; GET …/system/time
 *   GET /__bloomreach              counts
 *   GET /__bloomreach/events       what arrived, exact copies as one (?raw=1: every copy; ?limit=n: the last n)
 *   GET /__bloomreach/customers    customers after their updates
 *   DELETE /__bloomreach/events    forget all of it
 *   POST /__bloomreach/control     order faults (faults.ts); {"deny":{"events":[…],"properties":[…]}} takes permissions away
 *   DELETE /__bloomreach/control   take all that back
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, newId } from '../../clock.ts';
import { isRecord, type JsonRecord } from '../mixpanel/rules.ts';
import { type CommandVerdict, judgeCommand, type Permissions } from './bloomreach-command.ts';
import { controlBloomreach } from './bloomreach-control.ts';
import { AddressLimit, type BloomreachReply, json, refuseAccess, type SandboxProject } from './bloomreach-gate.ts';
import { BloomreachLedger, type Customer, type EventCopy } from './bloomreach-ledger.ts';
import { readBody } from './body.ts';
import { type Fault, Faults } from './faults.ts';

export type BloomreachSandboxOptions = {
  readonly clock: Clock;
  /** By token; absent: any token, and any credentials. */
  readonly projects?: Readonly<Record<string, SandboxProject>>;
  readonly requestsPerSecond?: number;
  readonly eventsMax?: number;
};

export type BloomreachState = {
  readonly requests: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly commands: { readonly taken: number; readonly refused: number };
  readonly events: { readonly billed: number; readonly kept: number };
  readonly updates: number;
  readonly faultsWaiting: number;
};

export type BloomreachSandbox = {
  /** Whether a path is one of its own, for a server it shares. */
  owns(pathname: string): boolean;
  /** For a server; does not use `this`. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  readonly faults: Faults;
  deny(denied: { readonly events?: readonly string[]; readonly properties?: readonly string[] }): void;
  state(): BloomreachState;
  copies(): readonly EventCopy[];
  deduped(): readonly EventCopy[];
  customers(): readonly Customer[];
  clear(): void;
};

const COMMANDS_MAX = 50;
const REQUESTS_PER_SECOND = 100;
/** Not documented; what a large sender flushes at. */
const BODY_BYTES_MAX = 30 * 1024 * 1024;
const EVENTS_MAX = 100_000;
const BYTES_MAX = 64 * 1024 * 1024;
const PROJECT_PATH = /^\/track\/v2\/projects\/([^/]+)\/(batch|customers|customers\/events|system\/time)\/?$/;

export function createBloomreachSandbox(options: BloomreachSandboxOptions): BloomreachSandbox {
  return new BloomreachDouble(options);
}

type Judged = { readonly verdict: CommandVerdict; readonly commandId: unknown; readonly bytes: number };

class BloomreachDouble implements BloomreachSandbox {
  readonly faults = new Faults();
  readonly #options: BloomreachSandboxOptions;
  readonly #ledger: BloomreachLedger;
  readonly #limit: AddressLimit;
  readonly #statuses = new Map<string, number>();
  #permissions: Permissions = { deniedEvents: new Set(), deniedProperties: new Set() };
  #requests = 0;
  #taken = 0;
  #refused = 0;

  constructor(options: BloomreachSandboxOptions) {
    this.#options = options;
    const eventsMax = options.eventsMax ?? EVENTS_MAX;
    this.#ledger = new BloomreachLedger({
      ...{ eventsMax, eventBytesMax: BYTES_MAX },
      ...{ customersMax: EVENTS_MAX, customerBytesMax: BYTES_MAX },
    });
    this.#limit = new AddressLimit(options.requestsPerSecond ?? REQUESTS_PER_SECOND);
  }

  owns(pathname: string): boolean {
    return pathname.startsWith('/track/v2/projects/') || /^\/__bloomreach(\/|$)/.test(pathname);
  }

  readonly handler = (request: IncomingMessage, response: ServerResponse): void => {
    this.#answer(request, response).catch(() => {
      // The client went away in the middle, or a request so odd that reading it threw: nothing to say to it.
      if (!response.headersSent && !response.destroyed) response.writeHead(400).end();
      else response.destroy();
    });
  };

  deny({ events = [], properties = [] }: { events?: readonly string[]; properties?: readonly string[] }): void {
    this.#permissions = { deniedEvents: new Set(events), deniedProperties: new Set(properties) };
  }

  state(): BloomreachState {
    const { billed, kept, updates } = this.#ledger.counts;
    return {
      requests: this.#requests,
      statuses: Object.fromEntries(this.#statuses),
      commands: { taken: this.#taken, refused: this.#refused },
      events: { billed, kept },
      updates,
      faultsWaiting: this.faults.waiting,
    };
  }

  copies(): readonly EventCopy[] {
    return this.#ledger.copies();
  }

  deduped(): readonly EventCopy[] {
    return this.#ledger.deduped();
  }

  customers(): readonly Customer[] {
    return this.#ledger.customers();
  }

  clear(): void {
    this.#ledger.clear();
    this.#statuses.clear();
    this.#requests = 0;
    this.#taken = 0;
    this.#refused = 0;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://sandbox.invalid');
    if (pathname.startsWith('/__bloomreach')) {
      return await controlBloomreach(request, response, pathname, searchParams, this);
    }
    this.#count(response);
    // Faults tell Mixpanel's endpoints apart; here there is one.
    const fault = this.faults.next('track');
    if (fault?.closeBefore) return void request.socket.destroy();
    if (fault?.delayMs) await this.#options.clock.wait(fault.delayMs);
    const encoded = request.headers['content-encoding'] !== undefined;
    // The encoding is refused below, so what is read here is never inflated.
    if (encoded) request.headers['content-encoding'] = 'identity';
    const read = await readBody(request, BODY_BYTES_MAX);
    if (scripted(fault) && (fault.ingest ?? 'none') === 'none') return this.#send(response, replyOf(fault), fault);
    const body = read.kind === 'bytes' ? read.bytes : null;
    const reply = this.#refuse(request, pathname, searchParams, encoded) ?? this.#serve(request, pathname, body, fault);
    if (fault?.closeAfterIngest) return void request.socket.destroy();
    return scripted(fault) ? this.#send(response, replyOf(fault), fault) : this.#send(response, reply, null);
  }

  /** What is wrong with the request whatever it holds. */
  #refuse(
    request: IncomingMessage,
    pathname: string,
    query: URLSearchParams,
    encoded: boolean,
  ): BloomreachReply | null {
    const [, token, call] = PROJECT_PATH.exec(pathname) ?? [];
    if (token === undefined) return json(404, { success: false, error: 'Not found' });
    if (encoded) return BAD_REQUEST;
    const { projects, clock } = this.#options;
    const given = projects === undefined ? {} : Object.hasOwn(projects, token) ? projects[token] : undefined;
    const refusal = refuseAccess(given, request.headers, query);
    if (refusal) return refusal;
    const method = call === 'system/time' ? 'GET' : 'POST';
    if (request.method !== method) return json(405, { success: false, error: 'Method not allowed' });
    const forwarded = request.headers['x-forwarded-for'];
    const address = [forwarded].flat()[0]?.split(',')[0]?.trim() || request.socket.remoteAddress || '';
    return this.#limit.takes(address, clock.now()) ? null : json(429, { success: false, error: 'Too many requests' });
  }

  #serve(request: IncomingMessage, pathname: string, body: Buffer | null, fault: Fault | null): BloomreachReply {
    const [, token = '', call] = PROJECT_PATH.exec(pathname) ?? [];
    const startedAt = this.#options.clock.now() / 1000;
    if (request.method === 'GET') return json(200, { errors: [], success: true, time: startedAt });
    if (body === null) return { status: 413, type: 'text/html', body: '<h1>413 Request Entity Too Large</h1>' };
    const parsed = parse(body.toString('utf8'));
    if (!isRecord(parsed)) return INVALID_JSON;
    if (call !== 'batch') {
      const [result] = this.#execute(token, this.#judge([{ name: call, data: parsed }]));
      return json(200, { errors: [], ...result });
    }
    const { commands } = parsed;
    if (!Array.isArray(commands) || commands.length === 0) return json(400, { success: false, message: 'No commands' });
    if (!commands.every(isRecord)) return INVALID_JSON;
    if (commands.length > COMMANDS_MAX) return json(400, { success: false, message: 'Too many commands' });
    const share = fault?.ingest === 'half' ? commands.slice(0, Math.ceil(commands.length / 2)) : commands;
    const results = this.#execute(token, this.#judge(share));
    return json(200, { results, start_time: startedAt, end_time: this.#options.clock.now() / 1000, success: true });
  }

  #judge(commands: readonly JsonRecord[]): readonly Judged[] {
    const now = this.#options.clock.now();
    return commands.map((command) => ({
      verdict: judgeCommand(command, this.#permissions, now),
      commandId: command.command_id,
      bytes: Buffer.byteLength(JSON.stringify(command)),
    }));
  }

  /** Results in the order of the commands; what they do, in any order. */
  #execute(project: string, judged: readonly Judged[]): readonly JsonRecord[] {
    const now = this.#options.clock.now();
    for (const { verdict, bytes } of this.#shuffled(judged)) {
      if (verdict.kind === 'refused') this.#refused++;
      else this.#taken++;
      if (verdict.kind === 'event') this.#ledger.addEvent(project, verdict.event, bytes, now);
      else if (verdict.kind === 'update') this.#ledger.update(project, verdict.update);
    }
    return judged.map(({ verdict, commandId }) => ({
      success: verdict.kind !== 'refused',
      ...(verdict.kind === 'refused' ? { errors: verdict.errors } : null),
      ...(verdict.kind === 'time' ? { time: now / 1000 } : null),
      ...(commandId === undefined ? null : { command_id: commandId }),
    }));
  }

  #shuffled(judged: readonly Judged[]): readonly Judged[] {
    const order = [...judged];
    for (let last = order.length - 1; last > 0; last--) {
      const other = Math.floor(this.#options.clock.random() * (last + 1));
      [order[last], order[other]] = [order[other] as Judged, order[last] as Judged];
    }
    return order;
  }

  #count(response: ServerResponse): void {
    this.#requests++;
    response.once('close', () => {
      const status = response.writableFinished ? String(response.statusCode) : 'none';
      this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    });
  }

  #send(response: ServerResponse, { status, type, body }: BloomreachReply, fault: Fault | null): void {
    if (response.destroyed) return;
    const headers = { 'content-type': type, 'x-request-id': newId('req', this.#options.clock.now()) };
    response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body), ...fault?.headers }).end(body);
  }
}

const INVALID_JSON = json(400, { success: false, message: 'Invalid JSON' });
const BAD_REQUEST: BloomreachReply = {
  status: 400,
  type: 'text/html',
  body: 'BadRequest: The browser (or proxy) sent a request that this server could not understand.',
};

function scripted(fault: Fault | null): fault is Fault {
  return fault !== null && (fault.status !== undefined || fault.body !== undefined);
}

function replyOf(fault: Fault): BloomreachReply {
  return { status: fault.status ?? 200, type: 'application/json', body: fault.body ?? '' };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
