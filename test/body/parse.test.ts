import { describe, expect, it } from 'vitest';
import { parseBody } from '../../src/body/parse.ts';

const parse = (body: string | Uint8Array, type?: string, options = {}) => {
  const result = parseBody(typeof body === 'string' ? Buffer.from(body) : body, type, options);
  return result.ok ? result.value : result.code;
};
const json = 'application/json';
const form = 'application/x-www-form-urlencoded';

describe('by its content type a body', () => {
  it.each([
    json,
    'Application/JSON; charset=utf-8',
    'application/vnd.api+json',
    'application/cloudevents+json;charset=UTF-8',
    'application/cloudevents-batch+json',
    'application/vnd.contentful.management.v1+json',
    'text/json',
    '',
    undefined,
  ])('of %s is JSON', (type) => {
    expect(parse('{"a":[1,null,"x"]}', type)).toEqual({ a: [1, null, 'x'] });
    expect(parse('{"a":', type)).toBe('malformed');
  });

  it.each([
    'text/plain',
    'text/html',
    'application/octet-stream',
    'multipart/mixed; boundary=x',
    'application/json-seq',
    'application/xml-dtd',
    'json',
    'nonsense',
    '__proto__',
  ])('of %s is not read', (type) => {
    expect(parse('{"a":1}', type)).toBe('unsupported_type');
  });

  it('of text/plain is JSON only where a provider is known to send it so', () => {
    expect(parse('{"a":1}', 'text/plain; charset=UTF-8', { plainTextIsJson: true })).toEqual({ a: 1 });
    expect(parse('hello', 'text/plain', { plainTextIsJson: true })).toBe('malformed');
    expect(parse('{"a":1}', 'text/html', { plainTextIsJson: true })).toBe('unsupported_type');
  });

  it('without one is JSON when it looks so, nothing when it is empty, else not read', () => {
    expect(parse(' \r\n\t[1]')).toEqual([1]);
    expect(parse('{not json')).toBe('malformed');
    expect(parse('')).toBeNull();
    expect(parse('Hello, World!')).toBe('unsupported_type');
    expect(parse('a=1')).toBe('unsupported_type');
    expect(parse('   ')).toBe('unsupported_type');
  });

  it.each([json, form, 'application/xml', 'application/x-ndjson', 'multipart/form-data', 'image/png', undefined])(
    'of %s is null when it is empty, where an empty one is expected',
    (type) => {
      expect(parse('', type, { emptyIsNull: true })).toBeNull();
    },
  );

  it('is read as ever where an empty one is expected and this one is not', () => {
    expect(parse('{"a":1}', json, { emptyIsNull: true })).toEqual({ a: 1 });
    expect(parse(' ', json, { emptyIsNull: true })).toBe('malformed');
    expect(parse('', json, { emptyIsNull: false })).toBe('malformed');
    expect(parse('', form)).toEqual({});
  });
});

