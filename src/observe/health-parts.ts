/** The private form's `sources` and `destinations`: how each is, with counts and times. */
import type { SourceTally, UnmappedType } from '../buffer/contract.ts';
import type { DestinationStatus, HealthSnapshot, HealthStatus, SourceStatus } from './health.ts';

export type SourceHealth = {
  readonly status: HealthStatus;
  readonly accepted: number;
  readonly duplicates: number;
  readonly unverified: number;
  readonly limited: number;
  /** Deliveries of which the mapping made nothing. */
  readonly skipped: number;
  /** Deliveries whose mapping failed. */
  readonly map_failed: number;
  readonly delivered: number;
  /** Events that will not be tried again. */
  readonly dead: number;
  /** Events that wait, and deliveries not yet mapped. */
  readonly waiting: number;
  readonly last_accepted_at: string | null;
  /** Why the status is not pass; also standing remarks. */
  readonly reasons: readonly string[];
  /** Types that were skipped or failed, those that come most first. */
  readonly unmapped: readonly UnmappedHealth[];
};

export type UnmappedHealth = {
  /** Null: those without a type. */
  readonly type: string | null;
  readonly skipped: number;
  readonly failed: number;
  /** The newest of them, and when it was received. */
  readonly last_delivery: string;
  readonly last_at: string;
  /** When the first was received that these counts hold. */
  readonly since: string;
};

export type DestinationHealth = {
  readonly status: HealthStatus;
  readonly state: DestinationStatus['state'];
  readonly address: string;
  readonly waiting: number;
  readonly since: string;
  readonly last_success_at: string | null;
  readonly next_attempt_at: string | null;
  /** Events a second, found from its answers; null: no limit was met. */
  readonly rate_limit: number | null;
  readonly last_error: { readonly reason: string; readonly message: string; readonly at: string } | null;
  /** Of several relays on one store: `this relay`, the id of another, or null: nobody was heard of who sends. */
  readonly sender?: string | null;
};

export const THIS_RELAY = 'this relay';

const NOTHING: SourceTally = {
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
};

/** Why a source is not as it should be; empty: it is. */
export function sourceReasons(source: SourceStatus): readonly string[] {
  const reasons: string[] = [];
  if (source.missing.length > 0) reasons.push(`closed: ${source.missing.join(', ')} not set`);
  if (source.unverified) reasons.push('not verified: anybody who knows the URL can send');
  if (source.refused !== null) {
    reasons.push(
      source.revision === null
        ? `not loaded: ${source.refused}`
        : `an older mapping runs, the change was refused: ${source.refused}`,
    );
  }
  if (source.elsewhere !== undefined) {
    const others = source.elsewhere.map(({ revision, relays }) => `${revision ?? 'none'} on ${relays}`).join(', ');
    reasons.push(`not the same on all relays: mapping ${source.revision ?? 'none'} here, on others ${others}`);
  }
  return reasons;
}

/** `fail` only where there is no mapping at all; the relay as a whole still accepts. */
export function sourceStatusOf(source: SourceStatus): HealthStatus {
  if (source.refused !== null && source.revision === null) return 'fail';
  return sourceReasons(source).length > 0 ? 'warn' : 'pass';
}

export function sourceHealth(snapshot: HealthSnapshot): Record<string, SourceHealth> {
  const tallies = snapshot.tally?.sources ?? {};
  const configured = new Map(snapshot.sources.map((source) => [source.name, source]));
  const fallen = Map.groupBy(snapshot.unmapped ?? [], ({ source }) => source);
  const names = [...new Set([...configured.keys(), ...Object.keys(tallies)])].sort();
  return Object.fromEntries(
    names.map((name) => {
      const one = oneSource(configured.get(name), tallies[name] ?? NOTHING, snapshot.refusals(name));
      return [name, { ...one, unmapped: (fallen.get(name) ?? []).map(unmappedHealth) }];
    }),
  );
}

function oneSource(
  source: SourceStatus | undefined,
  tally: SourceTally,
  refusals: { readonly unverified: number; readonly limited: number },
): Omit<SourceHealth, 'unmapped'> {
  return {
    status: source === undefined ? 'pass' : sourceStatusOf(source),
    accepted: tally.accepted,
    duplicates: tally.duplicates,
    unverified: refusals.unverified,
    limited: refusals.limited,
    skipped: tally.skipped,
    map_failed: tally.failed,
    delivered: tally.delivered,
    dead: tally.dead,
    waiting: tally.waiting + tally.unmapped,
    last_accepted_at: iso(tally.lastAcceptedAt),
    reasons: source === undefined ? ['its folder is gone'] : [...sourceReasons(source), ...(source.remarks ?? [])],
  };
}

function unmappedHealth({ type, skipped, failed, lastDelivery, lastAt, since }: UnmappedType): UnmappedHealth {
  const at = (time: number) => new Date(time).toISOString();
  return { type, skipped, failed, last_delivery: lastDelivery, last_at: at(lastAt), since: at(since) };
}

export function destinationHealth(snapshot: HealthSnapshot): Record<string, DestinationHealth> {
  const waiting = snapshot.tally?.waitingByDestination ?? {};
  return Object.fromEntries(
    snapshot.destinations.map((one) => [
      one.name,
      {
        status: one.state === 'ok' ? ('pass' as const) : ('warn' as const),
        state: one.state,
        address: one.address,
        waiting: waiting[one.name] ?? 0,
        since: new Date(one.since).toISOString(),
        last_success_at: iso(one.lastSuccessAt),
        next_attempt_at: iso(one.nextAttemptAt),
        rate_limit: one.rateLimit === null ? null : Math.round(one.rateLimit * 10) / 10,
        last_error: one.lastError === null ? null : { ...one.lastError, at: new Date(one.lastError.at).toISOString() },
        ...(one.sender === undefined ? {} : { sender: one.sender === snapshot.relay ? THIS_RELAY : one.sender }),
      },
    ]),
  );
}

function iso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
