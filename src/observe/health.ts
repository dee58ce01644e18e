/**
 * How the relay is, as health+json (contract §4 and §5): a pure function of one snapshot. `warn` and `fail` mean exactly
 * what the contract says, so that an alert on them is worth getting up for. The public form names no source.
 */
import type { BufferTally, UnmappedType } from '../buffer/contract.ts';
import { checksOf } from './health-checks.ts';
import { type DestinationHealth, destinationHealth, type SourceHealth, sourceHealth } from './health-parts.ts';

export type HealthStatus = 'pass' | 'warn' | 'fail';

/** A configured source, as far as health and lists show it: no secret in it. */
export type SourceStatus = {
  readonly name: string;
  /** Null: its folder never loaded. */
  readonly provider: string | null;
  /** Of the mapping that runs; null: none does. */
  readonly revision: string | null;
  /** Variables that are not set; not empty: the source is closed. */
  readonly missing: readonly string[];
  /** `verify: none`. */
  readonly unverified: boolean;
  /** Why the newest change (or the whole folder) was refused; null: what is in the folder runs. */
  readonly refused: string | null;
  /** What other relays on the same store run, when not all run the same: how many run which; null: none. */
  readonly elsewhere?: readonly { readonly revision: string | null; readonly relays: number }[];
  /** Standing remarks that do not change the status. */
  readonly remarks?: readonly string[];
};

/** What `forward/` says of a destination, and its address. */
export type DestinationStatus = {
  readonly name: string;
  /** Without secrets. */
  readonly address: string;
  readonly state: 'ok' | 'failing' | 'paused';
  readonly since: number;
  readonly lastError: { readonly reason: string; readonly message: string; readonly at: number } | null;
  readonly nextAttemptAt: number | null;
  readonly lastSuccessAt: number | null;
  /** Events a second that it is sent at most; null: no limit was met. */
  readonly rateLimit: number | null;
  /** Id of the relay that sends there; null: nobody was heard of who does; absent: no other relay could. */
  readonly sender?: string | null;
};

/** A relay that should count together with others counts alone. */
export type LimitsApart = { readonly since: number; readonly reason: string };

export type HealthSnapshot = {
  readonly version: string;
  readonly now: number;
  /** Null: webhooks are accepted, as far as the relay itself goes; else why not (starting, stopping, store failed). */
  readonly notAccepting: string | null;
  /** This relay's id among those on one store; absent: the store is its own. */
  readonly relay?: string;
  /** Null: the limits at the door are kept by all relays together; absent: there are no others. */
  readonly limitsApart?: LimitsApart | null;
  /** What the store may lose, in words; absent or empty: nothing. */
  readonly storeWarnings?: readonly string[];
  /** Null: the buffer did not answer. */
  readonly tally: BufferTally | null;
  /** What falls through, those that come most first for each source; absent: not asked for. */
  readonly unmapped?: readonly UnmappedType[];
  readonly sources: readonly SourceStatus[];
  readonly destinations: readonly DestinationStatus[];
  /** Refused at the door since the start, by source. */
  readonly refusals: (source: string) => { readonly unverified: number; readonly limited: number };
  /** How late the event loop is. */
  readonly lagMs?: number;
};

export type Check = {
  readonly observedValue: unknown;
  readonly observedUnit: string;
  readonly status: HealthStatus;
  readonly time: string;
  readonly output?: string;
};

export type HealthReport = {
  readonly status: HealthStatus;
  readonly version: string;
  readonly output?: string;
  readonly checks: Readonly<Record<string, readonly Check[]>>;
};

export type PrivateHealthReport = HealthReport & {
  readonly relay?: string;
  readonly sources: Readonly<Record<string, SourceHealth>>;
  readonly destinations: Readonly<Record<string, DestinationHealth>>;
};

export const HEALTH_CONTENT_TYPE = 'application/health+json';

/** For the public port: no source names, no words of destinations. */
export function publicHealth(snapshot: HealthSnapshot): HealthReport {
  return reportOf(snapshot, false);
}

/** For the private port: `sources` and `destinations` with counts and times, and which relay this is among several. */
export function privateHealth(snapshot: HealthSnapshot): PrivateHealthReport {
  const { relay } = snapshot;
  return {
    ...reportOf(snapshot, true),
    ...(relay === undefined ? {} : { relay }),
    ...{ sources: sourceHealth(snapshot), destinations: destinationHealth(snapshot) },
  };
}

/** pass and warn are 200: a load balancer must not turn away webhooks because a destination fails. */
export function healthStatusCode(report: HealthReport): number {
  return report.status === 'fail' ? 503 : 200;
}

/** Null: webhooks can be accepted. */
export function cannotAccept(snapshot: Pick<HealthSnapshot, 'notAccepting' | 'tally'>): string | null {
  if (snapshot.notAccepting !== null) return snapshot.notAccepting;
  if (snapshot.tally === null) return 'the buffer does not answer';
  if (snapshot.tally.full === null) return null;
  return snapshot.tally.full === 'disk' ? 'the disk is nearly full' : 'waiting work fills RELAY_BUFFER_MAX_BYTES';
}

function reportOf(snapshot: HealthSnapshot, detailed: boolean): HealthReport {
  const refusing = cannotAccept(snapshot);
  const checks = checksOf(snapshot, detailed);
  const worst = Object.values(checks).some((list) => list.some((check) => check.status !== 'pass'));
  const status: HealthStatus = refusing !== null ? 'fail' : worst ? 'warn' : 'pass';
  return {
    status,
    version: snapshot.version,
    ...(refusing === null ? {} : { output: `Webhooks cannot be accepted: ${refusing}.` }),
    checks,
  };
}
