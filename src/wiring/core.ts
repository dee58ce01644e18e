/** What a relay is made of, opened from the ground up; closing goes the other way. Nothing here listens yet. */

import type { BufferKeeper } from '../buffer/contract.ts';
import type { Clock } from '../clock.ts';
import { secretsOfDestination } from '../config/destinations-file.ts';
import type { Settings } from '../config/settings.ts';
import type { Destination } from '../destinations/contract.ts';
import { ceilingsByProject } from '../forward/ceiling.ts';
import { createForwarder, type Forwarder } from '../forward/forwarder.ts';
import type { Shape } from '../mapping/turn-to-events.ts';
import { alsoTo, createFeed, type Feed } from '../observe/feed.ts';
import type { HealthSnapshot, SourceStatus } from '../observe/health.ts';
import type { Log } from '../observe/log.ts';
import type { Mask } from '../observe/mask.ts';
import { createMetrics, type Metrics } from '../observe/metrics.ts';
import { createRefusedRing, type RefusedRing } from '../observe/refused-ring.ts';
import type { Replays } from '../replay/engine.ts';
import { createRemoteTexts, type RemoteTexts } from '../verify/remote-texts.ts';
import { version } from '../version.ts';
import { notingAttempts } from './attempt-notes.ts';
import { type OpenedDestinations, openDestinations } from './destinations.ts';
import { secretsIn } from './known-providers.ts';
import { type LearnedSecrets, openLearnedSecrets } from './learned-secrets.ts';
import { openOtherRelays } from './other-relays.ts';
import { createPressure, type Pressure } from './pressure.ts';
import { openReplays } from './replays.ts';
import { tellSender } from './senders.ts';
import { openSharedLimits, type SharedLimits } from './shared-limits.ts';
import { type SnapshotOptions, takeSnapshot, takeWholeSnapshot } from './snapshot.ts';
import { type OpenedSources, openSources, pseudonymKeyOf } from './sources.ts';
import { openStore } from './store.ts';
import { createTallyCache, createUnmappedCache } from './tally-cache.ts';
import { createTellers, type Tellers } from './telling.ts';

/** What the relay is doing: webhooks are accepted only while it serves. */
export type Phase = 'starting' | 'serving' | 'stopping' | 'failed';

export type DestinationForwarder = { readonly destination: Destination; readonly forwarder: Forwarder };

export type Core = AsyncDisposable & {
  readonly settings: Settings;
  readonly clock: Clock;
  /** What it says goes to the feed too. */
  readonly log: Log;
  readonly feed: Feed;
  readonly mask: Mask;
  readonly metrics: Metrics;
  readonly tellers: Tellers;
  readonly refused: RefusedRing;
  readonly buffer: BufferKeeper;
  readonly remote: RemoteTexts;
  readonly learned: LearnedSecrets;
  readonly limits: SharedLimits;
  readonly destinations: OpenedDestinations;
  readonly sources: OpenedSources;
  /** How each source is, beside what other relays run. */
  readonly statuses: () => readonly SourceStatus[];
  readonly shape: Shape;
  /** One for each destination, in their order. */
  readonly forwarders: readonly DestinationForwarder[];
  readonly pressure: Pressure;
  /** Behind live traffic, and only while the relay serves. */
  readonly replays: Replays;
  phase: Phase;
  /** Deliveries that the mapping stage has in hand. */
  mappingInHand: () => number;
  readonly snapshot: (freshMs?: number) => Promise<HealthSnapshot>;
  /** With what falls through. */
  readonly wholeSnapshot: (freshMs?: number) => Promise<HealthSnapshot>;
  /** Whether webhooks can be accepted, as far as is known now. */
  readonly ready: () => boolean;
};

/** Batches in flight when stopping: with settling (2 s) and closing, all stays within 10 s. */
const SEND_GRACE_MS = 4_000;
/**
 * A lease outlives two whole requests. Where others share the store, what a relay had leased when it was killed waits for the end of the
 * lease; a store of one's own gives it back when it is opened.
 */
const leaseMsFor = (sendTimeoutMs: number, shared: boolean) => 2 * sendTimeoutMs + (shared ? 5_000 : 30_000);

/** The mapping stage has more than one batch in hand: live deliveries wait to be mapped. */
const MAPPING_BUSY_AT = 256;

const notAccepting: Record<Phase, string | null> = {
  starting: 'starting',
  serving: null,
  stopping: 'stopping',
  failed: 'the store failed',
};

