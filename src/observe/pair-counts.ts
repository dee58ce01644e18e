/**
 * Counts by two labels, as cheap as two look-ups; turned into a metric only when somebody asks. The client library's own
 * counter hashes its labels at each step, which is more than a webhook should pay.
 */
export class PairCounts {
  readonly #counts = new Map<string, Map<string, number>>();

  add(first: string, second: string, count: number): void {
    let inner = this.#counts.get(first);
    if (inner === undefined) {
      inner = new Map();
      this.#counts.set(first, inner);
    }
    inner.set(second, (inner.get(second) ?? 0) + count);
  }

  get(first: string, second: string): number {
    return this.#counts.get(first)?.get(second) ?? 0;
  }

  *entries(): Generator<readonly [string, string, number]> {
    for (const [first, inner] of this.#counts) for (const [second, count] of inner) yield [first, second, count];
  }
}
