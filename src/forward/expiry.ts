/**
 * Events that cannot be sent any more: past the destination's age limit, older than RELAY_GIVE_UP_AFTER, larger than a
 * request, or updates that go once and were begun before.
 */
import type { Clock } from '../clock.ts';
import type { Destination } from '../destinations/contract.ts';
import type { LeasedEvent } from '../model.ts';
import { type Sized, WRAPPING_BYTES } from './batch.ts';
import type { Custody } from './custody.ts';
import type { Queue } from './queue.ts';

export type ExpiryOptions = {
  readonly clock: Clock;
  readonly destination: Destination;
  readonly custody: Custody;
  readonly queues: readonly Queue[];
  readonly giveUpAfterMs: number;
  readonly bytesMax: number;
  /** What the destination said last, for the letters. */
  readonly lastWords: () => string | null;
};

/** Leases per look for events that waited too long while the destination does not answer. */
const SWEEP_ROUNDS_MAX = 20;

export class Expiry {
  readonly #options: ExpiryOptions;

  constructor(options: ExpiryOptions) {
    this.#options = options;
  }

  /** Buries what is too old; answers the others. `sent`: requests since they were leased. */
  async buryOld(events: readonly LeasedEvent[], sent: number): Promise<readonly LeasedEvent[]> {
    const { clock, custody, destination, giveUpAfterMs, lastWords } = this.#options;
    const now = clock.now();
    const timeMin = destination.eventAgeMaxMs === null ? Number.NEGATIVE_INFINITY : now - destination.eventAgeMaxMs;
    const receivedMin = now - giveUpAfterMs;
    const inTime = (event: LeasedEvent) => event.time >= timeMin || event.update !== undefined;
    if (events.every((event) => inTime(event) && event.receivedAt >= receivedMin)) return events;

    const tooOld = events.filter((event) => !inTime(event));
    const gaveUp = events.filter((event) => inTime(event) && event.receivedAt < receivedMin);
    const words = lastWords();
    const last = words === null ? '' : ` It said last: ${words}`;
    await custody.bury(
      tooOld,
      'too_old',
      `The event's time is longer ago than ${destination.name} takes.${last}`,
      sent,
    );
    await custody.bury(gaveUp, 'gave_up', `Not delivered within ${hours(giveUpAfterMs)} of receipt.${last}`, sent);
    return events.filter((event) => inTime(event) && event.receivedAt >= receivedMin);
  }

  /** What was just leased: buries what must not be sent, or not again; answers the others. */
  async buryUnsendable(events: readonly LeasedEvent[]): Promise<readonly LeasedEvent[]> {
    const begun = events.filter((event) => event.begun);
    if (begun.length === 0) return await this.buryOld(events, 0);
    const message = 'It was being sent when the relay ended, or its settlement failed; no answer is known.';
    await this.#options.custody.bury(begun, 'unknown_outcome', message, 1);
    return await this.buryOld(
      events.filter((event) => !event.begun),
      0,
    );
  }

  /**
   * Buries what no request can hold; answers the others with their sizes and endpoints. The bound is the one that was set: a lowered one
   * means smaller batches, not that an event could never go.
   */
  async buryLarge(events: readonly LeasedEvent[]): Promise<readonly Sized[]> {
    const { bytesMax, clock, custody, destination } = this.#options;
    const now = clock.now();
    const sized: Sized[] = [];
    for (const event of events) {
      const bytes = destination.sizeOf(event);
      if (bytes + WRAPPING_BYTES <= bytesMax) {
        sized.push({ event, bytes, endpoint: destination.endpointOf?.(event, now) ?? '' });
        continue;
      }
      await custody.bury([event], 'too_large', `The event takes ${bytes} bytes; a request holds ${bytesMax}.`, 0);
    }
    return sized;
  }

  /** While the destination does not answer nothing is leased to be sent, yet events grow too old. */
  async sweep(stopping: () => boolean): Promise<void> {
    for (const queue of this.#options.queues) await this.#sweepQueue(queue, stopping);
  }

  async #sweepQueue(queue: Queue, stopping: () => boolean): Promise<void> {
    const { bytesMax, custody } = this.#options;
    for (let round = 0; round < SWEEP_ROUNDS_MAX && !stopping(); round++) {
      const events = await queue.takeOutdated(bytesMax);
      if (events.length === 0) break;
      await custody.release(await this.buryUnsendable(events), false);
    }
    // Within a source the oldest come first: one young event means that those behind it are young too.
    const young = new Set<string>();
    for (let round = 0; round < SWEEP_ROUNDS_MAX && !stopping(); round++) {
      const events = await queue.takeOldest(young, bytesMax);
      if (events.length === 0) return;
      const left = await this.buryUnsendable(events);
      for (const { source } of left) young.add(source);
      await custody.release(left, false);
    }
  }
}

function hours(ms: number): string {
  return `${Math.round(ms / 360_000) / 10} hours`;
}
