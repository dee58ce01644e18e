/**
 * Framing between the relay and its evaluator: length (4 bytes, little endian), kind (1 byte), payload. What comes from
 * the evaluator is not trusted: a length or kind that cannot be makes the reader throw, and the evaluator is replaced.
 */

export const frameKind = {
  /** To the evaluator: u32 length of the head, the head (JSON), the bodies one after another. */
  map: 1,
  /** To the evaluator: a mapping's text, to be compiled only (JSON). */
  compile: 2,
  /** To the evaluator: the process to end should the relay be gone (JSON number). */
  sibling: 3,
  /** From the evaluator: it has given up its permissions and waits. */
  ready: 10,
  /** From the evaluator: u32 job, then some of its outputs (JSON array); more follow. */
  more: 11,
  /** From the evaluator: u32 job, u32 microseconds, then the last of its outputs (JSON array). */
  done: 12,
  /** From the evaluator: u32 job, then a failure (JSON). */
  failed: 13,
  /** From the evaluator: the answer to `compile` (JSON). */
  compiled: 14,
  /** From the evaluator, before a job's outputs: u32 job, then values that marks in them stand for (JSON array; pseudonym.ts). */
  marked: 15,
} as const;

export const FRAME_HEAD = 5;
/** A batch is at most one body over its bound (bodies are at most RELAY_MAX_BODY_BYTES, which may be raised). */
const FRAME_BYTES_MAX = 512 * 1024 * 1024;
/** One output may take all of a delivery's 8 MiB of text. */
const REPLY_BYTES_MAX = 16 * 1024 * 1024;

export function frame(kind: number, ...parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  if (length > FRAME_BYTES_MAX) throw new Error(`a frame of ${length} bytes is more than the evaluator takes`);
  const bytes = Buffer.allocUnsafe(FRAME_HEAD + length);
  bytes.writeUInt32LE(length, 0);
  bytes[4] = kind;
  let at = FRAME_HEAD;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value >>> 0, 0);
  return bytes;
}

/** Cuts what arrives into frames. `take` gets a view that is only good during the call. */
export class FrameReader {
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #needed = FRAME_HEAD;
  readonly #take: (kind: number, payload: Buffer) => void;

  constructor(take: (kind: number, payload: Buffer) => void) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    // Joined only when a whole frame is there: a large frame comes in hundreds of chunks.
    if (this.#waitingBytes < this.#needed) return;
    const bytes = this.#waiting.length === 1 ? chunk : Buffer.concat(this.#waiting);
    let at = 0;
    this.#needed = FRAME_HEAD;
    while (bytes.length - at >= FRAME_HEAD) {
      const length = bytes.readUInt32LE(at);
      const kind = bytes[at + 4] as number;
      if (length > REPLY_BYTES_MAX || kind < frameKind.ready || kind > frameKind.marked) {
        throw new Error(`the evaluator sent what is no frame (kind ${kind}, length ${length})`);
      }
      if (bytes.length - at - FRAME_HEAD < length) {
        this.#needed = FRAME_HEAD + length;
        break;
      }
      this.#take(kind, bytes.subarray(at + FRAME_HEAD, at + FRAME_HEAD + length));
      at += FRAME_HEAD + length;
    }
    const rest = bytes.subarray(at);
    this.#waiting = rest.length > 0 ? [rest] : [];
    this.#waitingBytes = rest.length;
  }
}
