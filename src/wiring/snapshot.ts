/** Health and metrics look at the relay through one snapshot, so that they never tell different stories. */
import type { Clock } from '../clock.ts';
import type { DestinationStatus, HealthSnapshot, LimitsApart, SourceStatus } from '../observe/health.ts';
import type { Metrics } from '../observe/metrics.ts';
import { version } from '../version.ts';
import type { TallyCache, UnmappedCache } from './tally-cache.ts';

export type SnapshotOptions = {
  readonly clock: Clock;
  readonly tallies: TallyCache;
  readonly unmapped: UnmappedCache;
  readonly metrics: Pick<Metrics, 'refusals'>;
  readonly sources: () => readonly SourceStatus[];
  readonly destinations: () => readonly DestinationStatus[];
  readonly notAccepting: () => string | null;
  /** This relay's id among several. */
  readonly relay: string | undefined;
  readonly limitsApart: () => LimitsApart | null | undefined;
  /** What the store may lose, in words; of a shared one it may change. */
  readonly storeWarnings: () => readonly string[];
};

/** `freshMs`: how old the buffer's counts may be; 0 asks anew. */
export async function takeSnapshot(options: SnapshotOptions, freshMs?: number): Promise<HealthSnapshot> {
  const tally = await options.tallies.get(freshMs);
  const { relay } = options;
  const limitsApart = options.limitsApart();
  return {
    version,
    now: options.clock.now(),
    notAccepting: options.notAccepting(),
    storeWarnings: options.storeWarnings(),
    ...(relay === undefined ? {} : { relay }),
    ...(limitsApart === undefined ? {} : { limitsApart }),
    tally,
    sources: options.sources(),
    destinations: options.destinations(),
    refusals: options.metrics.refusals,
  };
}

/** With what falls through, which only the private port shows. */
export async function takeWholeSnapshot(options: SnapshotOptions, freshMs?: number): Promise<HealthSnapshot> {
  const [snapshot, unmapped] = await Promise.all([takeSnapshot(options, freshMs), options.unmapped.get(freshMs)]);
  return { ...snapshot, unmapped: unmapped ?? [] };
}
