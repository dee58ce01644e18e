/** What is past its retention goes, a bounded piece at a time. Keys that were seen go by themselves (their time to live). */
import { script } from './script.ts';
import type { Shard } from './shard.ts';

/** Pieces of one sweep: called once a second, it keeps up with several thousand deliveries a second. */
const piecesMax = 100;

/** Names of relays that are no more; one that comes back is known again when it asks. */
const forgottenAfterMs = 3_600_000;

const sweepScript = script('sweep', ['lanes', 'leases', 'letters', 'events', 'room'], { allowOom: true });

export class Sweeping {
  readonly #shards: readonly Shard[];
  readonly #keepDeliveriesMs: number;
  readonly #now: () => number;

  constructor(shards: readonly Shard[], keepDeliveriesMs: number, now: () => number) {
    this.#shards = shards;
    this.#keepDeliveriesMs = keepDeliveriesMs;
    this.#now = now;
  }

  async sweep(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => this.#sweep(shard)));
  }

  async #sweep(shard: Shard): Promise<void> {
    const before = String(this.#now() - this.#keepDeliveriesMs);
    for (let piece = 0; piece < piecesMax; piece++) {
      const [more] = await shard.call(sweepScript, [before, String(forgottenAfterMs)]);
      if (more !== 1) return;
    }
  }
}
