/** The checks of health+json, one for each measure that contract §4 names. */
import type { BufferTally } from '../buffer/contract.ts';
import type { Check, DestinationStatus, HealthSnapshot, HealthStatus, LimitsApart, SourceStatus } from './health.ts';

/** Contract §4: dead letters of the last hour, and the oldest waiting event past 15 minutes, are warnings. */
const DEAD_LETTER_WARN_MS = 3_600_000;
const OLDEST_WARN_SECONDS = 15 * 60;
/** A slow fsync of Redis is over by then, and was nobody's to mend. */
const APART_WARN_MS = 10_000;

type Measure = {
  readonly value: unknown;
  readonly unit: string;
  readonly status?: HealthStatus;
  readonly output?: string;
};

export function checksOf(snapshot: HealthSnapshot, detailed: boolean): Record<string, readonly Check[]> {
  const time = new Date(snapshot.now).toISOString();
  const measures: [string, Measure][] = [
    ...bufferMeasures(snapshot.tally, snapshot.now),
    ...storeMeasures(snapshot.storeWarnings ?? [], detailed),
    ...limitsMeasures(snapshot, detailed),
    ...snapshot.destinations.map((one): [string, Measure] => [
      `destination:${one.name}`,
      destinationMeasure(one, detailed),
    ]),
    ['mappings:loaded', mappingsMeasure(snapshot.sources)],
  ];
  if (detailed && snapshot.lagMs !== undefined) {
    measures.push(['event_loop:lag', { value: Math.round(snapshot.lagMs), unit: 'ms' }]);
  }
  return Object.fromEntries(measures.map(([key, measure]) => [key, [checkOf(measure, time)]]));
}

function checkOf({ value, unit, status = 'pass', output }: Measure, time: string): Check {
  return { observedValue: value, observedUnit: unit, status, time, ...(output === undefined ? {} : { output }) };
}

function bufferMeasures(tally: BufferTally | null, now: number): [string, Measure][] {
  if (tally === null) {
    return [
      ['buffer:fill_ratio', { value: null, unit: 'ratio', status: 'fail', output: 'the buffer does not answer' }],
    ];
  }
  const sum = (of: 'waiting' | 'unmapped') => Object.values(tally.sources).reduce((total, one) => total + one[of], 0);
  const oldest = tally.oldestWaitingAt === null ? 0 : Math.max(0, (now - tally.oldestWaitingAt) / 1_000);
  const ratio = tally.bytesMax > 0 ? tally.bytesUsed / tally.bytesMax : 0;
  const letters = tally.deadLetters.reduce((total, { count }) => total + count, 0);
  const newLetters = tally.lastDeadLetterAt !== null && now - tally.lastDeadLetterAt < DEAD_LETTER_WARN_MS;
  return [
    ['buffer:events_waiting', { value: sum('waiting'), unit: 'events' }],
    ['buffer:deliveries_waiting', { value: sum('unmapped'), unit: 'deliveries' }],
    [
      'buffer:oldest_waiting_seconds',
      { value: Math.round(oldest * 1_000) / 1_000, unit: 's', status: oldest > OLDEST_WARN_SECONDS ? 'warn' : 'pass' },
    ],
    [
      'buffer:fill_ratio',
      {
        value: Math.round(ratio * 10_000) / 10_000,
        unit: 'ratio',
        ...(tally.full === null ? {} : { status: 'fail' as const, output: `no room: ${tally.full}` }),
      },
    ],
    [
      'dead_letters:count',
      {
        value: letters,
        unit: 'dead letters',
        ...(newLetters ? { status: 'warn' as const, output: 'some were added in the last hour' } : {}),
      },
    ],
  ];
}

/** Only of a store that may lose what was accepted: started on all the same, or found in the place of another (a failover). */
function storeMeasures(warnings: readonly string[], detailed: boolean): [string, Measure][] {
  if (warnings.length === 0) return [];
  const output = detailed ? warnings.join(' ') : 'the store may lose what was accepted';
  return [['buffer:durability', { value: 'accept-loss', unit: 'durability', status: 'warn', output }]];
}

/** Only of a relay that has others to count with. */
function limitsMeasures({ limitsApart, now }: HealthSnapshot, detailed: boolean): [string, Measure][] {
  if (limitsApart === undefined) return [];
  if (limitsApart === null) return [['limits:door', { value: 'together', unit: 'counting' }]];
  const status = now - limitsApart.since > APART_WARN_MS ? 'warn' : 'pass';
  const output = detailed ? apartWords(limitsApart) : 'each relay counts by itself';
  return [['limits:door', { value: 'apart', unit: 'counting', status, output }]];
}

function apartWords({ since, reason }: LimitsApart): string {
  return [
    `Redis was not heard in time (${reason}): since ${new Date(since).toISOString()} this relay keeps the limits at the door by itself,`,
    'so that as many relays may let through as many times limits.accept. It ends by itself when Redis answers fast again;',
    'if it lasts, look at the load of Redis, at the disk of its log and at the network.',
  ].join(' ');
}

function destinationMeasure(destination: DestinationStatus, detailed: boolean): Measure {
  const { state, lastError } = destination;
  if (state === 'ok') return { value: state, unit: 'state' };
  const words = detailed && lastError !== null ? lastError.message : undefined;
  return { value: state, unit: 'state', status: 'warn', ...(words === undefined ? {} : { output: words }) };
}

/** Counts only: the names are in the private form's `sources`. */
function mappingsMeasure(sources: readonly SourceStatus[]): Measure {
  const counts: readonly [number, string][] = [
    [sources.filter((source) => source.missing.length > 0).length, 'closed for a missing variable'],
    [sources.filter((source) => source.unverified).length, 'not verified'],
    [sources.filter((source) => source.refused !== null).length, 'refused as changed'],
    [sources.filter((source) => source.elsewhere !== undefined).length, 'not the same on all relays'],
  ];
  const remarks = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  const loaded = sources.filter((source) => source.revision !== null).length;
  return {
    value: loaded,
    unit: 'mappings',
    ...(remarks.length === 0 ? {} : { status: 'warn' as const, output: remarks.join(', ') }),
  };
}
