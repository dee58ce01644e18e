/** What an outcome says, for logs and letters. */
import type { DeadLetterReason } from '../errors.ts';
import type { Outcome } from '../model.ts';

/** The destination's client threw: a bug, and nobody knows what had left by then. */
export function failedSending(error: unknown): Outcome {
  return { kind: 'retry', reason: 'send_failed', message: String(error), slowDown: false };
}

export function explain(outcome: Outcome): { readonly reason: string | null; readonly message: string | null } {
  if (outcome.kind === 'delivered') return { reason: null, message: null };
  return { reason: outcome.reason, message: outcome.message };
}

/** The only outcome with a bound on its attempts today; another reason would be the destination's refusal. */
export function reasonOf(reason: string): DeadLetterReason {
  return reason === 'unreadable_answer' ? reason : 'rejected';
}
