/** The scan and a reference walk over the parsed value agree on every JSON text. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson } from '../../src/body/json.ts';
import { depthMax, scanJson, valuesMax } from '../../src/body/json-scan.ts';

const scan = (text: string) => scanJson(Buffer.from(text));

/** What the scan promises, said with the parsed value: members, deepest nesting, and whether a key is __proto__. */
function walk(value: unknown): { members: number; depth: number; proto: boolean } {
  if (typeof value !== 'object' || value === null) return { members: 0, depth: 0, proto: false };
  const keys = Object.keys(value);
  const inner = Object.values(value).map(walk);
  return {
    members: keys.length + inner.reduce((sum, { members }) => sum + members, 0),
    depth: 1 + inner.reduce((deepest, { depth }) => Math.max(deepest, depth), 0),
    proto: (!Array.isArray(value) && keys.includes('__proto__')) || inner.some(({ proto }) => proto),
  };
}

/** Keys that look like the forbidden one, or are. */
const key = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('__proto__', '__proto', '_proto__', '__proto__ ', '"__proto__":', '\\__proto__', '__prot\\u006f__'),
);
const { value: json } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), key),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(key, tie('value')), { maxLength: 4 }) // An own __proto__ too, which JSON.stringify writes.
      .map((entries) => Object.fromEntries(entries)),
  ),
}));

/** JSON text of the same value in another spelling: blanks anywhere, characters escaped. */
function respell(text: string, choice: () => number): string {
  let inString = false;
  let out = '';
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (character === '"') inString = !inString;
    if (inString && character === '\\') {
      const length = text[at + 1] === 'u' ? 6 : 2;
      out += text.slice(at, at + length);
      at += length - 1;
    } else if (inString && /\w/.test(character) && choice() < 3) {
      const code = character.charCodeAt(0).toString(16).padStart(4, '0');
      out += `\\u${choice() < 5 ? code : code.toUpperCase()}`;
    } else out += !inString && /[{}[\],:"]/.test(character) && choice() < 3 ? `${character}\n\t ` : character;
  }
  return out;
}

describe('on any JSON', () => {
  it('the scan refuses __proto__ keys in every spelling, and nothing else', () => {
    fc.assert(
      fc.property(json, fc.infiniteStream(fc.integer({ min: 0, max: 9 })), (value, stream) => {
        const text = respell(JSON.stringify(value), () => stream.next().value as number);
        const parsed: unknown = JSON.parse(text);
        expect(parsed).toEqual(value);
        expect(scan(text) !== null, text).toBe(walk(parsed).proto);
        expect(parseJson(Buffer.from(text)).ok).toBe(!walk(parsed).proto);
      }),
      { numRuns: 1500 },
    );
  });

  it('the scan counts what the walk counts', () => {
    // Values near the bounds: many members, deep nesting, in random proportion.
    const near = fc.record({
      many: fc.integer({ min: valuesMax - 60, max: valuesMax + 5 }),
      rest: fc.array(json, { maxLength: 5 }),
    });
    fc.assert(
      fc.property(near, ({ many, rest }) => {
        const text = JSON.stringify([...Array(many).fill(0), ...rest]);
        const { members, proto } = walk(JSON.parse(text));
        expect(scan(text) !== null).toBe(proto || members > valuesMax);
      }),
      { numRuns: 60 },
    );
    fc.assert(
      fc.property(fc.integer({ min: depthMax - 8, max: depthMax + 2 }), fc.boolean(), json, (deep, objects, core) => {
        const [open, close] = objects ? ['{"a": ', '}'] : ['[ ', ']'];
        const text = open.repeat(deep) + JSON.stringify(core) + close.repeat(deep);
        const { depth, proto } = walk(JSON.parse(text));
        expect(scan(text) !== null).toBe(proto || depth > depthMax);
      }),
    );
  });

  it('bytes that are no JSON are refused by scan or parser, and nothing throws', () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.stringMatching(/^[[\]{}",:\\u_0-9a]{0,40}$/).map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(noise, (bytes) => {
        let parsed: unknown;
        try {
          parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
        } catch {
          parsed = undefined;
        }
        const result = parseJson(bytes);
        expect(result.ok).toBe(parsed !== undefined && !walk(parsed).proto);
        if (result.ok) expect(result.value).toEqual(parsed);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('the bounds', () => {
  const nested = (deep: number) => '['.repeat(deep) + ']'.repeat(deep);
  it('of nesting are 64 of any kind', () => {
    expect(scan(nested(64))).toBeNull();
    expect(scan(nested(65))).toMatch(/deeper than 64/);
    expect(scan(`${'{"a":'.repeat(64)}1${'}'.repeat(64)}`)).toBeNull();
    expect(scan(`${'{"a":['.repeat(32)}{}${']}'.repeat(32)}`)).toMatch(/deeper/);
    expect(scan(`[${Array(100).fill(nested(63)).join()}]`)).toBeNull();
  });

  it('of values are 20,000, the outermost not counted', () => {
    expect(scan(`[${Array(20_000).fill('0').join()}]`)).toBeNull();
    expect(scan(`[${Array(20_001).fill('0').join()}]`)).toMatch(/20000 values/);
    expect(scan(`[${Array(20_001).fill('[]').join()}]`)).toMatch(/20000 values/);
    expect(scan(`[${Array(10_001).fill('{"a":1}').join()}]`)).toMatch(/20000 values/);
  });

  it('are not moved by what stands in strings', () => {
    expect(scan(JSON.stringify('[{,'.repeat(50_000)))).toBeNull();
    expect(scan(JSON.stringify({ a: '\\"[[[['.repeat(100), b: '\\' }))).toBeNull();
  });
});

it.each([
  ['{"__proto__":1}', false],
  ['{"\\u005f_proto__" : 1}', false],
  ['{"\\u005f\\u005F\\u0070\\u0072\\u006f\\u0074\\u006F\\u005f\\u005f":1}', false],
  ['[{"a":{"__proto__"\n:{}}}]', false],
  ['{"a":"__proto__"}', true],
  ['["__proto__"]', true],
  ['{"__proto":1,"___proto__":2,"__proto__x":3}', true],
  ['{"constructor":{"prototype":1}}', true],
])('%s is fine: %s', (text, fine) => {
  expect(parseJson(Buffer.from(text)).ok).toBe(fine);
});
