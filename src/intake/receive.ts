/**
 * The path of a webhook through the door: handshake, read, check, limit, parse, identify, seal, keep, answer.
 * It is answered `accepted` only after the buffer has it durably. No input makes it throw; what goes wrong is a refusal.
 */
import type { Request, Response } from 'express';
import type { Accepted, BufferKeeper } from '../buffer/contract.ts';
import type { Clock } from '../clock.ts';
import type { RefusalCode } from '../errors.ts';
import type { Source } from '../model.ts';
import type { RefusedRequest } from '../observe/refused-ring.ts';
import type { Handshake, Proof, RawRequest, Verdict, Verifier, WebhookView } from '../verify/contract.ts';
import type { RemoteTexts } from '../verify/remote-texts.ts';
import { seal } from '../verify/verified.ts';
import { answerAs, answerKept, refuse } from './answers.ts';
import type { AddressLimiter, Limiter } from './limits.ts';
import { headOf, type Opened, openRequest } from './opened.ts';
import { readRawBody } from './raw-body.ts';

/** Labels of `relay_deliveries_total`. */
export type DeliveryResult =
  | 'accepted'
  | 'duplicate'
  | 'unverified'
  | 'malformed'
  | 'oversized'
  | 'limited'
  | 'shed'
  | 'handshake';

/** What the door tells log and metrics of one request; no secret and no body in it. */
export type Receipt = {
  readonly source: string | null;
  readonly result: DeliveryResult;
  readonly status: number;
  readonly delivery?: string;
  readonly type?: string | null;
  /** For the operator only. */
  readonly reason?: string;
  /** By which the operator finds what was refused. */
  readonly refused?: string;
  readonly bytes: number;
  readonly durationMs: number;
  readonly address: string | undefined;
};

/** A source as the door needs it. */
export type DoorSource = {
  readonly source: Source;
  /** Null: its configuration does not allow to verify anything. */
  readonly verifier: Verifier | null;
  readonly limiter: Limiter;
};

export type DoorOptions = {
  readonly buffer: BufferKeeper;
  readonly clock: Clock;
  readonly bodyBytesMax: number;
  readonly find: (name: string) => DoorSource | null;
  readonly addresses: AddressLimiter;
  /** The id that a custom source's JSONata finds; null when there is none. Never rejects, bounded in time. */
  readonly deliveryId: (source: Source, view: WebhookView) => Promise<string | null>;
  /** Keys that providers publish, and confirmations of subscriptions. */
  readonly remote: Pick<RemoteTexts, 'fetch' | 'call'>;
  /** Keeps a secret that a handshake brought, if the source is armed. Null: kept; otherwise why not. May reject. */
  readonly learn: (source: Source, secret: string) => Promise<string | null>;
  /** False while starting, stopping, or after the store failed. */
  readonly open: () => boolean;
  readonly told: (receipt: Receipt) => void;
  /** What was refused of a source for what it is: not for lack of room or rate. Never called for a good webhook. Gives its id. */
  readonly refused?: (refused: RefusedRequest) => string;
};

/** Webhooks between door and buffer at once; beyond, 503: a store that stands still must not fill the memory. */
const PENDING_MAX = 5_000;
const PENDING_BYTES_MAX = 64 * 1024 * 1024;
/** What we ask a sender to wait when we cannot take anything (start, stop, missing secret). */
const RETRY_AFTER_SECONDS = 10;

const resultOf: Record<RefusalCode, DeliveryResult> = {
  malformed: 'malformed',
  unverified: 'unverified',
  unknown_source: 'unverified',
  method_not_allowed: 'malformed',
  timeout: 'malformed',
  oversized: 'oversized',
  unsupported_type: 'malformed',
  limited: 'limited',
  full: 'shed',
  unavailable: 'shed',
  closed: 'shed',
};

/** Refusals that a flood of good webhooks causes too: they say nothing of the sender, and would push out what does. */
const ofTheMoment: ReadonlySet<RefusalCode> = new Set(['limited', 'full', 'unavailable']);

/** One request on its way through the door. */
type Visit = {
  readonly req: Request;
  readonly res: Response;
  readonly name: string | null;
  readonly startedAt: number;
  bytes: number;
  /** Null: not read yet. */
  opened: Opened | null;
};

