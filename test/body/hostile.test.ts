/** Contract §7: whatever a body of the largest size holds, refusing (or reading) it costs at most 50 ms. */
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { inflate } from '../../src/body/inflate.ts';
import { parseBody } from '../../src/body/parse.ts';

const bytesMax = 1_048_576;
const json = 'application/json';
const form = 'application/x-www-form-urlencoded';
const fill = (text: string, size = bytesMax) => text.repeat(Math.ceil(size / text.length)).slice(0, size);

/** Processor time of this thread, the best of three: the machine may be busy, the work is the same. */
function costMs(act: () => unknown): number {
  const times = [1, 2, 3].map(() => {
    const before = process.threadCpuUsage();
    act();
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}

describe('a body of 1 MiB', () => {
  it.each([
    ['of open brackets', fill('['), json],
    ['of open objects', fill('{"a":'), json],
    ['of numbers', `[${fill('1,', bytesMax - 3)}1]`, json],
    ['of empty arrays', `[${fill('[],', bytesMax - 4)}[]]`, json],
    ['of quotes', fill('"'), json],
    ['of backslashes', fill('\\'), json],
    ['of escaped quotes', `"${fill('\\"')}`, json],
    ['of keys that are nearly __proto__', `{${fill('"\\u005f\\u005f\\u0070roto_x":1,')}`, json],
    ['of strings that are __proto__', `[${fill('"__proto__",', bytesMax - 2)}`, json],
    ['that ends in a __proto__ key', `["${fill('x', bytesMax - 30)}",{"__proto__":1}]`, json],
    ['of blanks after an open bracket', `[${fill(' ')}`, json],
    ['of blanks between brackets', fill('[ ', 200) + fill(' ', bytesMax - 200), json],
    ['of bytes that are not UTF-8, escaped', `a=${fill('%ff')}`, form],
    ['of ampersands and fields', fill('a=1&'), form],
    ['of a payload of brackets', `payload=${fill('%5B')}`, form],
    ['of a type nobody knows', fill('x'), 'application/octet-stream'],
    ['of blanks without a type', fill(' '), undefined],
  ])('%s is refused within 50 ms', (_, body, type) => {
    const bytes = Buffer.from(body);
    expect(parseBody(bytes, type).ok).toBe(false);
    expect(costMs(() => parseBody(bytes, type))).toBeLessThan(50);
  });

  it('that is not UTF-8 in its last byte is refused within 50 ms', () => {
    const bytes = Buffer.concat([Buffer.from(`"${fill('é', 500_000)}`), Buffer.of(0xff, 0x22)]);
    expect(parseBody(bytes, json)).toMatchObject({ ok: false, code: 'malformed' });
    expect(costMs(() => parseBody(bytes, json))).toBeLessThan(50);
  });

  it.each([
    ['percent signs in a form', `a=${fill('%')}`, form],
    ['one number of a million digits', fill('1')],
    ['one string', `"${fill('x', bytesMax - 2)}"`],
    ['one string of escapes', `"${fill('\\u00e9', bytesMax - 4)}"`],
    ['many keys', `{${Array.from({ length: 19_999 }, (__, index) => `"${index * 104_729}":0`).join()}}`],
    [
      'one long path of objects, again and again',
      `[${Array(300)
        .fill(`${'{"a":'.repeat(60)}1${'}'.repeat(60)}`)
        .join()}]`,
    ],
  ])('that may be read, %s, is read within 50 ms', (_, body, type = json) => {
    const bytes = Buffer.from(body);
    expect(parseBody(bytes, type).ok).toBe(true);
    expect(costMs(() => parseBody(bytes, type))).toBeLessThan(50);
  });
});

describe('a decompression bomb', () => {
  const zeros = Buffer.alloc(100 * bytesMax);
  it.each([
    ['gzip', gzipSync(zeros)],
    ['gzip', Buffer.concat(Array(2000).fill(gzipSync(Buffer.alloc(bytesMax))))],
    ['br', brotliCompressSync(zeros)],
  ])('in %s is refused within 50 ms', (encoding, bytes) => {
    expect(inflate(bytes, encoding, bytesMax)).toMatchObject({ ok: false, code: 'oversized' });
    expect(costMs(() => inflate(bytes, encoding, bytesMax))).toBeLessThan(50);
  });
});
