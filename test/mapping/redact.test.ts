import fc from 'fast-check';
import jsonata from 'jsonata';
import { describe, expect, it } from 'vitest';
import { loadOwnFunctions } from '../../src/mapping/privacy-functions.ts';
import { PseudonymMarks } from '../../src/mapping/pseudonym.ts';
import { PATHS_MAX, redact, STEPS_MAX } from '../../src/mapping/redact.ts';

const own = await loadOwnFunctions(jsonata, new PseudonymMarks());

/** As JSON: what an event is made of. */
async function evaluate(text: string, input: unknown): Promise<unknown> {
  const expression = jsonata(text);
  for (const [name, definition] of own) expression.assign(name, definition);
  const result: unknown = await expression.evaluate(input);
  return result === undefined ? undefined : JSON.parse(JSON.stringify(result));
}

const order = {
  id: 1,
  customer: { email: 'a@b.example', name: 'A', plan: 'pro' },
  items: [{ sku: 's1', secret: 1 }, { sku: 's2' }, 'gift', [{ secret: 2, sku: 's3' }]],
  byId: { u1: { email: 'e1', n: 1 }, u2: { email: 'e2', n: 2 } },
  'user.email': 'x@y.example',
  '*': 'star',
};

describe('$redact', () => {
  it.each([
    ['$redact($, ["customer"]).customer', undefined],
    ['$redact($, ["customer.email", "customer.name"]).customer', { plan: 'pro' }],
    ['$redact($, "customer.email").customer', { name: 'A', plan: 'pro' }],
    ['$redact($, ["items.secret"]).items', [{ sku: 's1' }, { sku: 's2' }, 'gift', [{ sku: 's3' }]]],
    ['$redact(items, ["secret"])', [{ sku: 's1' }, { sku: 's2' }, 'gift', [{ sku: 's3' }]]],
    ['$redact($, ["byId.*.email"]).byId', { u1: { n: 1 }, u2: { n: 2 } }],
    ['$redact($, ["byId.*.email", "byId.u1"]).byId', { u2: { n: 2 } }],
    ['$keys($redact($, ["`user.email`", "`*`", "items", "byId"]))', ['id', 'customer']],
    ['$redact(customer, ["nothing", "plan.deeper", "email.x"])', order.customer],
    ['$redact(customer, [])', order.customer],
    ['customer.$redact(["email"])', { name: 'A', plan: 'pro' }],
    ['customer ~> $redact(["email"])', { name: 'A', plan: 'pro' }],
    ['($r := $redact(?, ["email"]); $r(customer))', { name: 'A', plan: 'pro' }],
    ['$redact(missing, ["email"])', undefined],
    ['$redact(null, ["email"])', undefined],
    ['$redact($, ["*"])', {}],
  ])('%s', async (text, expected) => {
    expect(await evaluate(text, order)).toEqual(expected);
  });

  it.each([
    ['$redact("text", ["a"])', 'T0410'],
    ['$redact($, [1])', 'T0412'],
    ['$redact(customer)', 'T0412'],
    ['$redact($, missing)', 'R0001'],
    ['($r := $redact(?, [1]); $r(customer))', 'R0001'],
    ['$redact($, [""])', 'R0001'],
    ['$redact($, ["a..b"])', 'R0001'],
    ['$redact($, [".a"])', 'R0001'],
    ['$redact($, ["a."])', 'R0001'],
    ['$redact($, ["a .b"])', 'R0001'],
    ['$redact($, ["`a"])', 'R0001'],
    ['$redact($, ["a`b`"])', 'R0001'],
  ])('refuses %s rather than leave everything in', async (text, code) => {
    await expect(evaluate(text, order)).rejects.toMatchObject({ code });
  });

  it('is bounded in paths, their length and the members it looks at', () => {
    const paths = Array.from({ length: PATHS_MAX + 1 }, (_, n) => `p${n}`);
    expect(() => redact({}, paths)).toThrow('more than');
    expect(redact({ p1: 1 }, paths.slice(1))).toEqual({});
    expect(() => redact({}, ['x'.repeat(501)])).toThrow('longer');
    const members = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, n]));
    expect(Object.keys(redact(members(STEPS_MAX), ['k1']) as object)).toHaveLength(STEPS_MAX - 1);
    expect(() => redact(members(STEPS_MAX + 1), ['k1'])).toThrow('members');
  });

  const name = fc.constantFrom('a', 'b', 'c', '__proto__', 'x y');
  const tree = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 5 }, fc.integer(), fc.constant(null), fc.string(), tie('list'), tie('object')),
    list: fc.array(tie('value'), { maxLength: 4 }),
    object: fc.dictionary(name, tie('value'), { maxKeys: 4 }),
  })).object;
  const path = fc.array(fc.oneof(name, fc.constant('*')), { minLength: 1, maxLength: 4 });

  /** The same promise, said the slow way: one path at a time, on a copy. */
  function slowly(value: unknown, [first, ...rest]: readonly string[]): void {
    if (Array.isArray(value)) for (const item of value) slowly(item, [first as string, ...rest]);
    else if (typeof value === 'object' && value !== null) {
      for (const key of Object.keys(value).filter((one) => first === '*' || one === first)) {
        if (rest.length === 0) Reflect.deleteProperty(value, key);
        else slowly(Object.getOwnPropertyDescriptor(value, key)?.value, rest);
      }
    }
  }

  it('leaves out what stands at the paths, nothing else, and changes nothing of the object', () => {
    fc.assert(
      fc.property(tree, fc.array(path, { maxLength: 4 }), (object, paths) => {
        const before = JSON.stringify(object);
        const result = redact(
          object,
          paths.map((names) => names.join('.')),
        );
        const expected: unknown = structuredCopy(object);
        for (const names of paths) slowly(expected, names);
        expect(JSON.stringify(result)).toBe(JSON.stringify(expected));
        expect(JSON.stringify(object)).toBe(before);
      }),
      { numRuns: 500 },
    );
  });
});

