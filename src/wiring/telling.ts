/**
 * What the rooms tell, turned into log lines and counts: one wide line for each delivery and each attempt. The rooms
 * themselves know neither log nor metrics.
 */
import type { MappedDelivery } from '../buffer/contract.ts';
import type { Attempt, ForwardHooks, Settled } from '../forward/hooks.ts';
import type { Receipt } from '../intake/receive.ts';
import type { Log } from '../observe/log.ts';
import type { LogLine } from '../observe/log-lines.ts';
import type { Metrics } from '../observe/metrics.ts';

export type Tellers = {
  readonly received: (receipt: Receipt) => void;
  readonly mapped: (mapped: MappedDelivery, seconds: number | null) => void;
  readonly forwarding: (destination: string) => ForwardHooks;
};

export function createTellers(log: Log, metrics: Metrics): Tellers {
  return {
    received: (receipt) => {
      const { source, result, durationMs } = receipt;
      metrics.received({ source, result, durationMs });
      const line: LogLine =
        result === 'accepted' || result === 'duplicate' || result === 'handshake'
          ? `delivery.${result}`
          : 'delivery.refused';
      log[line === 'delivery.refused' ? 'warn' : 'info'](line, {
        source,
        status: receipt.status,
        result,
        delivery: receipt.delivery,
        type: receipt.type,
        reason: receipt.reason,
        refused: receipt.refused,
        bytes: receipt.bytes,
        ms: Math.round(durationMs * 100) / 100,
        address: receipt.address,
      });
    },
    mapped: (mapped, seconds) => tellMapped(log, metrics, mapped, seconds),
    forwarding: (destination) => ({
      attempt: (attempt) => tellAttempt(log, metrics, attempt),
      settled: (settled) => tellSettled(log, metrics, settled),
      turned: ({ from, to, reason, message }) => {
        const line: LogLine = to === 'ok' ? 'destination.recovered' : `destination.${to}`;
        log[to === 'ok' ? 'info' : 'warn'](line, { destination, from, to, reason, message });
      },
      trouble: (doing, error) => log.error('buffer.trouble', { destination, doing, error: String(error) }),
    }),
  };
}

function tellMapped(log: Log, metrics: Metrics, mapped: MappedDelivery, seconds: number | null): void {
  const { delivery, state, events, dead } = mapped;
  if (seconds !== null) metrics.mappingTook(seconds * 1000);
  if (state === 'skipped') metrics.events(delivery.source, 'skipped', 1);
  if (events.length + dead.length > 0 && state === 'mapped')
    metrics.events(delivery.source, 'created', events.length + dead.length);
  if (dead.length > 0 && state === 'mapped') metrics.events(delivery.source, 'dead', dead.length);
  const first = dead[0];
  if (state === 'failed') metrics.mappingFailed(delivery.source, first?.reason ?? 'mapping_error');
  log[state === 'failed' || first ? 'warn' : 'debug'](`delivery.${state}`, {
    source: delivery.source,
    delivery: delivery.id,
    events: events.length,
    dead: dead.length,
    reason: first?.reason,
    message: first?.message,
    ms: seconds === null ? null : Math.round(seconds * 1e5) / 100,
  });
}

const attemptLines = {
  delivered: 'batch.sent',
  retry: 'batch.retry',
  split: 'batch.split',
  pause: 'batch.paused',
  partial: 'batch.partial',
} as const;

function tellAttempt(log: Log, metrics: Metrics, attempt: Attempt): void {
  const { destination, outcome, status, events, durationMs } = attempt;
  metrics.attempted({ destination, outcome, status, events, durationMs });
  log[outcome === 'delivered' ? 'info' : 'warn'](attemptLines[outcome], {
    batch: attempt.batch,
    destination,
    events,
    bytes: attempt.bytes,
    status,
    reason: attempt.reason,
    message: attempt.message,
    attempt: attempt.attempt,
    ms: Math.round(durationMs),
  });
}

function tellSettled(log: Log, metrics: Metrics, settled: Settled): void {
  const bySource = new Map<string, number>();
  for (const event of settled.events) bySource.set(event.source, (bySource.get(event.source) ?? 0) + 1);
  for (const [source, count] of bySource) {
    metrics.events(source, settled.state, count);
    if (settled.state === 'delivered') log.debug('event.delivered', { source, events: count });
    else log.warn('event.dead', { source, events: count, reason: settled.reason, message: settled.message });
  }
}
