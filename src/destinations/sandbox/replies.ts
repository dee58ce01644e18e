/** What the sandbox answers, in Mixpanel's words, and its limits for a request. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fault } from './faults.ts';

export type SizeProfile = 'normal' | 'legacy2mb' | 'html413';
export type Reply = { readonly status: number; readonly type: string; readonly body: string };

const BYTES_MAX = 10_485_760;
const LEGACY_BYTES_MAX = 2_097_152;
export const RECORDS_MAX = 2000;
export const JSON_TYPE = 'application/json';

export function bytesMaxOf(profile: SizeProfile): number {
  return profile === 'normal' ? BYTES_MAX : LEGACY_BYTES_MAX;
}

export function refuseMethod(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  send(response, { status: 405, type: JSON_TYPE, body: '{"error":"method not allowed","status":"error"}' });
}

export function acknowledge(verbose: boolean, error: string | null): Reply {
  if (!verbose) return { status: 200, type: 'text/plain', body: error === null ? '1' : '0' };
  return { status: 200, type: JSON_TYPE, body: JSON.stringify({ error, status: error === null ? 1 : 0 }) };
}

export function tooLarge(profile: SizeProfile, bytesMax: number): Reply {
  if (profile === 'html413') {
    return {
      status: 413,
      type: 'text/html',
      body: '<html><title>413</title><h1>Error: Request Entity Too Large</h1></html>',
    };
  }
  const error = `request exceeds max limit of ${bytesMax} bytes`;
  return {
    status: 413,
    type: JSON_TYPE,
    body: JSON.stringify({ code: 413, error, status: 'Request Entity Too Large' }),
  };
}

export function scripted(fault: Fault | null): fault is Fault {
  return fault !== null && (fault.status !== undefined || fault.body !== undefined);
}

export function replyOf(fault: Fault): Reply {
  return { status: fault.status ?? 200, type: 'text/plain', body: fault.body ?? '' };
}

export function send(response: ServerResponse, reply: Reply, headers?: Readonly<Record<string, string>>): void {
  if (response.destroyed) return;
  const { status, type, body } = reply;
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), ...headers });
  response.end(body);
}

export function cut(request: IncomingMessage): void {
  request.socket.destroy();
}