/** JSON.parse makes `__proto__` an own member; structuredClone does not keep it. */
function structuredCopy(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

describe('$emailDomain', () => {
  it.each([
    ['A@B.example', 'b.example'],
    [' ann@mail.b.example ', 'mail.b.example'],
    ['Ann <ann@b.example>', 'b.example'],
    ['"Ann, of B" <ann@B.EXAMPLE>', 'b.example'],
    ['ann+tag@b.example', 'b.example'],
    ['"a b@c"@b.example', 'b.example'],
    ['ann@bücher.example', 'bücher.example'],
    ['ann@xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ])('of %j is %j', async (text, domain) => {
    expect(await evaluate('$emailDomain(text)', { text })).toBe(domain);
  });

  it.each([
    '',
    '@',
    'ann',
    'ann@',
    '@b.example',
    'ann@localhost',
    'ann@b..example',
    'ann@-b.example',
    'ann@b.example.',
    'ann b@b.example',
    'a@b@c.example',
    'a@x.example, b@y.example',
    'a@x.example,b@y.example',
    'Ann <ann>',
    'Ann <>',
    '>',
    'ann@[10.0.0.1]',
    'mailto:ann@b.example',
    'https://ann@b.example/',
    `ann@${'b'.repeat(64)}.example`,
    `${'a'.repeat(65)}@b.example`,
    `ann@${'b.'.repeat(130)}example`,
    `${' '.repeat(1_100)}a@b.example`,
    5,
    null,
    {},
    ['a@b.example', 'c@d.example'],
  ])('of %j is nothing', async (text) => {
    expect(await evaluate('$emailDomain(text)', { text })).toBeUndefined();
  });

  it.each([
    ['emails.$emailDomain()', ['x.example', 'y.example']],
    ['$map(emails, $emailDomain)', ['x.example', 'y.example']],
    ['$emailDomain(missing)', undefined],
    ['($d := $emailDomain(?); $d(emails[0]))', 'x.example'],
    ['$emailDomain($sum)', undefined],
  ])('is used as JSONata’s own are: %s', async (text, expected) => {
    expect(await evaluate(text, { emails: ['a@x.example', 'b@Y.example'] })).toEqual(expected);
  });
});
