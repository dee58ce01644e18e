/** What the forwarder tells: one call for each request, and one for each group of events that left the queue. */
import type { LeasedEvent, Outcome } from '../model.ts';

export type Attempt = {
  readonly batch: string;
  readonly destination: string;
  readonly events: number;
  /** Of the body, before compression. */
  readonly bytes: number;
  /** HTTP status; null: no answer. */
  readonly status: number | null;
  readonly outcome: Outcome['kind'];
  /** Why, when it is not `delivered`. */
  readonly reason: string | null;
  readonly message: string | null;
  readonly durationMs: number;
  /** Counts from 1; parts of a split batch count on. */
  readonly attempt: number;
  /** Of its events, when there is something to tell of it: it did not deliver, or not at the first try. */
  readonly positions: readonly number[];
};

export type Settled = {
  readonly events: readonly LeasedEvent[];
  readonly state: 'delivered' | 'dead';
  /** Of the dead letters; null when delivered. */
  readonly reason: string | null;
  readonly message: string | null;
  readonly at: number;
};

/** They must not throw; if one does, it is logged nowhere and changes nothing. */
export type ForwardHooks = {
  attempt?(attempt: Attempt): void;
  /** After the buffer has it. */
  settled?(settled: Settled): void;
  /** The state of the destination changed: say so in the log. */
  turned?(change: {
    readonly from: 'ok' | 'failing' | 'paused';
    readonly to: 'ok' | 'failing' | 'paused';
    readonly reason: string | null;
    readonly message: string | null;
  }): void;
  /** The buffer did not do what it was asked to; the events come back when their lease ends. */
  trouble?(doing: 'lease' | 'begin' | 'settle' | 'extend' | 'release' | 'send', error: unknown): void;
};

export function tell(call: () => void): void {
  try {
    call();
  } catch {
    // A log or metric that fails must not stop the sending.
  }
}
