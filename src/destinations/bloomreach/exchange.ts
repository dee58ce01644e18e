/**
 * One request and its whole answer within a deadline. Never throws: what went wrong is a value. It reads no more of an answer
 * than it was told to, and ends at once when it is stopped, also while it still connects.
 */
import type { Dispatcher } from 'undici';
import type { Clock } from '../../clock.ts';
import { codeOf, messageOf, orAborted, readCapped } from '../answer-reading.ts';
import type { NetworkFailure } from '../mixpanel/classify.ts';

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
