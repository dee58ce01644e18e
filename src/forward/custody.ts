/**
 * What becomes of leased events in the buffer: settled, given back, kept longer. Nothing here throws: what the buffer
 * does not take stays leased, comes back when the lease ends and is sent again, which `$insert_id` makes harmless; an update
 * that goes once was begun and is buried then.
 */
import type { BufferKeeper, NewDeadLetter, Settlement } from '../buffer/contract.ts';
import type { Clock } from '../clock.ts';
import type { DeadLetterReason } from '../errors.ts';
import type { LeasedEvent } from '../model.ts';
import { positionsOf } from './batch.ts';
import { type ForwardHooks, tell } from './hooks.ts';

export type ForwardBuffer = Pick<
  BufferKeeper,
  'ready' | 'lease' | 'extend' | 'begin' | 'settle' | 'release' | 'onWork'
>;

/** A store that is busy for a moment should not cost a second sending. */
const SETTLE_TRIES = 3;
const SETTLE_AGAIN_MS = 1000;

export class Custody {
  readonly #buffer: ForwardBuffer;
  readonly #destination: string;
  readonly #clock: Clock;
  readonly #hooks: ForwardHooks;

  constructor(buffer: ForwardBuffer, destination: string, clock: Clock, hooks: ForwardHooks) {
    this.#buffer = buffer;
    this.#destination = destination;
    this.#clock = clock;
    this.#hooks = hooks;
  }

  async delivered(events: readonly LeasedEvent[]): Promise<void> {
    const settlements: Settlement[] = [];
    for (const event of events) settlements.push({ position: event.position, state: 'delivered' });
    if (!(await this.#settle(settlements))) return;
    const at = this.#clock.now();
    tell(() => this.#hooks.settled?.({ events, state: 'delivered', reason: null, message: null, at }));
  }

  /** `sent`: requests since they were leased. */
  async bury(events: readonly LeasedEvent[], reason: DeadLetterReason, message: string, sent: number): Promise<void> {
    if (events.length === 0) return;
    const letterOf = (event: LeasedEvent): NewDeadLetter => ({
      kind: 'event',
      reason,
      message,
      destination: this.#destination,
      eventJson: event.json,
      attempts: event.attempts + sent,
    });
    const settlements = events.map(
      (event): Settlement => ({ position: event.position, state: 'dead', letter: letterOf(event) }),
    );
    if (!(await this.#settle(settlements))) return;
    const at = this.#clock.now();
    tell(() => this.#hooks.settled?.({ events, state: 'dead', reason, message, at }));
  }

  async release(events: readonly LeasedEvent[], attempted: boolean): Promise<void> {
    if (events.length === 0) return;
    try {
      await this.#buffer.release(positionsOf(events), attempted);
    } catch (error) {
      tell(() => this.#hooks.trouble?.('release', error));
    }
  }

  /** True: it is on disk that they may have left. */
  async begin(events: readonly LeasedEvent[]): Promise<boolean> {
    try {
      await this.#buffer.begin(positionsOf(events));
      return true;
    } catch (error) {
      tell(() => this.#hooks.trouble?.('begin', error));
      return false;
    }
  }

  async extend(events: readonly LeasedEvent[], leaseMs: number): Promise<boolean> {
    try {
      await this.#buffer.extend(positionsOf(events), leaseMs);
      return true;
    } catch (error) {
      tell(() => this.#hooks.trouble?.('extend', error));
      return false;
    }
  }

  async #settle(settlements: readonly Settlement[]): Promise<boolean> {
    for (let tried = 1; ; tried++) {
      try {
        await this.#buffer.settle(settlements);
        return true;
      } catch (error) {
        tell(() => this.#hooks.trouble?.('settle', error));
        if (tried >= SETTLE_TRIES) return false;
        await this.#clock.wait(SETTLE_AGAIN_MS);
      }
    }
  }
}