export function createDoor(options: DoorOptions): (req: Request, res: Response) => Promise<void> {
  let pending = 0;
  let pendingBytes = 0;

  const tell = (visit: Visit, result: DeliveryResult, more: Partial<Receipt> = {}) =>
    options.told({
      source: visit.name,
      result,
      status: visit.res.statusCode,
      bytes: visit.bytes,
      durationMs: options.clock.monotonic() - visit.startedAt,
      address: visit.req.ip,
      ...more,
    });

  const remember = ({ req, res, name, opened }: Visit, code: RefusalCode, reason: string): { refused?: string } => {
    if (name === null || options.refused === undefined) return {};
    const { proofHeaders = [], proofQuery = [] } = options.find(name)?.verifier ?? {};
    const request = opened?.request ?? headOf(req);
    const body = opened?.request.body ?? null;
    const { method, target, pathKey, query, headers } = request;
    const refused = options.refused({
      ...{ source: name, code, reason, status: res.statusCode, address: req.ip },
      ...{ request: { method, target, pathKey, query, headers }, body, proofHeaders, proofQuery },
    });
    return { refused };
  };

  /** Refuses and counts: 4xx on the address, all in log and metrics. */
  const turnAway = (
    visit: Visit,
    code: RefusalCode,
    reason: string,
    headers: Record<string, string | number> = {},
    isKept = !ofTheMoment.has(code),
  ) => {
    const retry = code === 'closed' || code === 'unavailable' ? { 'retry-after': RETRY_AFTER_SECONDS } : {};
    refuse(visit.res, code, { ...retry, ...headers });
    if (visit.res.statusCode < 500) options.addresses.count(visit.req);
    const kept = isKept ? remember(visit, code, reason) : {};
    tell(visit, resultOf[code], { reason, ...kept });
  };

  /** Some providers want a refusal in their own form, and try with wrong signatures whether they get it. */
  const disbelieve = (visit: Visit, verifier: Verifier, reason: string) => {
    const { refusal, challenge } = verifier;
    if (refusal === null)
      return turnAway(visit, 'unverified', reason, challenge === null ? {} : { 'www-authenticate': challenge });
    answerAs(visit.res, refusal);
    options.addresses.count(visit.req);
    tell(visit, 'unverified', { reason, ...remember(visit, 'unverified', reason) });
  };

  const greet = async (visit: Visit, door: DoorSource, handshake: Handshake): Promise<void> => {
    if (handshake.confirm !== undefined) {
      const reason = await options.remote.call(handshake.confirm);
      if (reason !== null) return turnAway(visit, 'unavailable', reason);
    }
    if (handshake.secret !== undefined) {
      let reason: string | null;
      try {
        reason = await options.learn(door.source, handshake.secret);
      } catch (error) {
        return turnAway(visit, 'unavailable', `the store failed: ${(error as Error).message}`);
      }
      if (reason !== null) return turnAway(visit, 'unverified', reason);
    }
    answerAs(visit.res, handshake);
    tell(visit, 'handshake', handshake.note === undefined ? {} : { reason: handshake.note });
  };

  /** A key that has to be fetched is fetched once; the webhook is then checked again, as of then. */
  const check = async (verifier: Verifier, request: RawRequest): Promise<Verdict | { readonly later: string }> => {
    const verdict = verifier.check(request, options.clock.now());
    if (verdict.ok || verdict.wants === undefined) return verdict;
    const reason = await options.remote.fetch(verdict.wants);
    return reason === null ? verifier.check(request, options.clock.now()) : { later: reason };
  };

  const keep = async (
    visit: Visit,
    door: DoorSource,
    { request, inflated, parsed }: Opened,
    proof: Proof,
  ): Promise<void> => {
    const verifier = door.verifier as Verifier;
    const bytes = inflated();
    if (!bytes.ok) return turnAway(visit, bytes.code, bytes.reason);
    const body = parsed();
    if (!body.ok) return turnAway(visit, body.code, body.reason);
    const view: WebhookView = {
      method: request.method,
      headers: request.headers,
      query: request.query,
      body: body.value,
    };
    const identity = verifier.identify(view, request, proof);
    if (identity.handshake) return greet(visit, door, identity.handshake);
    const { source } = door;
    const asks = source.deliveryId !== null && source.deliveryId !== 'body';
    const key = asks ? await options.deliveryId(source, view) : identity.key;
    const sealed = seal(proof, {
      source: source.name,
      provider: source.provider,
      key,
      type: identity.type,
      receivedAt: options.clock.now(),
      method: request.method,
      headers: request.headers,
      query: request.query,
      body: bytes.bytes,
    });
    let accepted: Accepted;
    try {
      accepted = await options.buffer.accept(sealed);
    } catch (error) {
      return turnAway(visit, 'unavailable', `the store failed: ${(error as Error).message}`);
    }
    if (accepted.status === 'full')
      return turnAway(visit, 'full', 'waiting work fills the buffer or the disk', {
        'retry-after': accepted.retryAfterSeconds,
      });
    if (identity.answer) answerAs(visit.res, identity.answer);
    else answerKept(visit.res, source.answer ?? 200, accepted);
    tell(visit, accepted.status, { delivery: accepted.id, type: identity.type });
  };

  const receive = async (visit: Visit, door: DoorSource): Promise<void> => {
    const { req, res } = visit;
    const verifier = door.verifier;
    const webhookMethods = verifier?.methods ?? ['POST'];
    const allowed = [...webhookMethods, ...(verifier?.handshakeMethods ?? [])];
    const wrongMethod = () => turnAway(visit, 'method_not_allowed', req.method, { allow: allowed.join(', ') });
    if (!allowed.includes(req.method)) return wrongMethod();
    if (door.source.missing.length > 0)
      return turnAway(visit, 'closed', `${door.source.missing.join(', ')} is not set`);
    if (!verifier) return turnAway(visit, 'closed', 'its source.yaml does not say how to verify');
    const body = await readRawBody(req, options.bodyBytesMax);
    if (!body.ok) {
      if (body.reason === 'aborted') return tell(visit, 'malformed', { reason: 'the sender went away', status: 499 });
      return turnAway(visit, 'oversized', `more than ${options.bodyBytesMax} bytes`);
    }
    visit.bytes = body.bytes.byteLength;
    const opened = openRequest(req, body.bytes, verifier.bodyForm, options.bodyBytesMax);
    visit.opened = opened;
    const greeting = verifier.handshakeUnsigned(opened.request);
    if (greeting && 'refused' in greeting) return disbelieve(visit, verifier, greeting.refused);
    if (greeting) return greet(visit, door, greeting);
    if (!webhookMethods.includes(req.method)) return wrongMethod();
    if (verifier.awaitsSecret !== null) return turnAway(visit, 'closed', verifier.awaitsSecret);
    const verdict = await check(verifier, opened.request);
    if ('later' in verdict) return turnAway(visit, 'unavailable', verdict.later, {}, true);
    if (!verdict.ok) return disbelieve(visit, verifier, verdict.reason);
    if (!(await door.limiter.admit(req, res))) return tell(visit, 'limited');
    if (pending >= PENDING_MAX || pendingBytes >= PENDING_BYTES_MAX)
      return turnAway(visit, 'unavailable', 'too many webhooks wait for the store', { 'retry-after': 1 });
    pending += 1;
    pendingBytes += visit.bytes;
    try {
      await keep(visit, door, opened, verdict.proof);
    } finally {
      pending -= 1;
      pendingBytes -= visit.bytes;
    }
  };

  return async (req, res) => {
    const name = String(req.params.source);
    const door = options.find(name);
    const startedAt = options.clock.monotonic();
    const visit: Visit = { req, res, name: door ? name : null, startedAt, bytes: 0, opened: null };
    if (await options.addresses.refuses(req, res))
      return tell(visit, 'limited', { reason: 'too many refused requests' });
    // The connection too: a stop waits for those that keep sending.
    if (!options.open()) return turnAway(visit, 'unavailable', 'starting or stopping', { connection: 'close' });
    if (!door) return turnAway(visit, 'unknown_source', 'no such source');
    return receive(visit, door);
  };
}
