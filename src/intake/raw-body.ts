/**
 * Reads the bytes of a request as they come, bounded, untouched: signatures are over these bytes.
 * Time is bounded by the server (`requestTimeout`), so a read that never ends is ended there and shows here as `aborted`.
 */
import type { IncomingMessage } from 'node:http';

export type RawBody =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly reason: 'oversized' | 'aborted' };

const EMPTY = Buffer.alloc(0);

/** Never rejects. An oversized body is refused at its announced length, or else at the first byte too many. */
export function readRawBody(req: IncomingMessage, bytesMax: number): Promise<RawBody> {
  const announced = req.headers['content-length'];
  if (announced !== undefined && Number(announced) > bytesMax)
    return Promise.resolve({ ok: false, reason: 'oversized' });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (result: RawBody) => {
      req.off('data', onData).off('end', onEnd).off('error', onAbort).off('close', onAbort);
      resolve(result);
    };
    const onData = (chunk: Buffer) => {
      size += chunk.byteLength;
      if (size > bytesMax) settle({ ok: false, reason: 'oversized' });
      else chunks.push(chunk);
    };
    const onEnd = () => {
      const only = chunks[0];
      settle({
        ok: true,
        bytes: only === undefined ? EMPTY : chunks.length === 1 ? only : Buffer.concat(chunks, size),
      });
    };
    const onAbort = () => settle({ ok: false, reason: 'aborted' });
    req.on('data', onData).on('end', onEnd).on('error', onAbort).on('close', onAbort);
  });
}