export async function openCore(options: { settings: Settings; clock: Clock; log: Log; mask: Mask }): Promise<Core> {
  const { settings, clock, mask } = options;
  const feed = createFeed({ clock, mask });
  const log = alsoTo(feed, options.log);
  await using cleanup = new AsyncDisposableStack();
  const metrics = createMetrics({ version, nodeVersion: process.version });
  const tellers = createTellers(log, metrics);
  const store = await openStore(settings, clock);
  const buffer = cleanup.use(store.buffer);
  const remote = createRemoteTexts({ clock });
  const learned = cleanup.use(await openLearnedSecrets(buffer, clock, { shared: store.shared }));
  const limits = cleanup.use(openSharedLimits(settings, clock, log));
  const destinations = cleanup.use(await openDestinations(settings, clock));
  const { shape } = destinations;
  const sandbox = destinations.configs.every(({ type }) => type === 'sandbox');
  const pseudonymKey = pseudonymKeyOf(settings, sandbox);
  const sources = cleanup.use(
    await openSources({
      settings,
      clock,
      log,
      shape,
      sandbox,
      remote,
      learned,
      limits,
      pseudonymKey,
      destinations: new Set(destinations.all.map(({ name }) => name)),
      changed: (now) => {
        metrics.know(now.map((source) => source.name));
        const own = [
          ...destinations.configs.flatMap(secretsOfDestination),
          settings.admin.token ?? '',
          settings.admin.readToken ?? '',
          ...store.secrets,
          pseudonymKey ?? '',
        ];
        mask.hide([...own, ...learned.all(), ...now.flatMap(secretsIn)]);
      },
    }),
  );
  const ceilingsOf = ceilingsByProject();
  const forwarders = destinations.all.map((destination) => {
    const project = destination.limitedWith ?? destination.ceiling?.project ?? destination.name;
    const sendership = buffer.sendership?.({ project, destination: destination.name });
    if (sendership) tellSender(sendership, destination.name, log);
    const forwarder = createForwarder({
      ...(sendership ? { sendership } : null),
      buffer,
      destination,
      clock,
      forwardRate: sources.forwardRate,
      weightOf: sources.weightOf,
      batch: { ...settings.batch, eventsMax: Math.min(settings.batch.eventsMax, destination.eventsMax ?? Infinity) },
      concurrency: settings.sendConcurrency,
      ...(destination.ceiling ? { ceilings: ceilingsOf(destination.ceiling) } : null),
      retry: settings.retry,
      giveUpAfterMs: settings.giveUpAfterMs,
      leaseMs: leaseMsFor(settings.sendTimeoutMs, store.shared),
      stopGraceMs: SEND_GRACE_MS,
      hooks: notingAttempts(tellers.forwarding(destination.name), { buffer, now: clock.now }),
    });
    return { destination, forwarder };
  });
  const others = cleanup.use(openOtherRelays({ buffer, clock, sources: sources.statuses }));
  const statuses = () => others.compared(sources.statuses());
  const tallies = createTallyCache(buffer, clock);
  const seen: SnapshotOptions = {
    ...{ clock, tallies, metrics, unmapped: createUnmappedCache(buffer, clock) },
    sources: statuses,
    destinations: () =>
      forwarders.map(({ destination: { name, address }, forwarder }) => ({ ...forwarder.status(), name, address })),
    notAccepting: () => notAccepting[core.phase] ?? (store.answering() ? null : 'the store does not answer'),
    ...{ storeWarnings: store.warnings, relay: buffer.relay, limitsApart: limits.apart },
  };
  const pressure = createPressure(clock);
  const replays = cleanup.use(
    openReplays({
      ...{ buffer, clock, log, shape, library: sources.library, runner: sources.runner },
      destinations: destinations.all,
      shared: store.shared,
      busy: () => core.phase !== 'serving' || pressure.busy() || core.mappingInHand() > MAPPING_BUSY_AT,
    }),
  );
  const held = cleanup.move();
  const core: Core = {
    ...{ settings, clock, log, mask, metrics, tellers, buffer, remote, learned, limits },
    ...{ feed, refused: createRefusedRing(clock) },
    ...{ destinations, sources, statuses, forwarders, shape },
    ...{ pressure, replays },
    phase: 'starting',
    mappingInHand: () => 0,
    snapshot: (freshMs) => takeSnapshot(seen, freshMs),
    wholeSnapshot: (freshMs) => takeWholeSnapshot(seen, freshMs),
    ready: () => core.phase === 'serving' && store.answering() && (tallies.last === null || tallies.last.full === null),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
  return core;
}
