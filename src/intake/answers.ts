/**
 * How the public door speaks: short, the same for everybody, nothing that helps a forger.
 * Written with `writeHead` and `end` directly: Express' own `json` and `send` compute an ETag for each answer.
 */
import type { ServerResponse } from 'node:http';
import { type RefusalCode, refusals } from '../errors.ts';
import type { Answer } from '../verify/contract.ts';

const bodies = new Map<RefusalCode, Buffer>(
  (Object.keys(refusals) as RefusalCode[]).map((code) => [code, Buffer.from(problemText(code))]),
);

/** RFC 9457 text of a refusal. */
export function problemText(code: RefusalCode): string {
  const { status, title } = refusals[code];
  return JSON.stringify({ type: `urn:trackrelay:${code}`, title, status, code });
}

/** Answers a refusal; further headers (`Retry-After`, `Allow`) as given. The second answer to a request is not sent. */
export function refuse(res: ServerResponse, code: RefusalCode, headers: Record<string, string | number> = {}): void {
  if (res.headersSent) return;
  const body = bodies.get(code) as Buffer;
  res.writeHead(refusals[code].status, {
    'content-type': 'application/problem+json',
    'content-length': body.byteLength,
    'cache-control': 'no-store',
    ...headers,
  });
  res.end(body);
}

/** Answers what a provider needs to hear. Echoed text is never a page: `nosniff`, and a length that is exact. */
export function answerAs(res: ServerResponse, answer: Answer): void {
  if (res.headersSent) return;
  res.writeHead(answer.status, {
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    ...answer.headers,
    ...(answer.status === 204 ? {} : { 'content-length': Buffer.byteLength(answer.body) }),
  });
  res.end(answer.status === 204 ? undefined : answer.body);
}

/** The relay's own answer to a webhook it keeps: contract §4. Ids hold no character that JSON escapes. */
export function answerKept(res: ServerResponse, status: number, kept: { id: string; status: string }): void {
  if (res.headersSent) return;
  if (status === 204) {
    res.writeHead(204).end();
    return;
  }
  const body = `{"delivery":"${kept.id}","status":"${kept.status}"}`;
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length });
  res.end(body);
}
