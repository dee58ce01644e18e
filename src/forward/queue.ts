/**
 * What comes next out of the buffer for one route: events near their age limit first (but never twice in a row, so that they cannot shut
 * out the others), else fair turns between the sources within their pace, once there is a full batch or the linger is over.
 */
import type { LeaseRequest } from '../buffer/contract.ts';
import type { Clock } from '../clock.ts';
import type { LeasedEvent, Route } from '../model.ts';
import type { ForwardBuffer } from './custody.ts';
import type { Pace } from './pace.ts';
import { createTurns, type Want } from './turns.ts';

export type QueueOptions = {
  readonly buffer: ForwardBuffer;
  readonly destination: string;
  readonly route: Route;
  readonly clock: Clock;
  /** Of the sources, whatever the route. */
  readonly pace: Pace;
  /** Share of a source beside others. */
  readonly weightOf: (source: string) => number;
  readonly eventsMax: number;
  readonly lingerMs: number;
  readonly leaseMs: number;
  /** Age past which the destination takes no event; null: any. */
  readonly eventAgeMaxMs: number | null;
};

/** Either events, or how long nothing will come by itself. */
export type Taken = { readonly events: readonly LeasedEvent[] } | { readonly waitMs: number };

/** For one request. */
export type Room = { readonly eventsMax: number; readonly bytesMax: number };

/** Longest sleep without a ring; a bound for a ring that got lost. */
export const IDLE_MS = 30_000;
/** Events this close to the destination's age limit go before all others. */
const URGENT_WITHIN_MS = 12 * 3_600_000;
/** How often to look for them while there are none. */
const URGENT_EVERY_MS = 5000;
/** When the buffer says there is something and then gives nothing. */
const EMPTY_LEASE_MS = 50;

export class Queue {
  readonly #options: QueueOptions;
  readonly #pace: Pace;
  readonly #turns = createTurns();
  /** Since when something could be sent, for the linger. */
  #readySince: number | null = null;
  #urgentNext = 0;
  #urgentLast = false;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#pace = options.pace;
  }

  /** `linger`: wait for a fuller batch. */
  async take(room: Room, linger: boolean): Promise<Taken> {
    const { clock } = this.#options;
    const { bytesMax } = room;
    const eventsMax = Math.min(room.eventsMax, this.#options.eventsMax);
    const now = clock.monotonic();
    const wants = this.#wants(now);
    if (wants === null) return { waitMs: IDLE_MS };
    let available = 0;
    for (const want of wants) available += want.events;
    const othersTurn = this.#urgentLast && available > 0;
    const urgent = othersTurn ? [] : await this.#takeUrgent(now, { eventsMax, bytesMax });
    this.#urgentLast = urgent.length > 0;
    if (urgent.length > 0) return { events: urgent };

    if (available === 0) return { waitMs: this.#paceWait(now) };
    this.#readySince ??= now;
    const lingering = this.#readySince + this.#options.lingerMs - now;
    if (linger && available < eventsMax && lingering > 0) return { waitMs: lingering };

    const turns = this.#turns.plan(wants, eventsMax);
    const events = await this.#lease({ turns, bytesMax });
    this.#note(events, now);
    if (available <= events.length) this.#readySince = null;
    return events.length > 0 ? { events } : { waitMs: EMPTY_LEASE_MS };
  }

  /** The oldest of each source (but not of `except`), whatever their pace: only to look at their age. */
  async takeOldest(except: ReadonlySet<string>, bytesMax: number): Promise<readonly LeasedEvent[]> {
    const wants: Want[] = [];
    for (const [source, events] of this.#ready())
      if (!except.has(source)) wants.push({ source, events, weight: this.#options.weightOf(source) });
    if (wants.length === 0) return [];
    return await this.#lease({ turns: this.#turns.plan(wants, this.#options.eventsMax), bytesMax });
  }

  /** Events whose own time is so long ago that they may not be sent any more. */
  async takeOutdated(bytesMax: number): Promise<readonly LeasedEvent[]> {
    const { clock, eventAgeMaxMs, eventsMax } = this.#options;
    if (eventAgeMaxMs === null || this.#ready().size === 0) return [];
    return await this.#lease({ turns: [], bytesMax, olderThan: { time: clock.now() - eventAgeMaxMs, eventsMax } });
  }

  /** What each source may send now; null when nothing waits at all. */
  #wants(now: number): Want[] | null {
    const ready = this.#ready();
    const wants: Want[] = [];
    let waiting = 0;
    for (const [source, events] of ready) {
      waiting += events;
      const allowed = Math.min(events, this.#pace.allowed(source, now));
      if (allowed > 0) wants.push({ source, events: allowed, weight: this.#options.weightOf(source) });
    }
    if (waiting === 0) this.#readySince = null;
    return waiting === 0 ? null : wants;
  }

  async #takeUrgent(now: number, { eventsMax, bytesMax }: Room): Promise<readonly LeasedEvent[]> {
    const { clock, eventAgeMaxMs } = this.#options;
    if (eventAgeMaxMs === null || now < this.#urgentNext) return [];
    const olderThan = { time: clock.now() - eventAgeMaxMs + URGENT_WITHIN_MS, eventsMax };
    const events = await this.#lease({ turns: [], bytesMax, olderThan });
    if (events.length === 0) {
      this.#urgentNext = now + URGENT_EVERY_MS;
      return [];
    }
    this.#note(events, now);
    return events;
  }

  #ready(): ReadonlyMap<string, number> {
    return this.#options.buffer.ready(this.#options.destination, this.#options.route);
  }

  #lease(request: Pick<LeaseRequest, 'turns' | 'bytesMax' | 'olderThan'>): Promise<readonly LeasedEvent[]> {
    const { buffer, destination, leaseMs, route } = this.#options;
    return buffer.lease({ destination, route, leaseMs, ...request });
  }

  #note(events: readonly LeasedEvent[], now: number): void {
    const counts = new Map<string, number>();
    for (const { source } of events) counts.set(source, (counts.get(source) ?? 0) + 1);
    for (const [source, count] of counts) {
      this.#pace.taken(source, count, now);
      this.#turns.served({ source, events: count, weight: this.#options.weightOf(source) });
    }
  }

  #paceWait(now: number): number {
    let wait = IDLE_MS;
    for (const source of this.#ready().keys()) {
      wait = Math.min(wait, this.#pace.waitMs(source, now));
    }
    // A bucket that filled between the two looks is no reason to spin.
    return Math.max(wait, 1);
  }
}
