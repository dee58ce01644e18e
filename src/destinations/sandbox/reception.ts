/** How every endpoint of the sandbox begins, in Mixpanel's order: scripted faults, method, body, size. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../clock.ts';
import { readBody } from './body.ts';
import type { Endpoint, Fault, Faults } from './faults.ts';
import {
  bytesMaxOf,
  cut,
  type Reply,
  refuseMethod,
  replyOf,
  type SizeProfile,
  scripted,
  send,
  tooLarge,
} from './replies.ts';

export type ReceptionOptions = {
  readonly clock: Clock;
  readonly faults: Faults;
  readonly sizeProfile: () => SizeProfile;
};

export type Received = {
  readonly fault: Fault | null;
  /** Inflated; empty when nobody can read them. */
  readonly bytes: Buffer;
  readonly compressed: boolean;
};

/** Null: it was answered, or cut off. */
export async function receive(
  endpoint: Endpoint,
  request: IncomingMessage,
  response: ServerResponse,
  { clock, faults, sizeProfile }: ReceptionOptions,
): Promise<Received | null> {
  const fault = faults.next(endpoint);
  if (fault?.closeBefore) {
    cut(request);
    return null;
  }
  if (fault?.delayMs) await clock.wait(fault.delayMs);
  if (request.method !== 'POST') {
    refuseMethod(request, response);
    return null;
  }
  const bytesMax = bytesMaxOf(sizeProfile());
  const compressed = request.headers['content-encoding'] !== undefined;
  const body = await readBody(request, bytesMax);
  if (scripted(fault) && (fault.ingest ?? 'none') === 'none') {
    send(response, replyOf(fault), fault.headers);
    return null;
  }
  if (body.kind === 'too_large') {
    send(response, tooLarge(sizeProfile(), bytesMax));
    return null;
  }
  return { fault, bytes: body.kind === 'bytes' ? body.bytes : Buffer.alloc(0), compressed };
}

/** Of the records, those that are stored before a scripted answer. */
export function shareOf<T>(fault: Fault | null, records: readonly T[]): readonly T[] {
  return fault?.ingest === 'half' ? records.slice(0, Math.ceil(records.length / 2)) : records;
}

/** The right answer, unless the fault has another or none. */
export function conclude(fault: Fault | null, request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  if (fault?.closeAfterIngest) cut(request);
  else if (scripted(fault)) send(response, replyOf(fault), fault.headers);
  else send(response, reply);
}
