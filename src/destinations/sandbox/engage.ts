/** `/engage` and `/groups` of the sandbox, in Mixpanel's order: scripted faults, method, body, size, decoding, number, each record. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../clock.ts';
import { decodeRecords, readBody } from './body.ts';
import type { Endpoint, Faults } from './faults.ts';
import type { Profiles } from './profiles.ts';
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
import { judgeUpdate } from './update-record.ts';

export type EngageOptions = {
  readonly clock: Clock;
  readonly profiles: Profiles;
  readonly faults: Faults;
  readonly tokens: ReadonlySet<string> | null;
  readonly sizeProfile: () => SizeProfile;
};

export async function engage(
  endpoint: Exclude<Endpoint, 'track'>,
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
  options: EngageOptions,
): Promise<void> {
  const fault = options.faults.next(endpoint);
  if (fault?.closeBefore) return cut(request);
  if (fault?.delayMs) await options.clock.wait(fault.delayMs);
  if (request.method !== 'POST') return refuseMethod(request, response);
  const bytesMax = bytesMaxOf(options.sizeProfile());
  const compressed = request.headers['content-encoding'] !== undefined;
  const body = await readBody(request, bytesMax);
  if (scripted(fault) && (fault.ingest ?? 'none') === 'none') return send(response, replyOf(fault), fault.headers);
  if (body.kind === 'too_large') return send(response, tooLarge(options.sizeProfile(), bytesMax));

  // These two do not inflate anything: what is compressed is nothing they can read.
  const bytes = body.kind === 'bytes' && !compressed ? body.bytes : Buffer.alloc(0);
  const { records, fields } = decodeRecords(bytes, request.headers['content-type'] ?? '');
  const flag = (name: string) => (query.get(name) ?? fields?.get(name) ?? '0') !== '0';
  if (!records) return send(response, acknowledge(flag('verbose'), 'data, missing or empty'));
  if (records.length > RECORDS_MAX) {
    return send(response, acknowledge(flag('verbose'), `more than ${RECORDS_MAX} records`));
  }
  const share = fault?.ingest === 'half' ? Math.ceil(records.length / 2) : records.length;
  const judged = applyAll(endpoint, records.slice(0, share), options);
  if (fault?.closeAfterIngest) return cut(request);
  if (scripted(fault)) return send(response, replyOf(fault), fault.headers);
  if (flag('verbose') && flag('strict')) return send(response, strictly(judged));
  return send(response, acknowledge(flag('verbose'), judged.good > 0 ? null : judged.error));
}

type Judged = { good: number; error: string };

function applyAll(endpoint: Endpoint, records: readonly unknown[], options: EngageOptions): Judged {
  const { clock, profiles, tokens } = options;
  const judged: Judged = { good: 0, error: '' };
  for (const value of records) {
    const verdict = judgeUpdate(value, endpoint, tokens);
    const failure = verdict.kind === 'take' ? profiles.apply(endpoint, verdict.record, clock.now()) : null;
    const error = verdict.kind === 'invalid' ? verdict.error : failure;
    if (verdict.kind === 'drop') profiles.note('dropped');
    if (error === null) judged.good++;
    else {
      profiles.note('invalid');
      judged.error ||= error;
    }
  }
  return judged;
}

/** What is written nowhere, as one who bulk-loads profiles has seen it. */
function strictly({ good, error }: Judged): Reply {
  const body = { error: error === '' ? null : error, status: good > 0 ? 1 : 0, num_good_events: good };
  return { status: 200, type: JSON_TYPE, body: JSON.stringify(body) };
}
