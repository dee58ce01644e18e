/**
 * From the answer of `/track`, `/engage` or `/groups` to an outcome: by status first, then by body, because a proxy may answer
 * HTML and Mixpanel answers 200 to what it refuses. Pure; the table is facts/destinations §4, rows 1 to 4 and 9 to 16.
 */
import type { Outcome } from '../../model.ts';
import { retryAfterMs } from './retry-after.ts';
import { isRecord } from './rules.ts';

export type Answer = {
  readonly status: number;
  /** Of `Retry-After`, when it was sent. */
  readonly retryAfter: string | null;
  /** Bounded by who read it. */
  readonly body: string;
  /** Updates in the request; absent: it held events. */
  readonly updates?: number;
};

export type NetworkFailure = {
  /** `timeout`, or the code of the error (ECONNRESET, CERT_HAS_EXPIRED, …). */
  readonly code: string;
  readonly message: string;
  /** Whether the request may have left; absent: not known. */
  readonly left?: boolean;
};

/** A body nobody understands under status 200 may be a proxy's page: worth three tries, safe because of `$insert_id`. */
const UNREADABLE_ATTEMPTS_MAX = 3;
const WORDS_LENGTH_MAX = 500;

export function classifyAnswer(answer: Answer, now: number): Outcome {
  const { status } = answer;
  if (status >= 200 && status < 300) return classifySuccess(answer);
  const message = `${status}: ${words(answer.body)}`;
  if (status === 408 || status === 425 || status === 429) {
    return retry(status === 429 ? 'rate_limited' : 'not_now', message, answer, now);
  }
  if (status >= 500) return retry('server_error', message, answer, now);
  if (status === 413) return { kind: 'split', reason: 'too_large', message, tooLarge: true };
  const pause = pauseReason(status);
  if (pause) return { kind: 'pause', reason: pause, message };
  return { kind: 'split', reason: 'rejected', message, tooLarge: false };
}

export function classifyFailure(failure: NetworkFailure): Outcome {
  // What was broken after it left was no certificate.
  if (isTlsCode(failure.code) && failure.left !== true) {
    return { kind: 'pause', reason: 'tls', message: `TLS failed (${failure.code}): ${failure.message}` };
  }
  const timedOut = failure.code === 'timeout';
  return {
    kind: 'retry',
    reason: timedOut ? 'timeout' : 'connection',
    message: timedOut ? failure.message : `No answer (${failure.code}): ${failure.message}`,
    slowDown: false,
    ...(failure.left === false ? { notTaken: true } : null),
  };
}

function classifySuccess(answer: Answer): Outcome {
  const acknowledged = readAcknowledgement(answer);
  if (acknowledged === 'accepted') return { kind: 'delivered' };
  const message = `${answer.status}: ${words(answer.body)}`;
  if (acknowledged === 'refused') {
    // The token is the same in every event: no half would fare better.
    return /\btoken\b/i.test(errorText(answer.body))
      ? { kind: 'pause', reason: 'token_refused', message }
      : { kind: 'split', reason: 'rejected', message, tooLarge: false };
  }
  return {
    kind: 'retry',
    reason: 'unreadable_answer',
    message,
    slowDown: false,
    attemptsMax: UNREADABLE_ATTEMPTS_MAX,
  };
}

function readAcknowledgement({ body, updates }: Answer): 'accepted' | 'refused' | 'unreadable' {
  const parsed = parseJson(body);
  const status = isRecord(parsed) ? parsed.status : parsed;
  // With `strict=1` a success may name what was wrong, or how many were good.
  if (updates !== undefined && isRecord(parsed) && status === 1) {
    const { error = null, num_good_events: good = updates } = parsed;
    return (error === null || error === '') && good === updates ? 'accepted' : 'refused';
  }
  if (status === 1 || (isRecord(parsed) && status === 'OK')) return 'accepted';
  return status === 0 ? 'refused' : 'unreadable';
}

/** Why a status refuses everything we send; null: it does not. */
export function pauseReason(status: number): string | null {
  if (status >= 300 && status < 400) return 'redirected';
  switch (status) {
    case 401:
      return 'unauthorized';
    case 403:
      return 'forbidden';
    case 404:
      return 'not_found';
    case 405:
      return 'method_not_allowed';
    case 414:
      return 'url_too_long';
    case 415:
      return 'unsupported_type';
    default:
      return null;
  }
}

function retry(reason: string, message: string, answer: Answer, now: number): Outcome {
  const wait = retryAfterMs(answer.retryAfter, now);
  const slowDown = answer.status === 429;
  // Both say that the request was not looked at; a 5xx or a 408 of something in between says nothing of the kind.
  const notTaken = slowDown || answer.status === 425;
  return {
    ...{ kind: 'retry', reason, message, slowDown },
    ...(wait === null ? null : { retryAfterMs: wait }),
    ...(notTaken ? { notTaken } : null),
  };
}

/** Certificates and protocol versions are configuration; they do not mend themselves in seconds. */
function isTlsCode(code: string): boolean {
  return (
    /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA)/.test(code) ||
    code === 'EPROTO'
  );
}

/** The destination's own words, for people: its `error`, or the text of its page. */
function words(body: string): string {
  const text = errorText(body) || body.replace(/<(style|script)[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]*>/g, ' ');
  const line = text.replace(/\s+/g, ' ').trim();
  return line === '' ? '(empty answer)' : cutWords(line);
}

export function cutWords(text: string): string {
  return text.length > WORDS_LENGTH_MAX ? `${text.slice(0, WORDS_LENGTH_MAX).toWellFormed()}…` : text;
}

function errorText(body: string): string {
  const parsed = parseJson(body);
  return isRecord(parsed) && typeof parsed.error === 'string' ? parsed.error : '';
}

export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
