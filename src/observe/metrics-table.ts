/** The metrics: one row each (contract §5). README's table is tested against it. */

export type MetricRow = {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** In the unit of the name; why these, beside each. */
  readonly buckets?: readonly number[];
};

export const metricsTable = {
  relay_deliveries_total: {
    kind: 'counter',
    help: 'Requests to /hooks, by what became of them.',
    labels: ['source', 'result'],
  },
  relay_events_total: {
    kind: 'counter',
    help: 'Events created by mappings, delivered or dead; skipped counts deliveries that became none.',
    labels: ['source', 'outcome'],
  },
  relay_mapping_failures_total: {
    kind: 'counter',
    help: 'Deliveries whose mapping failed, by reason of the dead letter.',
    labels: ['source', 'reason'],
  },
  relay_mapping_duration_seconds: {
    kind: 'histogram',
    help: 'Time to map one delivery.',
    labels: [],
    // A mapping takes about 100 µs and is stopped after 300 ms.
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3],
  },
  relay_delivery_duration_seconds: {
    kind: 'histogram',
    help: 'Time from the request of a webhook to its answer.',
    labels: [],
    // An fsync takes a millisecond or ten; senders give up after 5 to 10 s, a slow body is ended after 15 s.
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
  },
  relay_buffer_events: { kind: 'gauge', help: 'Events that wait to be delivered.', labels: [] },
  relay_buffer_bytes: {
    kind: 'gauge',
    help: 'Bytes that the buffer takes; its bound is RELAY_BUFFER_MAX_BYTES.',
    labels: [],
  },
  relay_buffer_oldest_waiting_seconds: {
    kind: 'gauge',
    help: 'Age of the oldest delivery or event that still waits; the one to alert on.',
    labels: [],
  },
  relay_batches_total: {
    kind: 'counter',
    help: 'Requests to a destination, by outcome.',
    labels: ['destination', 'outcome'],
  },
  relay_batch_events: {
    kind: 'histogram',
    help: 'Events in one request.',
    labels: [],
    // 2,000 is the most a request may hold.
    buckets: [1, 5, 10, 50, 100, 250, 500, 1000, 2000],
  },
  relay_destination_request_duration_seconds: {
    kind: 'histogram',
    help: 'Time a destination took to answer; status_class none: it did not.',
    labels: ['destination', 'status_class'],
    // From a test double on this machine to RELAY_SEND_TIMEOUT.
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  relay_circuit_state: {
    kind: 'gauge',
    help: '0: the destination answers; 1: one request asks it again; 2: everything waits.',
    labels: ['destination'],
  },
  relay_destination_rate_limit: {
    kind: 'gauge',
    help: 'Events a second that a destination is sent at most, found from its answers; absent: no limit was met.',
    labels: ['destination'],
  },
  relay_destination_sender: {
    kind: 'gauge',
    help: '1: of the relays on one Redis this one sends to the destination; 0: another one does, or nobody; absent without Redis.',
    labels: ['destination'],
  },
  relay_limits_apart: {
    kind: 'gauge',
    help: '1: Redis is slow or gone, and this relay keeps the limits at the door by itself; 0: all keep them together; absent without Redis.',
    labels: [],
  },
  relay_dead_letters: { kind: 'gauge', help: 'Dead letters there are.', labels: ['source', 'reason'] },
  relay_unmapped_deliveries: {
    kind: 'gauge',
    help: 'Deliveries by type that were skipped or failed; the 50 highest of the relay. Type (none): it had no type.',
    labels: ['source', 'type', 'state'],
  },
  relay_build_info: { kind: 'gauge', help: 'Always 1.', labels: ['version', 'node_version'] },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof metricsTable;
export const metricNames = Object.keys(metricsTable) as readonly MetricName[];

/** README's table. */
export function metricsMarkdown(): string {
  const lines = metricNames.map((name) => {
    const { kind, help, labels }: MetricRow = metricsTable[name];
    return `| \`${name}${labels.length > 0 ? `{${labels.join(',')}}` : ''}\` | ${kind} | ${help} |`;
  });
  return ['| metric | kind | meaning |', '|---|---|---|', ...lines].join('\n');
}
