/** What is ready in each lane, as the store said last, and who wants to know of it. In memory, whatever keeps the buffer. */
import type { Route } from '../model.ts';

/** Events that are now ready in a lane: where to (`placeName`), source, number. */
export type ReadyChange = readonly [place: string, source: string, ready: number];

export function placeName(destination: string, route: Route): string {
  return `${route} ${destination}`;
}

const none: ReadonlyMap<string, number> = new Map();

export class ReadyEvents {
  readonly #byPlace = new Map<string, Map<string, number>>();
  readonly #listeners = new Set<() => void>();
  #telling = false;

  at(place: string): ReadonlyMap<string, number> {
    return this.#byPlace.get(place) ?? none;
  }

  apply(changes: readonly ReadyChange[]): void {
    let more = false;
    for (const [place, source, ready] of changes) {
      const sources = this.#byPlace.get(place) ?? new Map<string, number>();
      this.#byPlace.set(place, sources);
      if (ready > (sources.get(source) ?? 0)) more = true;
      if (ready > 0) sources.set(source, ready);
      else sources.delete(source);
    }
    if (more) this.tell();
  }

  listen(listener: () => void): () => void {
    // A function of our own: the same listener twice is two.
    const own = () => listener();
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  tell(): void {
    if (this.#telling || this.#listeners.size === 0) return;
    this.#telling = true;
    setImmediate(() => {
      this.#telling = false;
      for (const listener of this.#listeners) listener();
    });
  }
}
