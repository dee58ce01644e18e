/**
 * One request and its whole answer within a deadline. Never throws: what went wrong is a value. It reads no more of an answer
 * than it was told to, and ends at once when it is stopped, also while it still connects.
 */
import { Buffer } from 'node:buffer';
import type { Dispatcher } from 'undici';
import type { Clock } from '../clock.ts';
import type { NetworkFailure } from './mixpanel/classify.ts';

export type ExchangeOptions = {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly answerBytesMax: number;
};

export type Exchanged =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfter: string | null; readonly body: string }
  /** `status`: of an answer that began. */
  | { readonly kind: 'failed'; readonly failure: NetworkFailure; readonly status: number | null }
  | { readonly kind: 'stopped'; readonly status: number | null };

export async function exchange(
  ask: (signal: AbortSignal) => Promise<Dispatcher.ResponseData>,
  stopped: AbortSignal,
  { clock, timeoutMs, answerBytesMax }: ExchangeOptions,
): Promise<Exchanged> {
  const ended = new AbortController();
  const late = new AbortController();
  const signal = AbortSignal.any([stopped, late.signal]);
  void clock.wait(timeoutMs, ended.signal).then(() => late.abort());
  let status: number | null = null;
  try {
    const answer = await orAborted(ask(signal), signal);
    status = answer.statusCode;
    const body = await readCapped(answer.body, answerBytesMax);
    const given = answer.headers['retry-after'];
    return { kind: 'answered', status, retryAfter: (Array.isArray(given) ? given[0] : given) ?? null, body };
  } catch (error) {
    if (stopped.aborted) return { kind: 'stopped', status };
    const failure = late.signal.aborted
      ? { code: 'timeout', message: `No whole answer within ${timeoutMs} ms.` }
      : { code: codeOf(error), message: messageOf(error) };
    return { kind: 'failed', failure, status };
  } finally {
    ended.abort();
  }
}

/** While it connects, the client hears of an abort only when that has ended. What was aborted it never sends. */
async function orAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  answer.catch(() => undefined);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const end = () => reject(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    return await Promise.race([answer, aborted]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}

async function readCapped(body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    // Leaving the loop ends the stream and its connection.
    if (length >= bytesMax) break;
  }
  return Buffer.concat(chunks).subarray(0, bytesMax).toString('utf8');
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
