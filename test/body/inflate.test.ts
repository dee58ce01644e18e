import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { inflate } from '../../src/body/inflate.ts';

const body = Buffer.from('{"a":"some text, some text"}');
const bytesMax = 1000;
const text = (result: ReturnType<typeof inflate>) => (result.ok ? Buffer.from(result.bytes).toString() : result.code);

describe('a body', () => {
  it.each([
    ['gzip', gzipSync(body)],
    ['x-gzip', gzipSync(body)],
    ['GZIP ', gzipSync(body)],
    ['deflate', deflateSync(body)],
    ['deflate', deflateRawSync(body)],
    ['br', brotliCompressSync(body)],
    ['identity', body],
    ['', body],
    [undefined, body],
  ])('in %s comes out as it was', (encoding, bytes) => {
    expect(text(inflate(bytes, encoding, bytesMax))).toBe(body.toString());
  });

  it.each(['zstd', 'gzip, gzip', 'gzip, br', 'identity, gzip', 'gzip;q=1', 'compress', 'aws-chunked', '__proto__'])(
    'in %s is not read',
    (encoding) => {
      expect(inflate(gzipSync(body), encoding, bytesMax)).toMatchObject({ ok: false, code: 'unsupported_type' });
    },
  );

  it.each([
    ['gzip', body],
    ['gzip', Buffer.alloc(0)],
    ['gzip', gzipSync(body).subarray(0, 20)],
    ['gzip', deflateSync(body)],
    ['gzip', Buffer.concat([gzipSync(body).subarray(0, -8), Buffer.alloc(8)])],
    ['deflate', gzipSync(body)],
    ['br', body],
    ['br', brotliCompressSync(body).subarray(0, 10)],
    ['gzip', gzipSync(body).subarray(0, -1)],
    ['deflate', deflateSync(body).subarray(0, -1)],
    ['deflate', deflateRawSync(body).subarray(0, -1)],
    ['br', brotliCompressSync(body).subarray(0, -1)],
    ['gzip', Buffer.concat([gzipSync(body), Buffer.from('more')])],
    ['gzip', Buffer.concat([gzipSync(body), Buffer.alloc(4)])],
    ['deflate', Buffer.concat([deflateSync(body), Buffer.from('more')])],
    ['deflate', Buffer.concat([deflateRawSync(body), deflateRawSync(body)])],
    ['br', Buffer.concat([brotliCompressSync(body), Buffer.of(0)])],
  ])('that is not the %s it says is malformed', (encoding, bytes) => {
    expect(inflate(bytes, encoding, bytesMax)).toMatchObject({ ok: false, code: 'malformed' });
  });

  it('of several gzip members is all of them, as RFC 1952 has it', () => {
    const halves = Buffer.concat([gzipSync(body.subarray(0, 9)), gzipSync(body.subarray(9))]);
    expect(text(inflate(halves, 'gzip', bytesMax))).toBe(body.toString());
  });

  it('may inflate to the limit, and not a byte further', () => {
    for (const [encoding, compress] of [
      ['gzip', gzipSync],
      ['deflate', deflateSync],
      ['br', brotliCompressSync],
    ] as const) {
      expect(text(inflate(compress(Buffer.alloc(bytesMax, 'x')), encoding, bytesMax))).toHaveLength(bytesMax);
      expect(text(inflate(compress(Buffer.alloc(bytesMax + 1, 'x')), encoding, bytesMax))).toBe('oversized');
    }
    expect(text(inflate(Buffer.alloc(bytesMax), undefined, bytesMax))).toHaveLength(bytesMax);
    expect(text(inflate(Buffer.alloc(bytesMax + 1), undefined, bytesMax))).toBe('oversized');
  });
});
