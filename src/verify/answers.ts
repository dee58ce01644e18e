/** What handshakes are answered with. Echoed text is plain text of bounded length, which no browser takes for a page. */
import type { Answer } from './contract.ts';

/** The longest challenge known (a Xero-like token) has under 200 characters; what is echoed has a bound. */
export const echoLengthMax = 1024;

export function emptyAnswer(status = 200, headers: Answer['headers'] = {}): Answer {
  return { status, headers, body: '' };
}

/** null: there is nothing to echo, or more than any provider asks for. */
export function echoAnswer(text: unknown): Answer | null {
  if (typeof text !== 'string' || text === '' || text.length > echoLengthMax) return null;
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' };
  return { status: 200, headers, body: text };
}

export function jsonAnswer(value: unknown): Answer {
  const headers = { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' };
  return { status: 200, headers, body: JSON.stringify(value) };
}
