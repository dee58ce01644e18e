/**
 * Counting what passes. What a webhook touches are plain maps and two histograms without labels (under 2 µs together);
 * gauges are read from the relay's state when Prometheus asks. Labels are bounded: a source that is not configured
 * counts as `unknown`, reasons and outcomes come from our own tables.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { BufferTally, UnmappedType } from '../buffer/contract.ts';
import { type MetricName, type MetricRow, metricsTable } from './metrics-table.ts';
import { PairCounts } from './pair-counts.ts';

export const deliveryResults = [
  'accepted',
  'duplicate',
  'unverified',
  'malformed',
  'oversized',
  'limited',
  'shed',
  'handshake',
] as const;
export type DeliveryResult = (typeof deliveryResults)[number];
export type EventOutcome = 'created' | 'skipped' | 'delivered' | 'dead';

/** What the gauges show, at one moment. */
export type MetricsState = {
  readonly now: number;
  /** Null: the buffer did not answer; its gauges are then absent rather than wrong. */
  readonly tally: BufferTally | null;
  /** What falls through. */
  readonly unmapped: readonly UnmappedType[];
  readonly circuits: readonly {
    readonly destination: string;
    readonly circuit: 0 | 1 | 2;
    /** Events a second; null: none was met. */
    readonly rateLimit: number | null;
    /** Whether this relay sends there; null: no other one could. */
    readonly sends: boolean | null;
  }[];
  /** Whether it keeps the limits at the door by itself; null: there is nobody to keep them with. */
  readonly limitsApart: boolean | null;
};

export type Attempted = {
  readonly destination: string;
  readonly outcome: 'delivered' | 'retry' | 'split' | 'pause' | 'partial';
  /** Null: no answer. */
  readonly status: number | null;
  readonly events: number;
  readonly durationMs: number;
};

export type Metrics = {
  /** These sources exist; others count as `unknown`. Sources once known stay so. */
  know(sources: Iterable<string>): void;
  /** One request to /hooks was answered. */
  received(request: {
    readonly source: string | null;
    readonly result: DeliveryResult;
    readonly durationMs: number;
  }): void;
  events(source: string, outcome: EventOutcome, count: number): void;
  mappingFailed(source: string, reason: string): void;
  mappingTook(durationMs: number): void;
  attempted(attempt: Attempted): void;
  /** Counted at the door since the start. */
  refusals(source: string): { readonly unverified: number; readonly limited: number };
  readonly contentType: string;
  /** The exposition Prometheus reads. */
  text(state: MetricsState): Promise<string>;
};

export type MetricsOptions = { readonly version: string; readonly nodeVersion: string };

const UNKNOWN = 'unknown';
/** More folders than anybody has; a loop that makes folders must not fill the memory. */
const SOURCES_MAX = 2_000;
/** Series whose names senders choose. */
const UNMAPPED_MAX = 50;
const NO_TYPE = '(none)';

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const sources = new Set<string>();
  const labelOf = (source: string | null) => (source !== null && sources.has(source) ? source : UNKNOWN);

  const deliveries = countedBy(registry, 'relay_deliveries_total');
  const events = countedBy(registry, 'relay_events_total');
  const failures = countedBy(registry, 'relay_mapping_failures_total');
  const batches = countedBy(registry, 'relay_batches_total');
  const mapping = histogram(registry, 'relay_mapping_duration_seconds');
  const delivery = histogram(registry, 'relay_delivery_duration_seconds');
  const batchEvents = histogram(registry, 'relay_batch_events');
  const requests = histogram(registry, 'relay_destination_request_duration_seconds');
  const setGauges = gauges(registry, options);

  return {
    know(names) {
      for (const name of names) {
        if (sources.has(name) || sources.size >= SOURCES_MAX) continue;
        sources.add(name);
        // A counter that begins at 1 looks to `rate()` as if the first webhook had not come.
        for (const result of deliveryResults) deliveries.add(name, result, 0);
        for (const outcome of ['created', 'skipped', 'delivered', 'dead']) events.add(name, outcome, 0);
      }
    },
    received({ source, result, durationMs }) {
      deliveries.add(labelOf(source), result, 1);
      delivery.observe(durationMs / 1_000);
    },
    events: (source, outcome, count) => events.add(labelOf(source), outcome, count),
    mappingFailed: (source, reason) => failures.add(labelOf(source), reason, 1),
    mappingTook: (durationMs) => mapping.observe(durationMs / 1_000),
    attempted({ destination, outcome, status, events: count, durationMs }) {
      batches.add(destination, outcome, 1);
      batchEvents.observe(count);
      const status_class = status === null ? 'none' : `${Math.floor(status / 100)}xx`;
      requests.observe({ destination, status_class }, durationMs / 1_000);
    },
    refusals: (source) => ({
      unverified: deliveries.get(source, 'unverified'),
      limited: deliveries.get(source, 'limited'),
    }),
    contentType: registry.contentType,
    text(state) {
      setGauges(state);
      return registry.metrics();
    },
  };
}

