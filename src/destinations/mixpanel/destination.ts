/**
 * Mixpanel: a batch becomes one POST of a JSON array to `/track` or `/import` (gzipped), `/engage` or `/groups`; the answer becomes
 * an outcome. It keeps connections open but no queue, follows no redirect and never tries again. Credentials are cut out of what
 * comes back.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { type Dispatcher, Pool } from 'undici';
import type { Clock } from '../../clock.ts';
import type { LeasedEvent, Outcome, Route } from '../../model.ts';
import type { Destination, SendResult } from '../contract.ts';
import { exchange } from '../exchange.ts';
import { type Answer, classifyAnswer, classifyFailure } from './classify.ts';
import { classifyImport } from './classify-import.ts';
import {
  credentialsOf,
  type ImportCredentials,
  NOTHING,
  recognise,
  type ServiceAccount,
  withoutSecrets,
} from './credentials.ts';
import { encodingOf, importBody } from './encoding.ts';
import { eventEndpoint, type ImportUse, TRACK_AGE_MAX_MS } from './endpoint.ts';

const compress = promisify(gzip);

export type MixpanelOptions = {
  readonly name: string;
  /** `https://api.mixpanel.com`; may have a path (a proxy). */
  readonly baseUrl: string;
  readonly token: string;
  readonly format: 'json' | 'form';
  /** When `/import` is used; `auto` unless given. */
  readonly import?: ImportUse;
  /** For `/import`; null or absent: the token alone. */
  readonly serviceAccount?: ServiceAccount | null;
  /** Let it be asked whether Mixpanel knows the credentials, which `/track` never says. */
  readonly recognises?: boolean;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly clock: Clock;
  /** For `User-Agent: trackrelay/<version>`. */
  readonly version?: string;
};

/** An answer is a line; what is longer is somebody's web page. */
const ANSWER_BYTES_MAX = 65_536;
/** Two thousand refused records with a sentence each. */
const IMPORT_ANSWER_BYTES_MAX = 2_097_152;
/** Of a project, over all of its endpoints: Mixpanel's page on rate limits. */
const CEILING = { eventsPerSecond: 30_000, bytesPerMinute: 2_000_000_000 };
/** Fast rather than small: the level costs the relay's CPU, the bytes cost little. */
const GZIP_OPTIONS = { level: constants.Z_BEST_SPEED };

type Exchanged = { readonly outcome: Outcome; readonly status: number | null };
type About = {
  readonly classify: (answer: Answer, now: number) => Outcome;
  readonly answerBytesMax?: number;
  /** Asked when it failed. */
  readonly left?: () => boolean;
};

