/** `/engage` and `/groups` of the sandbox, in Mixpanel's order: scripted faults, method, body, size, decoding, number, each record. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { decodeRecords } from './body.ts';
import type { Endpoint } from './faults.ts';
import type { Profiles } from './profiles.ts';
import { conclude, type ReceptionOptions, receive, shareOf } from './reception.ts';
import { acknowledge, JSON_TYPE, RECORDS_MAX, type Reply, send } from './replies.ts';
import { judgeUpdate } from './update-record.ts';

export type EngageOptions = ReceptionOptions & {
  readonly profiles: Profiles;
  readonly tokens: ReadonlySet<string> | null;
};

export async function engage(
  endpoint: Extract<Endpoint, 'engage' | 'groups'>,
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
  options: EngageOptions,
): Promise<void> {
  const received = await receive(endpoint, request, response, options);
  if (!received) return;
  const { fault, compressed } = received;
  // These two do not inflate anything: what is compressed is nothing they can read.
  const bytes = compressed ? Buffer.alloc(0) : received.bytes;
  const { records, fields } = decodeRecords(bytes, request.headers['content-type'] ?? '');
  const flag = (name: string) => (query.get(name) ?? fields?.get(name) ?? '0') !== '0';
  if (!records) return send(response, acknowledge(flag('verbose'), 'data, missing or empty'));
  if (records.length > RECORDS_MAX) {
    return send(response, acknowledge(flag('verbose'), `more than ${RECORDS_MAX} records`));
  }
  const limited = options.faults.rateLimit.refusal(records.length, options.clock);
  if (limited) return send(response, limited, limited.headers);
  const judged = applyAll(endpoint, shareOf(fault, records), options);
  const strict = flag('verbose') && flag('strict');
  const reply = strict ? strictly(judged) : acknowledge(flag('verbose'), judged.good > 0 ? null : judged.error);
  conclude(fault, request, response, reply);
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
