/**
 * What a relay remembers of the leases it holds: by which token, and what settling an event need not read again. Forgetting costs time,
 * never an event: of what is not remembered Redis reads all, and a lease that nobody ends comes to its end.
 */
import type { LeasedEvent } from '../../model.ts';

/** Events that are remembered; what a relay sends at once is far less. */
const heldMax = 400_000;
/** Of an event that no lease of ours is known of. */
const noToken = '-';

/** `left`: how many of its events are not done with, as far as is known here. */
export type Lease = { readonly token: string; left: number };
/** `alone`: it is all that its delivery became. */
export type LeasedRow = { readonly event: LeasedEvent; readonly alone: boolean; lease: Lease };

export class HeldLeases {
  readonly #held = new Map<number, LeasedRow>();

  hold(rows: readonly LeasedRow[]): void {
    for (const row of rows) {
      const { position } = row.event;
      // The oldest ones first: their leases have long ended. Their count stays, so that nobody ends a lease with one of them in it.
      if (this.#held.size >= heldMax) this.#held.delete(this.#held.keys().next().value ?? position);
      this.#held.delete(position);
      row.lease.left += 1;
      this.#held.set(position, row);
    }
  }

  row(position: number): LeasedRow | undefined {
    return this.#held.get(position);
  }

  /** As the scripts take them: token, how many, positions; then the next token. */
  named(positions: readonly number[]): string[] {
    const byToken = Map.groupBy(positions, (position) => this.#held.get(position)?.lease.token ?? noToken);
    return [...byToken].flatMap(([token, some]) => [token, String(some.length), ...some.map(String)]);
  }

  /** Some of a lease go on in one of their own (extend.lua). */
  moved(positions: readonly number[], to: string, from: string): void {
    const lease = { token: to, left: 0 };
    for (const position of positions) {
      const held = this.#held.get(position);
      if (held?.lease.token !== from) continue;
      held.lease.left -= 1;
      lease.left += 1;
      held.lease = lease;
    }
  }

  /** Tokens of the leases that have no event left without these. */
  endedBy(positions: readonly number[]): string[] {
    const counts = new Map<Lease, number>();
    for (const position of new Set(positions)) {
      const lease = this.#held.get(position)?.lease;
      if (lease) counts.set(lease, (counts.get(lease) ?? 0) + 1);
    }
    return [...counts].flatMap(([{ token, left }, count]) => (count === left ? [token] : []));
  }

  forget(positions: readonly number[]): void {
    for (const position of positions) {
      const held = this.#held.get(position);
      if (!held) continue;
      held.lease.left -= 1;
      this.#held.delete(position);
    }
  }
}
