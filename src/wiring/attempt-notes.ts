/** Requests that went wrong are noted in the buffer with the events they held, so that one delivery can tell its whole story. */
import type { BufferKeeper } from '../buffer/contract.ts';
import type { ForwardHooks } from '../forward/hooks.ts';

export function notingAttempts(
  hooks: ForwardHooks,
  { buffer, now }: { readonly buffer: Pick<BufferKeeper, 'noteAttempt'>; readonly now: () => number },
): ForwardHooks {
  return {
    ...hooks,
    attempt: (attempt) => {
      hooks.attempt?.(attempt);
      const { batch, destination, positions, status, outcome, reason, message, durationMs } = attempt;
      if (positions.length === 0) return;
      const note = { batch, destination, positions, status, outcome, reason, message, durationMs };
      // Of help to a reader, and no more: sending does not wait for it, and goes on when it fails.
      buffer.noteAttempt({ ...note, attempt: attempt.attempt, at: now() }).catch(() => undefined);
    },
  };
}
