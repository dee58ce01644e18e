/**
 * Fair turns: the room of a batch is divided evenly between the sources that have something to send; what one does not
 * need goes to the others. Whoever was served longest ago comes first, so that a batch that fills up early by bytes cannot
 * pass over the same source twice.
 */
export type Want = { readonly source: string; readonly events: number };
export type Turn = { readonly source: string; readonly eventsMax: number };

export type Turns = {
  plan(wants: readonly Want[], eventsMax: number): readonly Turn[];
  served(source: string): void;
};

/** Sources that have nothing to send any more are forgotten when the list grows past this many times the present ones. */
const FORGET_FACTOR = 4;
const FORGET_FLOOR = 256;

export function createTurns(): Turns {
  const lastServed = new Map<string, number>();
  let counter = 0;

  function forget(wants: readonly Want[]): void {
    if (lastServed.size <= FORGET_FLOOR + FORGET_FACTOR * wants.length) return;
    const present = new Set(wants.map((want) => want.source));
    for (const source of lastServed.keys()) if (!present.has(source)) lastServed.delete(source);
  }

  return {
    plan(wants, eventsMax) {
      forget(wants);
      const age = (want: Want) => lastServed.get(want.source) ?? 0;
      const inOrder = wants.toSorted((a, b) => age(a) - age(b)).slice(0, eventsMax);
      const shares = divide(inOrder, eventsMax);
      return inOrder.map(({ source }) => ({ source, eventsMax: shares.get(source) ?? 0 }));
    },
    served(source) {
      lastServed.set(source, ++counter);
    },
  };
}

/** The smallest wants are met first; what they leave is divided between the larger ones. */
function divide(wants: readonly Want[], room: number): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  let left = room;
  let waiting = wants.length;
  for (const want of wants.toSorted((a, b) => a.events - b.events)) {
    const share = Math.min(want.events, Math.floor(left / waiting));
    shares.set(want.source, share);
    left -= share;
    waiting--;
  }
  return shares;
}
