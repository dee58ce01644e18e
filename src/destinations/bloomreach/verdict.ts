/**
 * What a request came to when its commands fared differently. The results are in the order of the commands, so a verdict
 * belongs to the event at its index; what was delivered is never sent again.
 */
import type { Outcome } from '../../model.ts';

export type Verdict =
  | { readonly kind: 'delivered' }
  /** `blocked`: refused for a permission the relay lacks; as it is, it can be sent again once that is given. */
  | { readonly kind: 'dead'; readonly reason: 'rejected' | 'blocked'; readonly message: string }
  | { readonly kind: 'retry'; readonly reason: string; readonly message: string; readonly attemptsMax: number };

export type PartialOutcome = { readonly kind: 'partial'; readonly verdicts: readonly Verdict[] };
export type BatchOutcome = Outcome | PartialOutcome;
