/** What a keeper does while its Redis is away, and what is left of what it took: asked the same way whatever Redis went through. */
import { expect } from 'vitest';
import type { RedisBuffer } from '../../src/buffer/redis/keeper.ts';
import { accept, everything } from './redis-keeper.ts';

/** Issue 6: 503 within 300 ms, everything again within 3 s. */
const refusedWithinMs = 300;
/** The machine may be busy. */
const slackMs = 100;
export const back = { timeout: 3_000, interval: 20 };

export async function refusedSoon(keeper: RedisBuffer): Promise<void> {
  const began = performance.now();
  await expect(accept(keeper)).rejects.toThrow(/Redis/);
  expect(performance.now() - began).toBeLessThan(refusedWithinMs + slackMs);
}

export type Flood = { readonly accepted: ReadonlySet<string>; end(): Promise<void> };

/** So many senders that never rest; `accepted`: what they were told is kept. */
export function flood(keeper: RedisBuffer, senders: number): Flood {
  const accepted = new Set<string>();
  let over = false;
  const sending = Array.from({ length: senders }, async () => {
    while (!over) {
      const answer = await accept(keeper).catch(() => null);
      if (answer?.status === 'accepted') accepted.add(answer.id);
      // A refusal comes at once: others want the processor, too.
      else await new Promise(setImmediate);
    }
  });
  return {
    accepted,
    async end() {
      over = true;
      await Promise.all(sending);
    },
  };
}

/** Of these, those that are not there to be mapped. */
export async function missing(keeper: RedisBuffer, accepted: ReadonlySet<string>): Promise<string[]> {
  const kept = new Set<string>();
  for (let after = 0; ; ) {
    const some = await keeper.nextDeliveries({ ...everything, after });
    if (some.length === 0) return [...accepted].filter((id) => !kept.has(id));
    for (const { id } of some) kept.add(id);
    after = some.at(-1)?.position ?? 0;
  }
}
