/** Forms: what is proven and what is kept must be the same form, so both readers are held to one another. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseForm } from '../../src/body/form.ts';
import { fieldOf, formFields, sortedFormText } from '../../src/verify/form-fields.ts';
import { requestOf } from '../support/verify-fixtures.ts';

const headers = { 'content-type': 'application/x-www-form-urlencoded' };
const read = (body: string | Uint8Array) => formFields(requestOf(body, headers));
/** The body room's shape, of the fields that are proven. */
function shaped(body: Uint8Array): unknown {
  const fields = read(body);
  return (
    fields && Object.fromEntries([...fields].map(([name, values]) => [name, values.length === 1 ? values[0] : values]))
  );
}

describe('a form', () => {
  it('is read as the body room reads it, whatever the bytes', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '&',
        '=',
        '%',
        '+',
        '%41',
        '%c3%ab',
        '%C3',
        'a',
        'b',
        '\u0000',
        '__proto',
        'ë',
        '%26',
        '%3D',
        '%zz',
      ),
      fc.string({ maxLength: 3 }),
    );
    const text = fc.array(piece, { maxLength: 30 }).map((pieces) => Buffer.from(pieces.join('')));
    fc.assert(
      fc.property(fc.oneof(text, fc.uint8Array({ maxLength: 60 })), (body) => {
        const parsed = parseForm(body, { field: 'no such field', as: 'json' });
        if (parsed.ok) expect(shaped(body)).toEqual(parsed.value);
        // What the body room refuses is refused here too, or it is after the proof.
        else if (read(body) !== null) expect(parsed.reason).toMatch(/__proto__/);
      }),
      { numRuns: 2_000 },
    );
  });

  it('has 99 fields at most', () => {
    const body = (count: number) => Array.from({ length: count }, (_, at) => `f${at}=1`).join('&&');
    expect(read(body(99))?.size).toBe(99);
    expect(read(body(100))).toBeNull();
    expect(read(`${'a=1&'.repeat(100)}`)).toBeNull();
  });

  it('is none of another content type, or compressed', () => {
    expect(formFields(requestOf('a=1', { 'content-type': 'application/json' }))).toBeNull();
    expect(formFields(requestOf('a=1'))).toBeNull();
    expect(formFields(requestOf('a=1', { ...headers, 'content-encoding': 'gzip' }))).toBeNull();
    expect(
      formFields(requestOf('a=1', { 'content-type': 'Application/X-WWW-Form-Urlencoded; charset=utf-8' }))?.size,
    ).toBe(1);
  });

  it('names a field when it came once', () => {
    expect(fieldOf(read('a=1&b=2&b=3'), 'a')).toBe('1');
    expect(fieldOf(read('a=1&b=2&b=3'), 'b')).toBeNull();
    expect(fieldOf(null, 'a')).toBeNull();
  });

  it('is signed sorted by name, each value of a name once and sorted', () => {
    expect(sortedFormText(read('b=2&a=z&B=1&a=c&a=z') ?? new Map())).toBe('B1acazb2');
  });
});
