/**
 * Who sends to a project, where several relays share one buffer: one of them at a time. So its rate, its ceiling, the pauses and what
 * was found out about its limit are one relay's, and ten relays keep to one limit. It keeps limits and nothing else: that no
 * event is sent by two at once is what leases are for.
 *
 * 1. One sender. At most one relay at a time is told that it is `this` one. Whoever cannot renew that stops being told so before another
 *    one may begin.
 * 2. Taken over. When the sender dies another relay is it within four seconds; when it resigns, within one.
 * 3. Shared out. A relay that sends to two projects more than another gives one of them up to that one, and then stays as it is.
 * 4. Handed over. What the sender noted last of a destination outlives it: the next one begins with it, the others show it.
 *
 * A buffer that only one relay can open has no sendership: that relay sends.
 */

/** `unknown`: the others cannot be heard just now. Nothing may be started, and nothing need be given up. */
export type Sender = 'this' | 'another' | 'unknown';

export type Noted = {
  readonly text: string;
  /** How long ago that was, whatever the relays' clocks say. */
  readonly ageMs: number;
};

/** Of one destination. */
export type Sendership = {
  /** This relay's own id; it says so in what it notes. */
  readonly relay: string;
  /** Looked up in memory: ask before each request. */
  sender(): Sender;
  /** Called when another answer of `sender` was heard of. Returns how to stop it. */
  onChange(listener: () => void): () => void;
  /** By the sender; the newest one counts, and it is written a few times a second at most. Longer ones than `noteLengthMax` are not kept. */
  note(text: string): void;
  noted(): Noted | null;
  /** Never again `this` one. Its project is free once all its destinations have resigned. Does not reject. */
  resign(): Promise<void>;
};

export type SendershipOf = {
  /** Destinations of one project have one sender. */
  readonly project: string;
  readonly destination: string;
};

export const noteLengthMax = 4_000;