function described(name: MetricName) {
  const { help, labels, buckets }: MetricRow = metricsTable[name];
  return { name, help, labelNames: [...labels], ...(buckets ? { buckets: [...buckets] } : {}) };
}

function histogram(registry: Registry, name: MetricName): Histogram {
  return new Histogram({ ...described(name), registers: [registry] });
}

function gauge(registry: Registry, name: MetricName): Gauge {
  return new Gauge({ ...described(name), registers: [registry] });
}

/** A counter of two labels that is filled from plain counts when it is read. */
function countedBy(registry: Registry, name: MetricName): PairCounts {
  const counts = new PairCounts();
  const [first = '', second = ''] = metricsTable[name].labels;
  new Counter({
    ...described(name),
    registers: [registry],
    collect() {
      this.reset();
      for (const [one, other, count] of counts.entries()) this.inc({ [first]: one, [second]: other }, count);
    },
  });
  return counts;
}

function gauges(registry: Registry, options: MetricsOptions): (state: MetricsState) => void {
  const waiting = gauge(registry, 'relay_buffer_events');
  const bytes = gauge(registry, 'relay_buffer_bytes');
  const oldest = gauge(registry, 'relay_buffer_oldest_waiting_seconds');
  const circuit = gauge(registry, 'relay_circuit_state');
  const rateLimit = gauge(registry, 'relay_destination_rate_limit');
  const sender = gauge(registry, 'relay_destination_sender');
  const apart = gauge(registry, 'relay_limits_apart');
  const letters = gauge(registry, 'relay_dead_letters');
  const unmapped = gauge(registry, 'relay_unmapped_deliveries');
  gauge(registry, 'relay_build_info').set({ version: options.version, node_version: options.nodeVersion }, 1);
  return ({ now, tally, unmapped: found, circuits, limitsApart }) => {
    unmapped.reset();
    // Added, not set: what is masked may have become the same name.
    for (const { count, ...labels } of highest(found)) unmapped.inc(labels, count);
    for (const one of [circuit, rateLimit, sender]) one.reset();
    for (const { destination, circuit: state, rateLimit: limit, sends } of circuits) {
      circuit.set({ destination }, state);
      if (limit !== null) rateLimit.set({ destination }, limit);
      if (sends !== null) sender.set({ destination }, Number(sends));
    }
    for (const one of [waiting, bytes, oldest, apart]) one.remove();
    if (limitsApart !== null) apart.set(Number(limitsApart));
    letters.reset();
    if (tally === null) return;
    waiting.set(Object.values(tally.sources).reduce((sum, source) => sum + source.waiting, 0));
    bytes.set(tally.bytesUsed);
    oldest.set(tally.oldestWaitingAt === null ? 0 : Math.max(0, (now - tally.oldestWaitingAt) / 1_000));
    for (const { source, reason, count } of tally.deadLetters) letters.set({ source, reason }, count);
  };
}

type Series = {
  readonly source: string;
  readonly type: string;
  readonly state: 'skipped' | 'failed';
  readonly count: number;
};

function highest(found: readonly UnmappedType[]): readonly Series[] {
  const series = found.flatMap(({ source, type, skipped, failed }): Series[] => {
    const named = { source, type: type ?? NO_TYPE };
    return [
      { ...named, state: 'skipped', count: skipped },
      { ...named, state: 'failed', count: failed },
    ];
  });
  return series
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, UNMAPPED_MAX);
}
