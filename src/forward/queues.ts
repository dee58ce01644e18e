/** The queues of one destination, one for each route. They take turns, so that none waits for the whole of another. */
import type { Rate, Route } from '../model.ts';
import { goesOnce } from './batch.ts';
import { createPace, type Pace } from './pace.ts';
import { IDLE_MS, Queue, type QueueOptions, type Room, type Taken } from './queue.ts';

const ROUTES: readonly Route[] = ['event', 'profile', 'group', 'profile_once', 'group_once'];
/** Each is a request of its own: with more in hand, events would wait behind them. */
const ONCE_AT_A_TIME = 4;

export class Queues {
  readonly all: readonly Queue[];
  readonly #pace: Pace;
  #next = 0;

  constructor(options: Omit<QueueOptions, 'route' | 'pace'>, forwardRate: (source: string) => Rate | null) {
    const pace = createPace(forwardRate);
    this.#pace = pace;
    this.all = ROUTES.map((route) => {
      // Only plain events grow too old to be taken.
      const eventAgeMaxMs = route === 'event' ? options.eventAgeMaxMs : null;
      const eventsMax = goesOnce(route) ? Math.min(ONCE_AT_A_TIME, options.eventsMax) : options.eventsMax;
      return new Queue({ ...options, route, pace, eventAgeMaxMs, eventsMax });
    });
  }

  /** Another relay sent until now. */
  emptyBuckets(now: number): void {
    this.#pace.empty(now);
  }

  /** `linger`: wait for a fuller batch. Events of one route. */
  async take(room: Room, linger: boolean): Promise<Taken> {
    let waitMs = IDLE_MS;
    for (let tried = 0; tried < this.all.length; tried++) {
      const turn = (this.#next + tried) % this.all.length;
      const taken = await (this.all[turn] as Queue).take(room, linger);
      if ('events' in taken) {
        this.#next = turn + 1;
        return taken;
      }
      waitMs = Math.min(waitMs, taken.waitMs);
    }
    return { waitMs };
  }
}
