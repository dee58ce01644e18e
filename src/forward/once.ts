/**
 * What becomes of an update that goes once (`$add`, `$append`: sent again it would count again). It is alone in its request, and
 * the buffer knows that it was begun.
 *
 *   taken                          delivered
 *   refused for what it is         dead: rejected, too_large
 *   certainly not taken            given back, to be sent when the destination may be asked again
 *   no answer, or none that says   dead: unknown_outcome
 */
import type { Outcome, Verdict } from '../model.ts';
import type { Batch } from './batch.ts';
import type { Custody } from './custody.ts';

type Sent = Pick<Batch, 'events' | 'attempts'>;

export async function concludeOnce({ events, attempts }: Sent, outcome: Outcome, custody: Custody): Promise<void> {
  switch (outcome.kind) {
    case 'delivered':
      return await custody.delivered(events);
    case 'split':
      return await custody.bury(events, outcome.tooLarge ? 'too_large' : 'rejected', outcome.message, attempts);
    case 'pause':
      return await custody.release(events, true);
    case 'partial':
      return await concludeAlone(outcome.verdicts[0], { events, attempts }, custody);
    case 'retry':
      if (outcome.notTaken) return await custody.release(events, true);
      return await custody.bury(events, 'unknown_outcome', outcome.message, attempts);
  }
}

/** The answer spoke of each record, and this was the only one. */
async function concludeAlone(
  verdict: Verdict | undefined,
  { events, attempts }: Sent,
  custody: Custody,
): Promise<void> {
  if (verdict?.kind === 'delivered') return await custody.delivered(events);
  if (verdict?.kind === 'dead') return await custody.bury(events, verdict.reason, verdict.message, attempts);
  const message = verdict?.message ?? 'The answer says nothing of it.';
  return await custody.bury(events, 'unknown_outcome', message, attempts);
}
