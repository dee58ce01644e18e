/**
 * Fair turns: the room of a batch is divided by weight between the sources that have something to send; what one does not
 * need goes to the others. Whoever has had least for its weight comes first, so that a batch that fills up early by bytes
 * cannot pass over the same source twice, and small batches keep to the weights as well.
 */
export type Want = {
  readonly source: string;
  readonly events: number;
  /** Its share beside others; default 1. */
  readonly weight?: number;
};
export type Turn = { readonly source: string; readonly eventsMax: number };

export type Turns = {
  plan(wants: readonly Want[], eventsMax: number): readonly Turn[];
  served(want: Want): void;
};

/** Sources that have nothing to send any more are forgotten when the list grows past this many times the present ones. */
const FORGET_FACTOR = 4;
const FORGET_FLOOR = 256;

export function createTurns(): Turns {
  /** Events it had, divided by its weight; a source that comes, or comes back, begins where the least of the others is. */
  const had = new Map<string, number>();
  let floor = 0;

  function forget(wants: readonly Want[]): void {
    if (had.size <= FORGET_FLOOR + FORGET_FACTOR * wants.length) return;
    const present = new Set(wants.map((want) => want.source));
    for (const source of had.keys()) if (!present.has(source)) had.delete(source);
  }

  return {
    plan(wants, eventsMax) {
      forget(wants);
      const hadOf = (want: Want) => had.get(want.source) ?? Number.NEGATIVE_INFINITY;
      const known = wants.flatMap((want) => had.get(want.source) ?? []);
      if (known.length > 0) floor = Math.max(floor, Math.min(...known));
      // Infinity - Infinity is no order.
      const inOrder = wants.toSorted((a, b) => (hadOf(a) === hadOf(b) ? 0 : hadOf(a) - hadOf(b))).slice(0, eventsMax);
      const shares = divide(inOrder, eventsMax);
      return inOrder.map(({ source }) => ({ source, eventsMax: shares.get(source) ?? 0 }));
    },
    served({ source, events, weight = 1 }) {
      had.set(source, Math.max(had.get(source) ?? floor, floor) + events / weight);
    },
  };
}

/** The smallest wants for their weight are met first; what they leave is divided between the larger ones. Each gets at least one. */
function divide(wants: readonly Want[], room: number): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  let left = room;
  let waiting = wants.length;
  let weights = wants.reduce((sum, { weight = 1 }) => sum + weight, 0);
  const forWeight = ({ events, weight = 1 }: Want) => events / weight;
  for (const want of wants.toSorted((a, b) => forWeight(a) - forWeight(b))) {
    const { source, events, weight = 1 } = want;
    waiting--;
    const share = Math.min(events, Math.max(1, Math.floor((left * weight) / weights)), left - waiting);
    shares.set(source, share);
    left -= share;
    weights -= weight;
  }
  return shares;
}
