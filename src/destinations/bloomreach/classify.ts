/**
 * From the answer of `/batch` to an outcome: by the results when there are any, else by what the body says, else by status,
 * because a refused key may be a 400 and a refused command a 200. Pure; the table is facts/destinations §4, rows 11, 13 to 15
 * and 20 to 27. A broken connection is the same as Mixpanel's (`classifyFailure`).
 */
import type { Outcome, Verdict } from '../../model.ts';
import { pauseReason } from '../mixpanel/classify.ts';
import { retryAfterMs } from '../mixpanel/retry-after.ts';
import { isRecord } from '../mixpanel/rules.ts';

export type BatchAnswer = {
  readonly status: number;
  /** Of `Retry-After`, when it was sent. */
  readonly retryAfter: string | null;
  /** Bounded by who read it. */
  readonly body: string;
  /** Of the request's commands, in order. */
  readonly commandIds: readonly string[];
};

/** Of a body nobody understands: may be a proxy's page. Copies are stored once, so trying again is safe. */
const UNREADABLE_ATTEMPTS_MAX = 3;
/** Results that do not fit the commands are Bloomreach's own: once more, and no oftener. */
const MISMATCH_ATTEMPTS_MAX = 2;
const WORDS_LENGTH_MAX = 500;

const NOT_PERMITTED = /not authori[sz]ed|no permission/i;
/** Words of a refusal that no other batch would escape. */
const CREDENTIALS =
  /could not authenticate|invalid project id|access key|invalid secret|not authori[sz]ed|no permission/i;

export function classifyBatch(answer: BatchAnswer, now: number): Outcome {
  const { status, body } = answer;
  const parsed = parse(body);
  const said = refusalOf(parsed);
  const message = `${status}: ${words(said, body)}`;
  if (status === 408 || status === 425 || status === 429) return notNow(answer, message, now);
  if (status >= 500) return { ...retry('server_error', message), ...waitOf(answer, now) };
  if (status >= 200 && status < 300) return classifySuccess(answer, parsed, said, message);
  if (status === 413) return { kind: 'split', reason: 'too_large', message, tooLarge: true };
  const pause = pauseReason(status) ?? (CREDENTIALS.test(said) ? 'unauthorized' : null);
  return pause === null ? refused(message) : { kind: 'pause', reason: pause, message };
}

function classifySuccess(answer: BatchAnswer, parsed: unknown, said: string, message: string): Outcome {
  if (isRecord(parsed) && Array.isArray(parsed.results)) return settleByIndex(answer, parsed.results);
  if (isRecord(parsed) && parsed.success === false) {
    return CREDENTIALS.test(said) ? { kind: 'pause', reason: 'unauthorized', message } : refused(message);
  }
  return { ...retry('unreadable_answer', message), attemptsMax: UNREADABLE_ATTEMPTS_MAX };
}

function settleByIndex({ status, commandIds }: BatchAnswer, results: readonly unknown[]): Outcome {
  const misfit =
    results.length !== commandIds.length
      ? `${results.length} results for ${commandIds.length} commands`
      : results.some((result, index) => isOfAnother(result, commandIds[index] as string))
        ? 'results of other commands'
        : null;
  if (misfit !== null) {
    return { ...retry('unreadable_answer', `${status}: ${misfit}`), attemptsMax: MISMATCH_ATTEMPTS_MAX };
  }
  const verdicts = results.map(verdictOf);
  return verdicts.every((verdict) => verdict.kind === 'delivered')
    ? { kind: 'delivered' }
    : { kind: 'partial', verdicts };
}

/** The id comes back when it was given, though not every version says so. */
function isOfAnother(result: unknown, commandId: string): boolean {
  if (!isRecord(result)) return false;
  const { command_id: echoed = null } = result;
  return echoed !== null && echoed !== commandId;
}

function verdictOf(result: unknown): Verdict {
  if (!isRecord(result) || typeof result.success !== 'boolean') {
    const message = `A result nobody understands: ${cut(JSON.stringify(result))}`;
    return { kind: 'retry', reason: 'unreadable_answer', message, attemptsMax: UNREADABLE_ATTEMPTS_MAX };
  }
  if (result.success) return { kind: 'delivered' };
  const said = refusalOf(result);
  const message = said === '' ? 'Refused without a reason.' : cut(said);
  return { kind: 'dead', reason: NOT_PERMITTED.test(said) ? 'blocked' : 'rejected', message };
}

/** One command that is malformed has all of them refused, so halves find it. */
function refused(message: string): Outcome {
  return { kind: 'split', reason: 'rejected', message, tooLarge: false };
}

function notNow(answer: BatchAnswer, message: string, now: number): Outcome {
  const slowDown = answer.status === 429;
  // A 408 of something in between does not say whether the request was looked at; of a 429 Bloomreach says that nothing was kept.
  const notTaken = answer.status === 408 ? null : { notTaken: true as const };
  return { ...retry(slowDown ? 'rate_limited' : 'not_now', message), slowDown, ...waitOf(answer, now), ...notTaken };
}

function retry(reason: string, message: string) {
  return { kind: 'retry', reason, message, slowDown: false } as const;
}

function waitOf({ retryAfter }: BatchAnswer, now: number): { readonly retryAfterMs: number } | null {
  const wait = retryAfterMs(retryAfter, now);
  return wait === null ? null : { retryAfterMs: wait };
}

/** Four shapes: `errors` as a list or as lists by name, `error`, `message`. */
function refusalOf(parsed: unknown): string {
  if (!isRecord(parsed)) return '';
  const { errors, error, message } = parsed;
  const lists = isRecord(errors) ? Object.values(errors).flat() : [errors].flat();
  return [...lists, error, message].filter((text) => typeof text === 'string' && text !== '').join('; ');
}

/** For people: what it says, or the text of its page. */
function words(said: string, body: string): string {
  const text = said || body.replace(/<(style|script)[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]*>/g, ' ');
  return cut(text.replace(/\s+/g, ' ').trim() || '(empty answer)');
}

function cut(text: string): string {
  return text.length > WORDS_LENGTH_MAX ? `${text.slice(0, WORDS_LENGTH_MAX).toWellFormed()}…` : text;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
