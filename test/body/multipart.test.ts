import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBody } from '../../src/body/parse.ts';

const type = 'multipart/form-data; boundary=b';
const parse = (body: string | Uint8Array, contentType = type, options = {}) => {
  const result = parseBody(typeof body === 'string' ? Buffer.from(body) : body, contentType, options);
  return result.ok ? result.value : result.code;
};
const part = (disposition: string, value = 'x', more = '') =>
  `--b\r\nContent-Disposition: form-data; ${disposition}\r\n${more}\r\n${value}\r\n`;
const named = (name: string, value?: string) => part(`name="${name}"`, value);

/** The platform's own writer of forms. */
async function written(entries: readonly (readonly [string, string | File])[]) {
  const form = new FormData();
  for (const [name, value] of entries) form.append(name, value);
  const response = new Response(form);
  return { body: await response.bytes(), contentType: response.headers.get('content-type') ?? '' };
}

describe('a multipart form', () => {
  it('of a browser is its fields, and files without their content', async () => {
    const { body, contentType } = await written([
      ['from', 'Zoë "x" <y>'],
      ['to', 'a\r\nb'],
      ['to', '--'],
      ['empty', ''],
      ['attachment-1', new File(['%PDF-1.7'], 'Übersicht "1".pdf', { type: 'application/pdf' })],
      ['attachment-2', new File([Uint8Array.of(0xff, 0x0d, 0x0a)], 'raw')],
    ]);
    expect(parse(body, contentType)).toEqual({
      from: 'Zoë "x" <y>',
      to: ['a\r\nb', '--'],
      empty: '',
      'attachment-1': { filename: 'Übersicht %221%22.pdf', content_type: 'application/pdf', bytes: 8 },
      'attachment-2': { filename: 'raw', content_type: 'application/octet-stream', bytes: 3 },
    });
  });

  it('keeps whatever text a field holds', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 40 }).map((one) => one.replaceAll(/[\r\n\ufeff]/g, '|'));
    const entries = fc.array(fc.tuple(fc.stringMatching(/^[a-z]{1,3}$/), text), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(entries, async (fields) => {
        const { body, contentType } = await written(fields);
        const expected: Record<string, string | string[]> = {};
        for (const [name] of fields) {
          const values = fields.filter(([other]) => other === name).map(([, value]) => value);
          expected[name] = values.length === 1 ? (values[0] as string) : values;
        }
        expect(parse(body, contentType)).toEqual(expected);
      }),
    );
  });

  it.each([
    ['nothing', '--b--', {}],
    ['an end without a line end', `${named('a')}--b--`, { a: 'x' }],
    ['a line end before its first boundary', `\r\n${named('a')}--b--\r\n`, { a: 'x' }],
    ['something after its end', `${named('a')}--b--\r\nbye`, { a: 'x' }],
    ['an empty value', `${named('a', '')}--b--`, { a: '' }],
    ['a value that looks like a boundary', `${named('a', ' --b--\n--b')}--b--`, { a: ' --b--\n--b' }],
    ['escaped quotes in a name', `${named('a\\"b\\\\c')}--b--`, { 'a"b\\c': 'x' }],
    ['a name without quotes', `${part('name=a')}--b--`, { a: 'x' }],
    ['a field with a type', `${part('name="a"', '{}', 'Content-Type: application/json\r\n')}--b--`, { a: '{}' }],
    ['a file without a type', `${part('name="a"; filename=""')}--b--`, file('a', '', 'application/octet-stream')],
    ['a path of Windows', `${part('name="a"; filename="C:\\t\\n.txt"')}--b--`, file('a', 'C:\\t\\n.txt')],
    ['an extended name', `${part("name=a; filename*=UTF-8''%C3%A9.txt")}--b--`, file('a', 'é.txt')],
    [
      'bytes',
      `${part('name=a', 'xy', 'content-type: application/octet-stream\r\n')}--b--`,
      file('a', '', undefined, 2),
    ],
    ['a name every object has', `${named('constructor')}--b--`, { constructor: 'x' }],
  ])('may have %s', (_, body, value) => {
    expect(parse(body)).toEqual(value);
  });

  function file(name: string, filename: string, content_type = 'application/octet-stream', bytes = 1) {
    return { [name]: { filename, content_type, bytes } };
  }

  it.each([
    'multipart/form-data; boundary="b"',
    'Multipart/Form-Data; charset=utf-8; BOUNDARY=b',
    'multipart/form-data;boundary=b',
  ])('is read with the boundary of %s', (contentType) => {
    expect(parse(`${named('a')}--b--`, contentType)).toEqual({ a: 'x' });
  });

  it.each([
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=""',
    'multipart/form-data; boundary="b',
    'multipart/form-data; boundary=b; boundary=c',
    `multipart/form-data; boundary=${'b'.repeat(71)}`,
    'multipart/form-data; boundary=é',
    'multipart/form-data; boundary="b "',
    'multipart/form-data; boundary=other',
  ])('with %s is malformed', (contentType) => {
    expect(parse(`${named('a')}--b--`, contentType)).toBe('malformed');
  });

  it.each([
    ['nothing', ''],
    ['text before its boundary', `x\r\n${named('a')}--b--`],
    ['no end', named('a')],
    ['half an end', `${named('a')}--b-`],
    ['a part cut off in its headers', '--b\r\nContent-Disposition: form-data; na'],
    ['a part cut off in its value', '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx'],
    ['a boundary that goes on', `${named('a')}--bc\r\n${named('d')}--b--`],
    ['a boundary that runs into a header', `${named('a').replace('\r\n', '..')}--b--`],
    ['line feeds alone', `${named('a')}--b--`.replaceAll('\r\n', '\n')],
    ['a part without headers', '--b\r\n\r\nx\r\n--b--'],
    ['a value that is a boundary', `${named('a', '--b--')}--b--`],
    ['a part without even an empty value', '--b\r\nContent-Disposition: form-data; name=a\r\n\r\n--b--'],
    ['a part without a name', `${part('nam="a"')}--b--`],
    ['a part with two names', `${part('name="a"; name="b"')}--b--`],
    ['a part with two dispositions', `${part('name=a', 'x', 'content-disposition: form-data; name=b\r\n')}--b--`],
    ['a part of another kind', `${named('a').replace('form-data', 'attachment')}--b--`],
    ['a folded header', `${part('name=a', 'x', ' folded: 1\r\n')}--b--`],
    ['a part in base64', `${part('name=a', 'eA==', 'Content-Transfer-Encoding: base64\r\n')}--b--`],
    ['a __proto__ field', `${named('__proto__')}--b--`],
    ['a bomb of headers', `${part('name=a', 'x', `x: ${'y'.repeat(9000)}\r\n`)}--b--`],
    ['headers without end', `--b\r\n${'a: b\r\n'.repeat(170_000)}`],
    ['100,000 parts', `${'--b\r\n\r\n\r\n'.repeat(100_000)}--b--`],
    ['a million line ends', `--b\r\n${'\r\n'.repeat(500_000)}`],
  ])('with %s is malformed', (_, body) => {
    expect(parse(body)).toBe('malformed');
  });

  it.each([
    ['value', `${named('a', 'é')}--b--`],
    ['name', `${named('é')}--b--`],
  ])('whose %s is not UTF-8 is malformed', (_, body) => {
    expect(parse(Buffer.from(body, 'latin1'))).toBe('malformed');
    expect(parse(Buffer.from(body))).toBeTypeOf('object');
  });

  it('has 99 parts at most, files or fields, repeated or not', () => {
    const parts = (count: number, one: (index: number) => string) =>
      `${Array.from({ length: count }, (_, index) => one(index)).join('')}--b--`;
    const ways = [(index: number) => named(`f${index}`), () => part('name="f"; filename="g"')];
    for (const way of ways) {
      expect(Object.values(parse(parts(99, way)) as object).flat()).toHaveLength(99);
      expect(parse(parts(100, way))).toBe('malformed');
    }
  });

  it('is read from the middle of a larger buffer', () => {
    expect(parse(Buffer.from(`xx${named('a')}--b--xx`).subarray(2, -2))).toEqual({ a: 'x' });
  });
});
