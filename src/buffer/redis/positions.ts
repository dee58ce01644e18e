/**
 * What this relay knows of the positions of deliveries: the highest of any shard, which each script is told so that the shards
 * grow alike, and whether another relay has accepted something since.
 */
export class Positions {
  #highest = 0;
  #accepting = 0;

  get highest(): number {
    return this.#highest;
  }

  saw(position: number): void {
    this.#highest = Math.max(this.#highest, position);
  }

  /** While it lasts, what is new may be our own. */
  accepting(): () => void {
    this.#accepting += 1;
    return () => {
      this.#accepting -= 1;
    };
  }

  /** True when somebody else accepted something. */
  sawOthers(position: number): boolean {
    if (this.#accepting > 0 || position <= this.#highest) return false;
    this.#highest = position;
    return true;
  }
}
