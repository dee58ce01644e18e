/** The checks of health+json, one for each measure that contract §4 names. */
import type { BufferTally } from '../buffer/contract.ts';
import type { Check, DestinationStatus, HealthSnapshot, HealthStatus, SourceStatus } from './health.ts';

/** Contract §4: dead letters of the last hour, and the oldest waiting event past 15 minutes, are warnings. */
const DEAD_LETTER_WARN_MS = 3_600_000;
const OLDEST_WARN_SECONDS = 15 * 60;

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

/** Only of a store that was started on although it may lose what was accepted. */
function storeMeasures(warnings: readonly string[], detailed: boolean): [string, Measure][] {
  if (warnings.length === 0) return [];
  const output = detailed ? warnings.join(' ') : 'the store may lose what was accepted';
  return [['buffer:durability', { value: 'accept-loss', unit: 'durability', status: 'warn', output }]];
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
