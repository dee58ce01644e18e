/** A relay's state made up for tests of health, metrics and the private port. */
import type { BufferTally, SourceTally, UnmappedType } from '../../src/buffer/contract.ts';
import type { Clock } from '../../src/clock.ts';
import type { Source } from '../../src/model.ts';
import type { DestinationStatus, HealthSnapshot, SourceStatus } from '../../src/observe/health.ts';

export const NOW = Date.UTC(2026, 10, 21, 10, 4, 11);

/** Stands still; `wait` never ends by itself unless `late` is set. */
export function stillClock(options: { readonly late?: boolean } = {}): Clock {
  return {
    now: () => NOW,
    monotonic: () => 0,
    wait: (_ms, signal) =>
      options.late
        ? Promise.resolve()
        : new Promise((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true })),
    random: () => 0.5,
  };
}

export function sourceTally(given: Partial<SourceTally> = {}): SourceTally {
  return {
    accepted: 0,
    duplicates: 0,
    unmapped: 0,
    mapped: 0,
    skipped: 0,
    failed: 0,
    created: 0,
    waiting: 0,
    delivered: 0,
    dead: 0,
    lastAcceptedAt: null,
    ...given,
  };
}

export function unmappedType(given: Partial<UnmappedType> = {}): UnmappedType {
  const shared = { source: 'stripe', type: 'charge.pending', lastDelivery: 'dlv_1' };
  return { ...shared, skipped: 1, failed: 0, lastAt: NOW - 1_000, since: NOW - 60_000, ...given };
}

export function tally(given: Partial<BufferTally> = {}): BufferTally {
  return {
    sources: {},
    waitingByDestination: {},
    deadLetters: [],
    lastDeadLetterAt: null,
    oldestWaitingAt: null,
    bytesUsed: 1_000,
    bytesMax: 10_000,
    full: null,
    ...given,
  };
}

export function sourceStatus(given: Partial<SourceStatus> = {}): SourceStatus {
  return {
    name: 'stripe',
    provider: 'stripe',
    revision: 'r1',
    missing: [],
    unverified: false,
    refused: null,
    ...given,
  };
}

export function destinationStatus(given: Partial<DestinationStatus> = {}): DestinationStatus {
  return {
    name: 'mixpanel',
    address: 'https://api.mixpanel.com',
    state: 'ok',
    since: NOW - 60_000,
    lastError: null,
    nextAttemptAt: null,
    rateLimit: null,
    lastSuccessAt: NOW - 1_000,
    ...given,
  };
}

export function snapshot(given: Partial<HealthSnapshot> = {}): HealthSnapshot {
  return {
    version: '0.1.0',
    now: NOW,
    notAccepting: null,
    tally: tally(),
    sources: [sourceStatus()],
    destinations: [destinationStatus()],
    refusals: () => ({ unverified: 0, limited: 0 }),
    ...given,
  };
}

export function source(given: Partial<Source> = {}): Source {
  return {
    name: 'stripe',
    provider: 'stripe',
    secrets: [],
    missing: [],
    url: null,
    toleranceMs: null,
    destinations: ['mixpanel'],
    keep: 'full',
    answer: null,
    limits: { accept: { count: 60_000, windowMs: 60_000 }, forward: null },
    fields: {},
    verify: null,
    deliveryId: null,
    ...given,
  };
}