describe('JSON', () => {
  it.each(['1', '"x"', 'null', 'true', '[]', '{}', ' {"a" : 1} \n'])('%s is read as JavaScript reads it', (text) => {
    expect(parse(text, json)).toEqual(JSON.parse(text));
  });

  it.each([
    '',
    ' ',
    '{',
    '{"a":1}}',
    '{"a":1} x',
    "{'a':1}",
    '{"a":1,}',
    'NaN',
    '{"a":01}',
    '"a\nb"',
    '\ufeff\ufeff{}',
    'undefined',
  ])('%j is malformed', (text) => {
    expect(parse(text, json)).toBe('malformed');
  });

  it('is UTF-8, with a byte order mark or without', () => {
    expect(parse('{"a":"Zoë 🎈"}', json)).toEqual({ a: 'Zoë 🎈' });
    expect(parse('\ufeff{"a":"é"}', json)).toEqual({ a: 'é' });
    expect(parse('\ufeff{"a":"é"}')).toEqual({ a: 'é' });
  });

  it.each([
    [[0x22, 0xff, 0x22]],
    [[0x22, 0xc3, 0x22]],
    [[0x22, 0xc0, 0xaf, 0x22]],
    [[0x22, 0xed, 0xa0, 0x80, 0x22]],
    [[0x22, 0xf5, 0x80, 0x80, 0x80, 0x22]],
    [[...Buffer.from('\ufeff{}', 'utf16le')]],
    [[...Buffer.from('{"a":"é"}', 'latin1')]],
  ])('of bytes %j, which are not UTF-8, is malformed', (bytes) => {
    expect(parse(Uint8Array.from(bytes), json)).toBe('malformed');
  });

  it('is read from the middle of a larger buffer', () => {
    const bytes = new Uint8Array(Buffer.from('xx{"__proto_":"é"}xx')).subarray(2, -2);
    expect(parse(bytes, json)).toEqual({ __proto_: 'é' });
  });

  it('is refused without its text being repeated', () => {
    const result = parseBody(Buffer.from('{"password":hunter2}'), json);
    expect(JSON.stringify(result)).not.toContain('hunter2');
  });
});

describe('a form', () => {
  it.each([
    ['a=1&b=two', { a: '1', b: 'two' }],
    ['a=1&a=2&a=3', { a: ['1', '2', '3'] }],
    ['a=%C3%A9+b%2B', { a: 'é b+' }],
    ['a&b=&=c', { a: '', b: '', '': 'c' }],
    ['&&a=1&', { a: '1' }],
    ['a=1=2', { a: '1=2' }],
    ['a=100%&b=%zz&c=%4', { a: '100%', b: '%zz', c: '%4' }],
    ['data[email]=x%40y', { 'data[email]': 'x@y' }],
    ['constructor=1&toString=2', { constructor: '1', toString: '2' }],
    ['n=007', { n: '007' }],
    ['', {}],
  ])('%s is %j', (text, fields) => {
    expect(parse(text, form)).toEqual(fields);
    expect(parse(text, `${form}; charset=utf-8`)).toEqual(fields);
  });

  it.each(['__proto__=1', '%5f_proto__=1', 'a=%ff', '%C3=1', 'a=%C3%28'])('%s is malformed', (text) => {
    expect(parse(text, form)).toBe('malformed');
  });

  it('has 99 fields at most, whether they are repeated or not', () => {
    const fields = (count: number, name: (index: number) => string) =>
      Array.from({ length: count }, (_, index) => `${name(index)}=1`).join('&');
    expect(
      Object.keys(
        parse(
          fields(99, (index) => `f${index}`),
          form,
        ) as object,
      ),
    ).toHaveLength(99);
    expect(
      parse(
        fields(100, (index) => `f${index}`),
        form,
      ),
    ).toBe('malformed');
    expect(
      parse(
        fields(100, () => 'f'),
        form,
      ),
    ).toBe('malformed');
  });

  it('of nothing but a payload that holds JSON is that JSON', () => {
    expect(parse(`payload=${encodeURIComponent('{"a":"é & +"}')}`, form)).toEqual({ a: 'é & +' });
    expect(parse('payload=%5B1%5D&', form)).toEqual([1]);
    expect(parse('payload=%7Bnot', form)).toBe('malformed');
    expect(parse(`payload=${'['.repeat(65)}${']'.repeat(65)}`, form)).toBe('malformed');
    expect(parse('payload={"__proto__":1}', form)).toBe('malformed');
  });

  it('with a payload of text, two payloads, or more fields stays a form', () => {
    expect(parse('payload=hello', form)).toEqual({ payload: 'hello' });
    expect(parse('payload=%7B%7D&payload=%7B%7D', form)).toEqual({ payload: ['{}', '{}'] });
    expect(parse('payload=%7B%7D&a=1', form)).toEqual({ payload: '{}', a: '1' });
  });
});
