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

export type Buried = { readonly event: LeasedEvent; readonly reason: DeadLetterReason; readonly message: string };
export type Concluded = { readonly delivered: readonly LeasedEvent[]; readonly dead: readonly Buried[] };

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

  delivered(events: readonly LeasedEvent[]): Promise<void> {
    return this.conclude({ delivered: events, dead: [] }, 0);
  }

  /** `sent`: requests since they were leased. */
  bury(events: readonly LeasedEvent[], reason: DeadLetterReason, message: string, sent: number): Promise<void> {
    return this.conclude({ delivered: [], dead: events.map((event) => ({ event, reason, message })) }, sent);
  }

  /** All that one answer settles, at once: a crash must not leave half of it to be sent again. */
  async conclude({ delivered, dead }: Concluded, sent: number): Promise<void> {
    if (delivered.length + dead.length === 0) return;
    const settlements: Settlement[] = [];
    for (const { position } of delivered) settlements.push({ position, state: 'delivered' });
    for (const one of dead) {
      settlements.push({ position: one.event.position, state: 'dead', letter: this.#letterOf(one, sent) });
    }
    if (!(await this.#settle(settlements))) return;
    const at = this.#clock.now();
    if (delivered.length > 0) {
      tell(() => this.#hooks.settled?.({ events: delivered, state: 'delivered', reason: null, message: null, at }));
    }
    for (const alike of Map.groupBy(dead, ({ reason, message }) => `${reason} ${message}`).values()) {
      const { reason, message } = alike[0] as Buried;
      const events = alike.map(({ event }) => event);
      tell(() => this.#hooks.settled?.({ events, state: 'dead', reason, message, at }));
    }
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

  #letterOf({ event, reason, message }: Buried, sent: number): NewDeadLetter {
    const about = { kind: 'event', reason, message, destination: this.#destination } as const;
    return { ...about, eventJson: event.json, attempts: event.attempts + sent };
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
