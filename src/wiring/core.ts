/** What a relay is made of, opened from the ground up; closing goes the other way. Nothing here listens yet. */

import type { BufferKeeper } from '../buffer/contract.ts';
import { openSqliteBuffer } from '../buffer/sqlite/keeper.ts';
import type { Clock } from '../clock.ts';
import type { Settings } from '../config/settings.ts';
import { shapeOutput } from '../destinations/mixpanel/shape.ts';
import { createForwarder, type Forwarder } from '../forward/forwarder.ts';
import type { Shape } from '../mapping/turn-to-events.ts';
import type { HealthSnapshot } from '../observe/health.ts';
import type { Log } from '../observe/log.ts';
import type { Mask } from '../observe/mask.ts';
import { createMetrics, type Metrics } from '../observe/metrics.ts';
import { createRemoteTexts, type RemoteTexts } from '../verify/remote-texts.ts';
import { version } from '../version.ts';
import { type OpenedDestination, openDestination } from './destination.ts';
import { secretsIn } from './known-providers.ts';
import { type LearnedSecrets, openLearnedSecrets } from './learned-secrets.ts';
import { createPressure, type Pressure } from './pressure.ts';
import { type SnapshotOptions, takeSnapshot, takeWholeSnapshot } from './snapshot.ts';
import { type OpenedSources, openSources } from './sources.ts';
import { createTallyCache, createUnmappedCache } from './tally-cache.ts';
import { createTellers, type Tellers } from './telling.ts';

/** What the relay is doing: webhooks are accepted only while it serves. */
export type Phase = 'starting' | 'serving' | 'stopping' | 'failed';

export type Core = AsyncDisposable & {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Log;
  readonly mask: Mask;
  readonly metrics: Metrics;
  readonly tellers: Tellers;
  readonly buffer: BufferKeeper;
  readonly remote: RemoteTexts;
  readonly learned: LearnedSecrets;
  readonly opened: OpenedDestination;
  readonly sources: OpenedSources;
  readonly shape: Shape;
  readonly forwarder: Forwarder;
  readonly pressure: Pressure;
  phase: Phase;
  readonly snapshot: (freshMs?: number) => Promise<HealthSnapshot>;
  /** With what falls through. */
  readonly wholeSnapshot: (freshMs?: number) => Promise<HealthSnapshot>;
  /** Whether webhooks can be accepted, as far as is known now. */
  readonly ready: () => boolean;
};

/** Batches in flight when stopping: with settling (2 s) and closing, all stays within 10 s. */
const SEND_GRACE_MS = 4_000;
/** A lease outlives two whole requests. */
const leaseMsFor = (sendTimeoutMs: number) => 2 * sendTimeoutMs + 30_000;

const notAccepting: Record<Phase, string | null> = {
  starting: 'starting',
  serving: null,
  stopping: 'stopping',
  failed: 'the store failed',
};

export async function openCore(options: { settings: Settings; clock: Clock; log: Log; mask: Mask }): Promise<Core> {
  const { settings, clock, log, mask } = options;
  await using cleanup = new AsyncDisposableStack();
  const metrics = createMetrics({ version, nodeVersion: process.version });
  const tellers = createTellers(log, metrics);
  const buffer = cleanup.use(
    await openSqliteBuffer({
      folder: settings.dataDir,
      clock,
      bytesMax: settings.bufferBytesMax,
      keepDeliveriesMs: settings.keepDeliveriesMs,
    }),
  );
  const remote = createRemoteTexts({ clock });
  const learned = await openLearnedSecrets(buffer, clock);
  const opened = cleanup.use(await openDestination(settings, clock));
  const { destination } = opened;
  const sources = cleanup.use(
    await openSources({
      settings,
      clock,
      log,
      shape: shapeOutput,
      remote,
      learned,
      destinations: new Set([destination.name]),
      changed: (now) => {
        metrics.know(now.map((source) => source.name));
        const own = [settings.mixpanel.token, settings.admin.token].filter((secret) => secret !== null);
        mask.hide([...own, ...learned.all(), ...now.flatMap(secretsIn)]);
      },
    }),
  );
  const forwarder = createForwarder({
    buffer,
    destination,
    clock,
    forwardRate: sources.forwardRate,
    batch: settings.batch,
    concurrency: settings.sendConcurrency,
    retry: settings.retry,
    giveUpAfterMs: settings.giveUpAfterMs,
    leaseMs: leaseMsFor(settings.sendTimeoutMs),
    stopGraceMs: SEND_GRACE_MS,
    hooks: tellers.forwarding(destination.name),
  });
  const tallies = createTallyCache(buffer, clock);
  const seen: SnapshotOptions = {
    ...{ clock, tallies, metrics, unmapped: createUnmappedCache(buffer, clock) },
    sources: sources.statuses,
    destinations: () => [{ ...forwarder.status(), name: destination.name, address: destination.address }],
    notAccepting: () => notAccepting[core.phase],
  };
  const held = cleanup.move();
  const core: Core = {
    ...{ settings, clock, log, mask, metrics, tellers, buffer, remote, learned, opened, sources, forwarder },
    shape: shapeOutput,
    pressure: createPressure(clock),
    phase: 'starting',
    snapshot: (freshMs) => takeSnapshot(seen, freshMs),
    wholeSnapshot: (freshMs) => takeWholeSnapshot(seen, freshMs),
    ready: () => core.phase === 'serving' && (tallies.last === null || tallies.last.full === null),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
  return core;
}
