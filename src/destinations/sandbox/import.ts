/**
 * `/import` of the sandbox, in Mixpanel's order: scripted faults, method, body, size, decoding, number, credentials, each record.
 * With `strict=1` a refused record is named by its index, and the others are stored all the same.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { decodeRecords } from './body.ts';
import { judgeImported } from './import-record.ts';
import type { SandboxRecord } from './ledger.ts';
import { conclude, receive, shareOf } from './reception.ts';
import { acknowledge, JSON_TYPE, RECORDS_MAX, type Reply, send } from './replies.ts';
import type { TrackOptions } from './track.ts';

export type ServiceAccount = { readonly user: string; readonly secret: string; readonly projectId: string };

export type ImportOptions = TrackOptions & {
  /** Those that exist; null: any, when the request names a project. */
  readonly serviceAccounts: readonly ServiceAccount[] | null;
};

type FailedRecord = {
  readonly index: number;
  readonly insert_id: string;
  readonly field: string;
  readonly message: string;
};

export async function importEvents(
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
  options: ImportOptions,
): Promise<void> {
  const received = await receive('import', request, response, options);
  if (!received) return;
  const { bytes, fault, compressed } = received;
  const { records } = decodeRecords(bytes, request.headers['content-type'] ?? '');
  if (!records) return send(response, acknowledge(true, 'data, missing or empty'));
  if (records.length > RECORDS_MAX) return send(response, failure(400, 'Bad Request', TOO_MANY));
  if (!knows(request.headers.authorization, query.get('project_id'), options)) {
    return send(response, failure(401, 'Unauthorized', 'Invalid credentials'));
  }
  // Seen at the real one: a list of nothing is no data, and a way to ask whether the credentials are good.
  if (records.every(isEmpty)) return send(response, acknowledge(true, 'data, missing or empty'));
  const limited = options.faults.rateLimit.refusal(records.length, options.clock);
  if (limited) return send(response, limited, limited.headers);
  const share = shareOf(fault, records);
  const ingested = ingest(share, bytes.length, options);
  const { stored, dropped, failed } = ingested;
  const userAgent = request.headers['user-agent'] ?? null;
  const seen = { bytes: bytes.length, gzip: compressed, ip: query.get('ip'), userAgent };
  options.noted({ records: records.length, stored, dropped, invalid: failed.length, ...seen });
  const imported = stored + dropped;
  const strict = (query.get('strict') ?? '0') !== '0';
  conclude(
    fault,
    request,
    response,
    strict ? strictly(imported, failed) : acknowledge(false, imported > 0 ? null : ''),
  );
}

const TOO_MANY = `request exceeds max limit of ${RECORDS_MAX} events`;

type Ingested = { stored: number; dropped: number; readonly failed: FailedRecord[] };

function ingest(records: readonly unknown[], bytes: number, options: ImportOptions): Ingested {
  const now = options.clock.now();
  const kept: { readonly index: number; readonly record: SandboxRecord }[] = [];
  const result: Ingested = { stored: 0, dropped: 0, failed: [] };
  for (const [index, value] of records.entries()) {
    const verdict = judgeImported(value, now);
    if (verdict.kind === 'store') kept.push({ index, record: verdict.record });
    else if (verdict.kind === 'drop') result.dropped++;
    else result.failed.push(failedRecord(index, value, verdict.field, verdict.message));
  }
  const poisoned = new Set(options.faults.poisonedAmong(kept.map(({ record }) => record)));
  const share = Math.ceil(bytes / records.length);
  for (const [place, { index, record }] of kept.entries()) {
    if (poisoned.has(place)) result.failed.push(failedRecord(index, record, 'properties', "'properties' is invalid"));
    else {
      options.ledger.add(record, share, now, 'import');
      result.stored++;
    }
  }
  result.failed.sort((a, b) => a.index - b.index);
  return result;
}

function failedRecord(index: number, value: unknown, field: string, message: string): FailedRecord {
  const { properties } = (value ?? {}) as { properties?: { $insert_id?: unknown } };
  return { index, insert_id: String(properties?.$insert_id ?? ''), field, message };
}

function strictly(imported: number, failed: readonly FailedRecord[]): Reply {
  if (failed.length === 0) return reply({ code: 200, num_records_imported: imported, status: 'OK' });
  const error = 'some data points in the request failed validation';
  return reply({ code: 400, error, status: 'Bad Request', num_records_imported: imported, failed_records: failed });
}

function failure(code: number, status: string, error: string): Reply {
  return reply({ code, error, status });
}

function reply(body: { readonly code: number; readonly [name: string]: unknown }): Reply {
  return { status: body.code, type: JSON_TYPE, body: JSON.stringify(body) };
}

/** A project token alone, or a service account with its project. */
function knows(authorization: string | undefined, projectId: string | null, options: ImportOptions): boolean {
  const [, encoded = ''] = /^basic\s+(\S+)$/i.exec(authorization ?? '') ?? [];
  const pair = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  const [user, secret] = [pair.slice(0, colon), pair.slice(colon + 1)];
  if (colon < 1) return false;
  const { tokens } = options.switches;
  if (secret === '') return tokens === null || tokens.has(user);
  if (projectId === null || projectId === '') return false;
  const { serviceAccounts } = options;
  if (serviceAccounts === null) return true;
  return serviceAccounts.some((one) => one.user === user && one.secret === secret && one.projectId === projectId);
}

function isEmpty(record: unknown): boolean {
  return typeof record === 'object' && record !== null && Object.keys(record).length === 0;
}