export function createMixpanel(options: MixpanelOptions): Destination {
  const { clock, import: importUse = 'auto', timeoutMs, token } = options;
  const base = new URL(options.baseUrl);
  const encoding = encodingOf(options.format, token);
  const path = base.pathname.replace(/\/+$/, '');
  const credentials = credentialsOf(token, options.serviceAccount ?? null);
  const { secrets } = credentials;
  const connection = {
    connections: options.concurrency,
    connect: { timeout: timeoutMs },
    // One deadline over everything is kept below; these two would only cut it short.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  const pool = new Pool(base.origin, { ...connection, pipelining: 1 });
  // A connection of their own for updates that go once: one kept open may be closed by the other side just when it is used,
  // and nobody could say then whether the update had arrived.
  const fresh = new Pool(base.origin, { ...connection, pipelining: 0 });
  const headers = {
    'content-type': encoding.contentType,
    accept: 'application/json',
    'user-agent': `trackrelay/${options.version ?? '0'}`,
    ...basicAuth(base),
  };
  const track = {
    method: 'POST',
    path: `${path}/track?verbose=1&ip=0`,
    headers: { ...headers, 'content-encoding': 'gzip' },
  } as const;
  const update = (endpoint: 'engage' | 'groups') =>
    ({ method: 'POST', path: `${path}/${endpoint}?verbose=1&strict=1&ip=0`, headers }) as const;

  /** One request, and what its answer comes to. */
  async function outcomeOf(
    ask: (signal: AbortSignal) => Promise<Dispatcher.ResponseData>,
    stopped: AbortSignal,
    about: About,
  ): Promise<Exchanged> {
    const answerBytesMax = about.answerBytesMax ?? ANSWER_BYTES_MAX;
    const came = await exchange(ask, stopped, { clock, timeoutMs, answerBytesMax });
    const { status } = came;
    if (came.kind === 'answered') {
      const { retryAfter } = came;
      const body = withoutSecrets(came.body, secrets);
      return { outcome: about.classify({ status: came.status, retryAfter, body }, clock.now()), status };
    }
    const left = about.left?.();
    if (came.kind === 'stopped') return { outcome: left === false ? { ...aborted, notTaken: true } : aborted, status };
    const failure = { code: came.failure.code, message: withoutSecrets(came.failure.message, secrets) };
    return { outcome: classifyFailure({ ...failure, ...(left === undefined ? null : { left }) }), status };
  }

  /** Not compressed: `/engage` and `/groups` do not take that. */
  function sendUpdates(plain: Buffer, updates: number, route: Route, stopped: AbortSignal): Promise<Exchanged> {
    const request = update(route.startsWith('group') ? 'groups' : 'engage');
    const classify = (answer: Answer, now: number) => classifyAnswer({ ...answer, updates }, now);
    if (!route.endsWith('_once')) {
      return outcomeOf((signal) => pool.request({ ...request, body: plain, signal }), stopped, { classify });
    }
    let left = false;
    // Read only when there is a connection to write it to.
    async function* body() {
      left = true;
      yield plain;
    }
    const sized = { ...request, headers: { ...headers, 'content-length': `${plain.length}` } };
    const ask = (signal: AbortSignal) => fresh.request({ ...sized, body: Readable.from(body()), signal });
    return outcomeOf(ask, stopped, { classify, left: () => left });
  }

  /** The address's own credentials are for a proxy in between; these two endpoints cannot have both. */
  async function sendImport(
    { authorization, query }: ImportCredentials,
    plain: Buffer,
    records: number,
    stopped: AbortSignal,
  ): Promise<Exchanged> {
    const type = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const body = await compress(plain, GZIP_OPTIONS);
    const request = {
      ...{ method: 'POST', path: `${path}/import?strict=1${query}` },
      ...{ headers: { ...headers, ...type, authorization }, body },
    } as const;
    return await outcomeOf((signal) => pool.request({ ...request, signal }), stopped, {
      classify: (answer, now) => classifyImport({ ...answer, records }, now),
      answerBytesMax: IMPORT_ANSWER_BYTES_MAX,
    });
  }

  async function sendEvents(
    events: readonly LeasedEvent[],
    stopped: AbortSignal,
  ): Promise<Exchanged & { bytes: number }> {
    const now = clock.now();
    // It takes young ones too; forward/ keeps them apart, but one may have turned old since.
    if (events.some((event) => eventEndpoint(event, importUse, now) === 'import')) {
      const plain = Buffer.from(importBody(events));
      return { ...(await sendImport(credentials.forImport, plain, events.length, stopped)), bytes: plain.length };
    }
    const plain = Buffer.from(encoding.body(events));
    const body = await compress(plain, GZIP_OPTIONS);
    const ask = (signal: AbortSignal) => pool.request({ ...track, body, signal });
    return { ...(await outcomeOf(ask, stopped, { classify: classifyAnswer })), bytes: plain.length };
  }

  return {
    name: options.name,
    address: `${base.origin}${path}`,
    eventAgeMaxMs: importUse === 'never' ? TRACK_AGE_MAX_MS : null,
    ceiling: { ...CEILING, project: createHash('sha256').update(`${base.origin} ${options.token}`).digest('hex') },
    // `/import` takes no more room.
    sizeOf: (event) => encoding.sizeOf(event),
    endpointOf: (event, now) => event.update?.route ?? eventEndpoint(event, importUse, now),
    ...(options.recognises
      ? { recognise: (signal: AbortSignal) => recognise(credentials, (one) => sendImport(one, NOTHING, 1, signal)) }
      : null),
    async probe() {
      const { outcome } = await sendUpdates(Buffer.from(encoding.body([])), 0, 'profile', new AbortController().signal);
      // It refuses a list of nothing, of course; but it answers.
      return outcome.kind === 'split' ? { kind: 'delivered' } : outcome;
    },
    async send(events, signal): Promise<SendResult> {
      const startedAt = clock.monotonic();
      const route = events[0]?.update?.route;
      if (route === undefined) {
        const sent = await sendEvents(events, signal);
        return { ...sent, durationMs: clock.monotonic() - startedAt };
      }
      const plain = Buffer.from(encoding.body(events));
      const exchanged = await sendUpdates(plain, events.length, route, signal);
      return { ...exchanged, durationMs: clock.monotonic() - startedAt, bytes: plain.length };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([pool.destroy(), fresh.destroy()]);
    },
  };
}

const aborted = { kind: 'retry', reason: 'stopped', message: 'The relay is stopping.', slowDown: false } as const;

/** Of a proxy in between; Mixpanel's own /track takes none. */
function basicAuth({ username, password }: URL): { authorization: string } | null {
  if (username === '') return null;
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}
