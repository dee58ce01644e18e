/** What an outcome says, for logs and letters. */
import type { DeadLetterReason } from '../errors.ts';
import type { Outcome } from '../model.ts';

/** The destination's client threw: a bug, and nobody knows what had left by then. */
export function failedSending(error: unknown): Outcome {
  return { kind: 'retry', reason: 'send_failed', message: String(error), slowDown: false };
}

export function explain(outcome: Outcome): { readonly reason: string | null; readonly message: string | null } {
  if (outcome.kind === 'delivered') return { reason: null, message: null };
  if (outcome.kind !== 'partial') return { reason: outcome.reason, message: outcome.message };
  const others = outcome.verdicts.filter((verdict) => verdict.kind !== 'delivered');
  const [first] = others;
  if (first === undefined) return { reason: null, message: null };
  return {
    reason: first.reason,
    message: `${others.length} of ${outcome.verdicts.length}, the first: ${first.message}`,
  };
}

/** Of an outcome with a bound on its attempts; another reason than this would be the destination's refusal. */
export function reasonOf(reason: string): DeadLetterReason {
  return reason === 'unreadable_answer' ? reason : 'rejected';
}
