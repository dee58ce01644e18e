/** A forwarder in front of any destination, with a queue in memory and a clock that stands, and what it told. */
import type { Destination } from '../../src/destinations/contract.ts';
import { createForwarder, type Forwarder, type ForwarderOptions } from '../../src/forward/forwarder.ts';
import type { Attempt, Settled } from '../../src/forward/hooks.ts';
import type { Rate } from '../../src/model.ts';
import { type FakeClock, until } from './fake-clock.ts';
import { createMemoryKeeper, type MemoryKeeper } from './memory-keeper.ts';

export type Sending = {
  readonly clock: FakeClock;
  readonly keeper: MemoryKeeper;
  readonly forwarder: Forwarder;
  readonly attempts: readonly (Attempt & { readonly at: number })[];
  readonly settled: readonly Settled[];
  readonly troubles: readonly string[];
  /** Waits (in real time) for that many attempts and for their settlement. */
  attempted(count: number): Promise<void>;
  drained(): Promise<void>;
  /** Moves the clock past what it waits for. */
  stop(): Promise<void>;
};

export type SendingOptions = Partial<
  Omit<ForwarderOptions, 'buffer' | 'destination' | 'clock' | 'forwardRate' | 'hooks'>
> & {
  readonly rates?: Readonly<Record<string, Rate>>;
};

/** As the relay has it by default. */
export const CONCURRENCY = 10;

export function openSending(destination: Destination, clock: FakeClock, options: SendingOptions = {}): Sending {
  const keeper = createMemoryKeeper(clock);
  const attempts: (Attempt & { at: number })[] = [];
  const settled: Settled[] = [];
  const troubles: string[] = [];
  const forwarder = createForwarder({
    buffer: keeper,
    destination,
    clock,
    forwardRate: (source) => options.rates?.[source] ?? null,
    ...(options.weightOf ? { weightOf: options.weightOf } : null),
    ...(options.sendership ? { sendership: options.sendership } : null),
    ...(options.ceilings ? { ceilings: options.ceilings } : null),
    batch: options.batch ?? { eventsMax: destination.eventsMax ?? 2000, bytesMax: 1_900_000, lingerMs: 0 },
    concurrency: options.concurrency ?? CONCURRENCY,
    retry: options.retry ?? { baseMs: 2000, maxMs: 60_000, jitterMs: [1000, 5000] },
    giveUpAfterMs: options.giveUpAfterMs ?? 72 * 3_600_000,
    leaseMs: options.leaseMs ?? 120_000,
    ...(options.stopGraceMs === undefined ? null : { stopGraceMs: options.stopGraceMs }),
    hooks: {
      attempt: (attempt) => attempts.push({ ...attempt, at: clock.monotonic() }),
      settled: (one) => settled.push(one),
      trouble: (doing) => troubles.push(doing),
    },
  });
  return {
    ...{ clock, keeper, forwarder, attempts, settled, troubles },
    attempted: (count) =>
      until(() => attempts.length >= count && forwarder.status().inFlight === 0, `${count} attempts`),
    drained: () => until(() => keeper.waiting() === 0 && forwarder.status().inFlight === 0, 'an empty queue'),
    async stop() {
      const stopped = forwarder.stop();
      await clock.advance(20_000);
      await stopped;
    },
  };
}
