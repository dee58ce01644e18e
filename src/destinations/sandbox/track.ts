/** `/track` of the sandbox, in Mixpanel's order: scripted faults, method, body, size, decoding, number, each record, answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../clock.ts';
import { decodeRecords, readBody } from './body.ts';
import type { Faults } from './faults.ts';
import type { Ledger, SandboxRecord } from './ledger.ts';
import {
  acknowledge,
  bytesMaxOf,
  cut,
  JSON_TYPE,
  RECORDS_MAX,
  type Reply,
  refuseMethod,
  replyOf,
  type SizeProfile,
  scripted,
  send,
  tooLarge,
} from './replies.ts';
import { judge, type TrackSwitches } from './track-record.ts';

export type TrackOptions = {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly faults: Faults;
  readonly switches: TrackSwitches;
  readonly sizeProfile: () => SizeProfile;
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
  const fault = options.faults.next('track');
  if (fault?.closeBefore) return cut(request);
  if (fault?.delayMs) await options.clock.wait(fault.delayMs);
  if (request.method !== 'POST') return refuseMethod(request, response);
  const bytesMax = bytesMaxOf(options.sizeProfile());
  const body = await readBody(request, bytesMax);
  if (scripted(fault) && (fault.ingest ?? 'none') === 'none') return send(response, replyOf(fault), fault.headers);
  if (body.kind === 'too_large') return send(response, tooLarge(options.sizeProfile(), bytesMax));

  const bytes = body.kind === 'bytes' ? body.bytes : Buffer.alloc(0);
  const { records, fields } = decodeRecords(bytes, request.headers['content-type'] ?? '');
  const verbose = (query.get('verbose') ?? fields?.get('verbose') ?? '0') !== '0';
  if (!records) return send(response, acknowledge(verbose, 'data, missing or empty'));
  if (records.length > RECORDS_MAX) return send(response, acknowledge(verbose, `more than ${RECORDS_MAX} records`));

  const share = fault?.ingest === 'half' ? Math.ceil(records.length / 2) : records.length;
  const judged = ingest(share < records.length ? records.slice(0, share) : records, bytes.length, options);
  if (judged === 'poisoned') return send(response, POISONED);
  const ip = query.get('ip') ?? fields?.get('ip') ?? null;
  const gzip = request.headers['content-encoding'] !== undefined;
  const userAgent = request.headers['user-agent'] ?? null;
  const { stored, dropped, invalid } = judged;
  options.noted({ records: records.length, stored, dropped, invalid, bytes: bytes.length, gzip, ip, userAgent });
  if (fault?.closeAfterIngest) return cut(request);
  if (scripted(fault)) return send(response, replyOf(fault), fault.headers);
  return send(response, acknowledge(verbose, stored + dropped > 0 ? null : judged.error));
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
  if (options.faults.poisoned(kept)) return 'poisoned';
  const share = Math.ceil(bytes / records.length);
  for (const record of kept) options.ledger.add(record, share, now);
  result.stored = kept.length;
  return result;
}
