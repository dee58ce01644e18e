import { describe, expect, it } from 'vitest';
import { valuesMax } from '../../src/body/json-scan.ts';
import { parseBody } from '../../src/body/parse.ts';

const parse = (body: string | Uint8Array, type = 'application/x-ndjson', options = {}) => {
  const result = parseBody(typeof body === 'string' ? Buffer.from(body) : body, type, options);
  return result.ok ? result.value : `${result.code}: ${result.reason}`;
};

describe('JSON lines', () => {
  it.each([
    'application/x-ndjson',
    'application/ndjson; charset=utf-8',
    'application/jsonl',
    'application/x-jsonl',
    'application/jsonlines',
    'Application/X-JSONLines',
  ])('of type %s are the array of their values', (type) => {
    expect(parse('{"a":1}\n{"a":"é"}\n', type)).toEqual([{ a: 1 }, { a: 'é' }]);
  });

  it.each([
    ['{"a":1}', [{ a: 1 }]],
    ['1\n"x"\nnull\n[2]', [1, 'x', null, [2]]],
    ['\n\n{"a":1}\r\n\r\n \t \n2\r\n', [{ a: 1 }, 2]],
    ['\ufeff{"a":1}\n2', [{ a: 1 }, 2]],
    ['"a\\nb"\n', ['a\nb']],
    ['', []],
    ['\n \n', []],
  ])('%j are %j', (text, values) => {
    expect(parse(text)).toEqual(values);
  });

  it.each([
    ['{"a":1}\n\n{"a":', 3],
    ['{"a":1} {"a":2}', 1],
    ['1\n{"__proto__":1}', 2],
    ['1\n2\n{\n"a":1}', 3],
    [`1\n${'['.repeat(65)}${']'.repeat(65)}`, 2],
    ['\r1\n\r\n,', 3],
  ])('%j are malformed in line %i', (text, line) => {
    expect(parse(text)).toMatch(`malformed: line ${line} of`);
  });

  it('may each be as deep as JSON may', () => {
    const deep = `${'['.repeat(64)}${']'.repeat(64)}`;
    expect(parse(`${deep}\n${deep}`)).toHaveLength(2);
  });

  it('share the bound of values, each line being one', () => {
    expect(parse('1\n'.repeat(valuesMax))).toHaveLength(valuesMax);
    expect(parse('1\n'.repeat(valuesMax + 1))).toMatch('more than 20000 values');
    expect(parse('[1,1]\n[1]\n'.repeat(valuesMax / 5))).toHaveLength((valuesMax / 5) * 2);
    expect(parse(`${'[1,1]\n[1]\n'.repeat(valuesMax / 5)}1`)).toMatch('line 8001 of');
    expect(parse('1\n'.repeat(500_000))).toMatch('line 20001 of');
  });

  it('that are not UTF-8 are malformed', () => {
    expect(parse(Buffer.from('1\n"é"', 'latin1'))).toMatch('malformed');
  });

  it('are refused without their text being repeated', () => {
    expect(parse('{"password":hunter2}')).not.toContain('hunter2');
  });
});

describe('where a provider may send lines as JSON', () => {
  const json = 'application/json';
  it.each([
    ['{"a":1}', { a: 1 }],
    ['[{"a":1},{"a":2}]', [{ a: 1 }, { a: 2 }]],
    ['{"a":1}\n{"a":2}\n', [{ a: 1 }, { a: 2 }]],
    ['{\n "a": 1\n}', { a: 1 }],
  ])('%j is %j', (text, value) => {
    expect(parse(text, json, { lines: true })).toEqual(value);
    expect(parse(text, '', { lines: true })).toEqual(value);
  });

  it('neither is malformed, and elsewhere lines are no JSON', () => {
    expect(parse('{"a":1}\nx', json, { lines: true })).toMatch('malformed: line 2');
    expect(parse('{"a":1}\n{"a":2}\n', json)).toMatch('malformed');
    expect(parse('', json, { lines: true })).toMatch('malformed');
  });
});
