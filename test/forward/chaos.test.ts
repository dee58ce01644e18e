import { expect, test } from 'vitest';
import type { Order } from '../../src/destinations/sandbox/faults.ts';
import { until } from '../support/fake-clock.ts';
import { type Lane, openLane } from '../support/lane.ts';

const faults: readonly Order[] = [
  { scenario: 'flap429', times: 2 },
  { scenario: 'html503' },
  { scenario: 'nullBody' },
  { scenario: 'ambiguousAfterIngest' },
  { scenario: 'partialIngestThen500' },
  { scenario: 'poisonRecord', index: 3 },
  { closeBefore: true },
  { status: 401, body: 'who' },
  { status: 413, body: 'too large' },
  { status: 429, headers: { 'retry-after': '300' } },
  { status: 200, body: '<html>', times: 2 },
];

/** Of a millisecond: an answer over a socket of this machine has come by then. */
const LOOKS_MAX = 200;

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'whatever goes wrong (order %i), each event ends delivered or dead, and none is counted twice',
  async (seed) => {
    const random = generator(seed);
    await using lane = await openLane({
      batch: { eventsMax: 50, bytesMax: 20_000, lingerMs: 250 },
      rates: { paced: { count: 200, windowMs: 1000 } },
      concurrency: 4,
      leaseMs: 100_000,
    });
    lane.clock.chance = random();
    lane.forwarder.start();
    let total = 0;
    for (let round = 0; round < 25; round++) {
      const source = ['stripe', 'github', 'paced'][Math.floor(random() * 3)] ?? '';
      const count = 1 + Math.floor(random() * 120);
      lane.put(source, count, { padding: Math.floor(random() * 900) });
      total += count;
      if (random() < 0.6) lane.sandbox.faults.order(faults[Math.floor(random() * faults.length)]);
      if (random() < 0.15) lane.keeper.failing.settle = Math.ceil(random() * 4);
      if (random() < 0.1) lane.keeper.failing.lease = 1;
      await quiet(lane);
      await lane.clock.advance(random() * 20_000);
    }
    for (let round = 0; round < 300 && lane.keeper.waiting() > 0; round++) {
      await quiet(lane);
      await lane.clock.advance(20_000);
    }
    await lane.drained();
    const { delivered, dead } = lane.keeper;
    expect(delivered.length + dead.length).toBe(total);
    expect(new Set([...delivered, ...dead.map((one) => one.event)].map((event) => event.position)).size).toBe(total);
    const arrived = new Set(lane.sandbox.deduped().map((copy) => copy.record.properties.number));
    for (const event of delivered) expect(arrived).toContain(JSON.parse(event.json).properties.number);
    expect(lane.sandbox.state().events.distinct).toBe(arrived.size);
    // Poison is the only reason to bury; the other faults pass.
    expect(
      new Set(dead.map((one) => one.letter.reason)).difference(new Set(['rejected', 'unreadable_answer', 'too_large']))
        .size,
    ).toBe(0);
    expect(lane.keeper.leased()).toBe(0);
  },
);

/** Until nothing is on its way over a socket: what goes on then waits for the clock (a settling that failed does, a second at most). */
async function quiet(lane: Lane): Promise<void> {
  let looks = 0;
  const stuck = () => ++looks > LOOKS_MAX && lane.clock.waits().some((ms) => ms <= 1000);
  await until(() => lane.forwarder.status().inFlight === 0 || stuck(), 'quiet');
}

function generator(seed: number): () => number {
  let state = seed * 2_654_435_761;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 1 | state) + 0x6d2b79f5) | 0;
    return ((state ^ (state >>> 14)) >>> 0) / 2 ** 32;
  };
}
