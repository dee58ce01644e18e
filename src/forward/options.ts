/** What a forwarder is given. */
import type { Sendership } from '../buffer/sendership.ts';
import type { Clock } from '../clock.ts';
import type { Destination } from '../destinations/contract.ts';
import type { Rate } from '../model.ts';
import type { RetrySettings } from './backoff.ts';
import type { Ceilings } from './ceiling.ts';
import type { ForwardBuffer } from './custody.ts';
import type { ForwardHooks } from './hooks.ts';

export type ForwarderOptions = {
  readonly buffer: ForwardBuffer;
  readonly destination: Destination;
  readonly clock: Clock;
  /** `limits.forward` of a source; null: none. */
  readonly forwardRate: (source: string) => Rate | null;
  /** `weight` of a source: its share of what goes while more waits than may. */
  readonly weightOf?: (source: string) => number;
  readonly batch: { readonly eventsMax: number; readonly bytesMax: number; readonly lingerMs: number };
  readonly concurrency: number;
  /** Of its project, shared with others that send to it; absent: none. */
  readonly ceilings?: Ceilings;
  readonly retry: RetrySettings;
  readonly giveUpAfterMs: number;
  /** At least twice what a request may take. */
  readonly leaseMs: number;
  /** What requests in flight may still take when stopping. */
  readonly stopGraceMs?: number;
  readonly hooks?: ForwardHooks;
  /** Where other relays send from the same buffer; absent: this one alone does. */
  readonly sendership?: Sendership;
};
