import { describe, expect, it } from 'vitest';
import { createMetrics, type MetricsState } from '../../src/observe/metrics.ts';
import { metricNames, metricsMarkdown, metricsTable } from '../../src/observe/metrics-table.ts';
import { NOW, sourceTally, tally } from '../support/observe-fixtures.ts';

const circuits = [{ destination: 'mixpanel', circuit: 0 as const, rateLimit: null, sends: null }];
const state: MetricsState = { now: NOW, tally: tally(), unmapped: [], circuits, limitsApart: null };
const make = () => createMetrics({ version: '0.1.0', nodeVersion: 'v26' });

/** Lines of the exposition by name and labels. */
async function read(metrics: ReturnType<typeof make>, given: MetricsState = state): Promise<Map<string, number>> {
  const text = await metrics.text(given);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

describe('metrics', () => {
  it('all of the table are exposed with their kind and help, beside those of Node', async () => {
    const text = await make().text(state);
    for (const name of metricNames) {
      expect(text).toContain(`# HELP ${name} `);
      expect(text).toContain(`# TYPE ${name} ${metricsTable[name].kind}`);
      expect(metricsMarkdown()).toContain(`| \`${name}`);
    }
    expect(text).toContain('process_cpu_seconds_total');
    expect(text).toContain('nodejs_eventloop_lag_seconds');
  });

  it('follow the naming of Prometheus', () => {
    for (const name of metricNames) {
      expect(name.endsWith('_total')).toBe(metricsTable[name].kind === 'counter');
    }
  });

  it('count deliveries by source and result', async () => {
    const metrics = make();
    metrics.know(['stripe']);
    metrics.received({ source: 'stripe', result: 'accepted', durationMs: 3 });
    metrics.received({ source: 'stripe', result: 'accepted', durationMs: 3 });
    metrics.received({ source: 'stripe', result: 'unverified', durationMs: 1 });
    const lines = await read(metrics);
    expect(lines.get('relay_deliveries_total{source="stripe",result="accepted"}')).toBe(2);
    expect(lines.get('relay_deliveries_total{source="stripe",result="unverified"}')).toBe(1);
    expect(lines.get('relay_deliveries_total{source="stripe",result="shed"}')).toBe(0);
    expect(lines.get('relay_delivery_duration_seconds_count')).toBe(3);
    expect(metrics.refusals('stripe')).toEqual({ unverified: 1, limited: 0 });
  });

  it('are not counted twice when they are read twice', async () => {
    const metrics = make();
    metrics.know(['stripe']);
    metrics.events('stripe', 'created', 3);
    await read(metrics);
    expect((await read(metrics)).get('relay_events_total{source="stripe",outcome="created"}')).toBe(3);
  });

  it('put every source that is not configured under one label', async () => {
    const metrics = make();
    metrics.know(['stripe']);
    for (let i = 0; i < 1_000; i++) metrics.received({ source: `made-up-${i}`, result: 'unverified', durationMs: 1 });
    metrics.received({ source: null, result: 'malformed', durationMs: 1 });
    const lines = await read(metrics);
    expect(lines.get('relay_deliveries_total{source="unknown",result="unverified"}')).toBe(1_000);
    expect(lines.get('relay_deliveries_total{source="unknown",result="malformed"}')).toBe(1);
    expect([...lines.keys()].filter((line) => line.includes('made-up'))).toEqual([]);
  });

  it('never show a key that somebody put where the source should stand', async () => {
    const canary = 'canary-whsec-44';
    const metrics = make();
    metrics.know(['stripe']);
    metrics.received({ source: canary, result: 'unverified', durationMs: 1 });
    metrics.events(canary, 'created', 1);
    metrics.mappingFailed(canary, 'mapping_error');
    expect(await metrics.text(state)).not.toContain(canary);
  });

  it('bound how many sources there are', async () => {
    const metrics = make();
    metrics.know(Array.from({ length: 5_000 }, (_, index) => `s${index}`));
    metrics.received({ source: 's4999', result: 'accepted', durationMs: 1 });
    expect((await read(metrics)).get('relay_deliveries_total{source="unknown",result="accepted"}')).toBe(1);
  });

  it('count batches by outcome, with the class of their answer', async () => {
    const metrics = make();
    metrics.attempted({ destination: 'mixpanel', outcome: 'delivered', status: 200, events: 40, durationMs: 80 });
    metrics.attempted({ destination: 'mixpanel', outcome: 'retry', status: null, events: 40, durationMs: 80 });
    const lines = await read(metrics);
    expect(lines.get('relay_batches_total{destination="mixpanel",outcome="delivered"}')).toBe(1);
    expect(lines.get('relay_batch_events_sum')).toBe(80);
    const count = (statusClass: string) =>
      lines.get(
        `relay_destination_request_duration_seconds_count{destination="mixpanel",status_class="${statusClass}"}`,
      );
    expect(count('2xx')).toBe(1);
    expect(count('none')).toBe(1);
  });

  it('count failed mappings by reason', async () => {
    const metrics = make();
    metrics.know(['stripe']);
    metrics.mappingFailed('stripe', 'mapping_timeout');
    metrics.mappingTook(0.1);
    const lines = await read(metrics);
    expect(lines.get('relay_mapping_failures_total{source="stripe",reason="mapping_timeout"}')).toBe(1);
    expect(lines.get('relay_mapping_duration_seconds_bucket{le="0.0001"}')).toBe(1);
  });

  it('show the buffer, the circuits and the dead letters as they are now', async () => {
    const metrics = make();
    const full = tally({
      sources: { a: sourceTally({ waiting: 2 }), b: sourceTally({ waiting: 3 }) },
      bytesUsed: 77,
      oldestWaitingAt: NOW - 2_500,
      deadLetters: [{ source: 'a', reason: 'rejected', count: 4 }],
    });
    const lines = await read(metrics, {
      ...state,
      tally: full,
      circuits: [{ destination: 'mixpanel', circuit: 2, rateLimit: 1200, sends: null }],
    });
    expect(lines.get('relay_buffer_events')).toBe(5);
    expect(lines.get('relay_buffer_bytes')).toBe(77);
    expect(lines.get('relay_buffer_oldest_waiting_seconds')).toBe(2.5);
    expect(lines.get('relay_circuit_state{destination="mixpanel"}')).toBe(2);
    expect(lines.get('relay_destination_rate_limit{destination="mixpanel"}')).toBe(1200);
    expect(lines.get('relay_dead_letters{source="a",reason="rejected"}')).toBe(4);
    const later = await read(metrics, state);
    expect(later.has('relay_dead_letters{source="a",reason="rejected"}')).toBe(false);
    expect(later.has('relay_destination_rate_limit{destination="mixpanel"}')).toBe(false);
  });

  it('say for one of several relays where it sends and whether it keeps the limits alone, and nothing for one alone', async () => {
    const metrics = make();
    const lane = { destination: 'a', circuit: 0 as const, rateLimit: null };
    const among = {
      ...state,
      circuits: [lane, { ...lane, destination: 'b' }].map((one, at) => ({ ...one, sends: at === 0 })),
    };
    const [apart, together] = [
      await read(metrics, { ...among, limitsApart: true }),
      await read(metrics, { ...among, limitsApart: false }),
    ];
    expect(apart.get('relay_destination_sender{destination="a"}')).toBe(1);
    expect(apart.get('relay_destination_sender{destination="b"}')).toBe(0);
    expect([apart, together].map((lines) => lines.get('relay_limits_apart'))).toEqual([1, 0]);
    const alone = await read(metrics, state);
    expect([...alone.keys()].filter((line) => /_sender|_apart/.test(line))).toEqual([]);
  });

  it('leave the buffer out when it does not answer', async () => {
    const metrics = make();
    await read(metrics, state);
    expect((await read(metrics, { ...state, tally: null })).has('relay_buffer_events')).toBe(false);
  });
});
