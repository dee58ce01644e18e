/** Questions about replays, each in the transaction it needs. */
import type { NewReplay, ReplayStep, StepDone } from '../replaying.ts';
import { NoRoomError } from './database.ts';
import { noChanges, type Replays } from './replays.ts';
import { rowBytes } from './room.ts';
import type { Selecting } from './selecting.ts';
import type { Store } from './store.ts';

export class ReplayDesk {
  readonly #store: Store;
  readonly #replays: Replays;
  readonly #selecting: Selecting;
  readonly #makeRoom: (bytes: number) => void;

  /** `makeRoom` throws a NoRoomError when there is none. */
  constructor(store: Store, replays: Replays, selecting: Selecting, makeRoom: (bytes: number) => void) {
    this.#store = store;
    this.#replays = replays;
    this.#selecting = selecting;
    this.#makeRoom = makeRoom;
  }

  add(replay: NewReplay): 'added' | 'too_many' | 'full' {
    const changes = noChanges();
    const added = this.#durably(() => {
      const answer = this.#replays.add(replay, this.#selecting.upTo(replay));
      if (answer === 'added') this.#replays.dropOld(changes);
      return answer;
    });
    if (added === 'added') this.#replays.committed(changes);
    return added;
  }

  cancel(id: string, now: number): boolean | 'full' {
    return this.#durably(() => this.#replays.cancel(id, now));
  }

  step(step: ReplayStep, now: number, monotonic: number): StepDone | null | 'full' {
    // Whose lease has ended is not being sent any more.
    this.#store.lanes.expire(monotonic);
    const changes = noChanges();
    try {
      this.#makeRoom(bytesOf(step));
      const done = this.#store.change((counts) => this.#replays.step(step, changes, counts, now));
      this.#replays.committed(changes);
      if (!done) return null;
      const { after, ...answer } = done;
      after();
      return answer;
    } catch (error) {
      if (error instanceof NoRoomError) return 'full';
      throw error;
    }
  }

  /** On a full disk the log, once written back, is room for so little. */
  #durably<T>(work: () => T): T | 'full' {
    for (let again = true; ; again = false) {
      try {
        return this.#store.change(work, true);
      } catch (error) {
        if (!(error instanceof NoRoomError)) throw error;
        if (!again || !this.#store.emptyLog()) return 'full';
      }
    }
  }
}

function bytesOf({ items }: ReplayStep): number {
  let bytes = 0;
  for (const item of items) {
    if (item.kind === 'resend') bytes += 2 * rowBytes + item.event.json.length;
    if (item.kind !== 'remap') continue;
    for (const { json, update } of item.mapped.events) bytes += (update ? 3 : 2) * rowBytes + json.length;
    for (const { eventJson, message } of item.mapped.dead)
      bytes += rowBytes + (eventJson?.length ?? 0) + message.length;
  }
  return bytes;
}
