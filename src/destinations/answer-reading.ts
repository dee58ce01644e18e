/** What a request to a vendor needs beside the HTTP client: an abort that is heard at once, an answer with a bound, errors in words. */
import { Buffer } from 'node:buffer';

/** While it connects, the client hears of an abort only when that has ended. What was aborted it never sends. */
export async function orAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  answer.catch(() => undefined);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const end = () => reject(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    return await Promise.race([answer, aborted]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}

export async function readCapped(body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    // Leaving the loop ends the stream and its connection.
    if (length >= bytesMax) break;
  }
  return Buffer.concat(chunks).subarray(0, bytesMax).toString('utf8');
}

export function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  if (typeof cause?.code === 'string') return cause.code;
  return typeof code === 'string' ? code : 'error';
}

export function messageOf(error: unknown): string {
  // Several addresses that all failed are an error without words of its own.
  return (error instanceof Error ? error.message : String(error)) || 'no connection';
}
