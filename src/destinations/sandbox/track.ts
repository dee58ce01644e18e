/** `/track` of the sandbox, in Mixpanel's order: scripted faults, method, body, size, decoding, number, each record, answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { decodeRecords } from './body.ts';
import type { Ledger, SandboxRecord } from './ledger.ts';
import { conclude, type ReceptionOptions, receive, shareOf } from './reception.ts';
import { acknowledge, JSON_TYPE, RECORDS_MAX, type Reply, send } from './replies.ts';
import { judge, type TrackSwitches } from './track-record.ts';

export type TrackOptions = ReceptionOptions & {
  readonly ledger: Ledger;
  readonly switches: TrackSwitches;
  /** Told of each request that was judged. */
  readonly noted: (request: TrackNote) => void;
};

export type TrackNote = {
  readonly records: number;
  readonly stored: number;
  readonly dropped: number;
  readonly invalid: number;
  readonly bytes: number;
  readonly gzip: boolean;
  readonly ip: string | null;
  readonly userAgent: string | null;
};

export async function track(
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
  options: TrackOptions,
): Promise<void> {
  const received = await receive('track', request, response, options);
  if (!received) return;
  const { bytes, fault, compressed } = received;
  const { records, fields } = decodeRecords(bytes, request.headers['content-type'] ?? '');
  const verbose = (query.get('verbose') ?? fields?.get('verbose') ?? '0') !== '0';
  if (!records) return send(response, acknowledge(verbose, 'data, missing or empty'));
  if (records.length > RECORDS_MAX) return send(response, acknowledge(verbose, `more than ${RECORDS_MAX} records`));
  const limited = options.faults.rateLimit.refusal(records.length, options.clock);
  if (limited) return send(response, limited, limited.headers);

  const judged = ingest(shareOf(fault, records), bytes.length, options);
  if (judged === 'poisoned') return send(response, POISONED);
  const ip = query.get('ip') ?? fields?.get('ip') ?? null;
  const userAgent = request.headers['user-agent'] ?? null;
  const { stored, dropped, invalid } = judged;
  options.noted({
    records: records.length,
    stored,
    dropped,
    invalid,
    bytes: bytes.length,
    ...{ gzip: compressed, ip, userAgent },
  });
  conclude(fault, request, response, acknowledge(verbose, stored + dropped > 0 ? null : judged.error));
}

const POISONED: Reply = {
  status: 400,
  type: JSON_TYPE,
  body: '{"code":400,"error":"some data points in the request failed validation","status":"Bad Request"}',
};

type Ingested = { stored: number; dropped: number; invalid: number; error: string };

/** Judges and stores; a poisoned record gets the whole request refused, and nothing of it is stored. */
function ingest(records: readonly unknown[], bytes: number, options: TrackOptions): Ingested | 'poisoned' {
  const now = options.clock.now();
  const kept: SandboxRecord[] = [];
  const result: Ingested = { stored: 0, dropped: 0, invalid: 0, error: '' };
  for (const value of records) {
    const verdict = judge(value, options.switches, now);
    if (verdict.kind === 'store') kept.push(verdict.record);
    else if (verdict.kind === 'drop') result.dropped++;
    else {
      result.invalid++;
      result.error ||= verdict.error;
    }
  }
  if (options.faults.poisonedAmong(kept).length > 0) return 'poisoned';
  const share = Math.ceil(bytes / records.length);
  for (const record of kept) options.ledger.add(record, share, now);
  result.stored = kept.length;
  return result;
}
