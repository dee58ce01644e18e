/** Whatever is sent as whatever: reading it comes to plain, bounded values or to a refusal, never to an exception. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { valuesMax } from '../../src/body/json-scan.ts';
import { type ParseOptions, parseBody } from '../../src/body/parse.ts';

const types = [
  'application/json',
  'application/cloudevents-batch+json',
  'text/plain',
  'application/x-ndjson',
  'application/xml',
  'application/soap+xml',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=b',
  'multipart/form-data; boundary="b"; charset=utf-8',
  '',
];
const pieces = [
  ...['{', '}', '[', ']', ',', ':', '"', '"a":1', '"__proto__":', '\\u005f', 'null', '\n', '\r\n', ' ', '\ufeff', '1'],
  ...['<a>', '</a>', '<a', '/>', ' b="', '&amp;', '&#65;', '&x;', '<![CDATA[', ']]>', '<!--', '-->', '<?xml ', '?>'],
  ...['<!DOCTYPE a', '<__proto__>', '</__proto__>', '<x:a/>', '=', '&', '%', '%5f', '+', 'payload=', 'field=', 'x'],
  ...['--b', '--b--', '\r\n--b\r\n', 'Content-Disposition: form-data; name="a"\r\n\r\n', '; filename="', '; name='],
];
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((parts) => Buffer.from(parts.join(''))),
  // What begins well gets further.
  fc
    .tuple(fc.constantFrom(...pieces), fc.array(fc.constantFrom(...pieces), { maxLength: 12 }))
    .map(([first, parts]) => Buffer.from(`--b\r\n${first}${parts.join('')}\r\n--b--`)),
);
const type = fc.oneof(fc.constantFrom(undefined, ...types), fc.string({ unit: 'binary', maxLength: 60 }));
const options: fc.Arbitrary<ParseOptions> = fc.record(
  {
    plainTextIsJson: fc.boolean(),
    lines: fc.boolean(),
    emptyIsNull: fc.boolean(),
    unwrap: fc.record({ field: fc.constantFrom('field', 'a', ''), as: fc.constantFrom('json', 'base64-xml') }),
  },
  { requiredKeys: [] },
);

/** How many values there are within; fails on one that is not plain. */
function count(value: unknown): number {
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return 0;
  expect(typeof value).toBe('object');
  expect([Object.prototype, Array.prototype]).toContain(Object.getPrototypeOf(value));
  const entries = Object.entries(value as object);
  expect(entries.map(([name]) => name)).not.toContain('__proto__');
  return entries.reduce((sum, [, one]) => sum + 1 + count(one), 0);
}

describe('any bytes of any type', () => {
  it('are read or refused, never thrown at', () => {
    fc.assert(
      fc.property(bytes, type, options, (body, contentType, how) => {
        const result = parseBody(body, contentType, how);
        if (result.ok) expect(count(result.value)).toBeLessThanOrEqual(valuesMax);
        else expect(['malformed', 'unsupported_type']).toContain(result.code);
      }),
      { numRuns: 5_000 },
    );
  });

  it('are left as they are, and read the same again', () => {
    fc.assert(
      fc.property(bytes, type, options, (body, contentType, how) => {
        const before = Uint8Array.from(body);
        const first = parseBody(body, contentType, how);
        expect(parseBody(body, contentType, JSON.parse(JSON.stringify(how)))).toEqual(first);
        expect(Uint8Array.from(body)).toEqual(before);
      }),
    );
  });
});
