/**
 * Mixpanel's `/track`: a batch becomes one POST of a JSON array, gzipped; the answer becomes an outcome. It keeps
 * connections open but no queue, follows no redirect and never tries again.
 *
 * The project token is put into the events here, when they are sent, and nowhere else; what comes back has it cut out.
 */
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { Pool } from 'undici';
import type { Clock } from '../../clock.ts';
import type { LeasedEvent, Outcome } from '../../model.ts';
import type { Destination, SendResult } from '../contract.ts';
import { classifyAnswer, classifyFailure } from './classify.ts';

const compress = promisify(gzip);

export type MixpanelOptions = {
  readonly name: string;
  /** `https://api.mixpanel.com`; may have a path (a proxy). */
  readonly baseUrl: string;
  readonly token: string;
  readonly format: 'json' | 'form';
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly clock: Clock;
  /** For `User-Agent: trackrelay/<version>`. */
  readonly version?: string;
};

/** An answer is a line; what is longer is somebody's web page. */
const ANSWER_BYTES_MAX = 65_536;
/** `/track` takes five days; one minute is left for the way there and clocks that differ. */
const EVENT_AGE_MAX_MS = 5 * 24 * 3_600_000 - 60_000;
/** Fast rather than small: the level costs the relay's CPU, the bytes cost little. */
const GZIP_OPTIONS = { level: constants.Z_BEST_SPEED };

type Encoding = {
  readonly contentType: string;
  body(events: readonly LeasedEvent[]): string;
  sizeOf(json: string): number;
};

export function createMixpanel(options: MixpanelOptions): Destination {
  const { clock, timeoutMs, token } = options;
  const base = new URL(options.baseUrl);
  const encoding = options.format === 'form' ? formEncoding(token) : jsonEncoding(token);
  const pool = new Pool(base.origin, {
    connections: options.concurrency,
    pipelining: 1,
    connect: { timeout: timeoutMs },
    // One deadline over everything is kept below; these two would only cut it short.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const request = {
    method: 'POST',
    path: `${base.pathname.replace(/\/+$/, '')}/track?verbose=1&ip=0`,
    headers: {
      'content-type': encoding.contentType,
      'content-encoding': 'gzip',
      accept: 'application/json',
      'user-agent': `trackrelay/${options.version ?? '0'}`,
      ...basicAuth(base),
    },
  } as const;

  async function exchange(
    body: Uint8Array,
    stopped: AbortSignal,
  ): Promise<{ outcome: Outcome; status: number | null }> {
    const ended = new AbortController();
    const late = new AbortController();
    const signal = AbortSignal.any([stopped, late.signal]);
    void clock.wait(timeoutMs, ended.signal).then(() => late.abort());
    let status: number | null = null;
    try {
      const answer = await pool.request({ ...request, body, signal });
      status = answer.statusCode;
      const text = withoutToken(await readCapped(answer.body), token);
      const retryAfter = answer.headers['retry-after'];
      const header = Array.isArray(retryAfter) ? retryAfter[0] : retryAfter;
      return { outcome: classifyAnswer({ status, retryAfter: header ?? null, body: text }, clock.now()), status };
    } catch (error) {
      // `late` is also set when everything ended well, but then nothing was thrown.
      if (stopped.aborted) return { outcome: aborted, status };
      if (late.signal.aborted) return { outcome: tooLate(timeoutMs), status };
      const failure = { code: codeOf(error), message: withoutToken(messageOf(error), token) };
      return { outcome: classifyFailure(failure), status };
    } finally {
      ended.abort();
    }
  }

  return {
    name: options.name,
    address: `${base.origin}${base.pathname.replace(/\/+$/, '')}`,
    eventAgeMaxMs: EVENT_AGE_MAX_MS,
    sizeOf: (event) => encoding.sizeOf(event.json),
    probe: null,
    async send(events, signal): Promise<SendResult> {
      const startedAt = clock.monotonic();
      const plain = Buffer.from(encoding.body(events));
      const { outcome, status } = await exchange(await compress(plain, GZIP_OPTIONS), signal);
      return { outcome, status, durationMs: clock.monotonic() - startedAt, bytes: plain.length };
    },
    [Symbol.asyncDispose]: () => pool.destroy(),
  };
}

const aborted: Outcome = { kind: 'retry', reason: 'stopped', message: 'The relay is stopping.', slowDown: false };

function tooLate(timeoutMs: number): Outcome {
  return classifyFailure({ code: 'timeout', message: `No whole answer within ${timeoutMs} ms.` });
}

/** `json` ends in `}}` and its properties are never empty, so that the token goes in with a comma before the two braces. */
function jsonEncoding(token: string): Encoding {
  const tail = `,"token":${JSON.stringify(token)}}}`;
  const tailBytes = Buffer.byteLength(tail) - 2;
  return {
    contentType: 'application/json',
    body(events) {
      let body = '[';
      for (const event of events) {
        if (body.length > 1) body += ',';
        body += event.json.slice(0, -2) + tail;
      }
      return `${body}]`;
    },
    // One more for its comma or bracket.
    sizeOf: (json) => Buffer.byteLength(json) + tailBytes + 1,
  };
}

function formEncoding(token: string): Encoding {
  const json = jsonEncoding(token);
  const tailBytes = encodeURIComponent(`,"token":${JSON.stringify(token)}`).length;
  return {
    contentType: 'application/x-www-form-urlencoded',
    // encodeURIComponent leaves nothing that a form reads differently: + and % are encoded, a space is %20.
    body: (events) => `data=${encodeURIComponent(json.body(events))}`,
    sizeOf: (text) => encodeURIComponent(text).length + tailBytes + 3,
  };
}

/** Of a proxy in between; Mixpanel's own /track takes none. */
function basicAuth({ username, password }: URL): { authorization: string } | null {
  if (username === '') return null;
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

async function readCapped(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    // Leaving the loop ends the stream and its connection.
    if (length >= ANSWER_BYTES_MAX) break;
  }
  return Buffer.concat(chunks).subarray(0, ANSWER_BYTES_MAX).toString('utf8');
}

function withoutToken(text: string, token: string): string {
  return token === '' ? text : text.replaceAll(token, '[token]');
}

function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  if (typeof cause?.code === 'string') return cause.code;
  return typeof code === 'string' ? code : 'error';
}

function messageOf(error: unknown): string {
  // Several addresses that all failed are an error without words of its own.
  return (error instanceof Error ? error.message : String(error)) || 'no connection';
}
