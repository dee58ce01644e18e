import { describe, expect, it } from 'vitest';
import type { KnownProvider } from '../../src/config/provider-rules.ts';
import { type ParsedSource, parseSourceFile, type SourceFileOptions } from '../../src/config/source-file.ts';
import type { Source } from '../../src/model.ts';

const variables: Record<string, string> = {
  KEY: 'key-1',
  OLD: 'key-0',
  LOGIN: 'user:pass',
  NESTED: '$' + '{KEY}',
  URL: 'x.example',
};
const options: SourceFileOptions = {
  name: 'shop',
  file: 'mappings/shop/source.yaml',
  lookup: (name) => variables[name],
  providers: new Map<string, KnownProvider>([
    ['stripe', { fields: [], secret: 'text' }],
    ['github', { fields: [], secret: 'text' }],
  ]),
  destinations: new Set(['mixpanel', 'backup']),
};
const parse = (text: string, more: Partial<SourceFileOptions> = {}): ParsedSource =>
  parseSourceFile(text, { ...options, ...more });

function sourceOf(text: string, more: Partial<SourceFileOptions> = {}): Source {
  const parsed = parse(text, more);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.source;
}

/** `line:column message` of each. */
function problemsOf(text: string, more: Partial<SourceFileOptions> = {}): string[] {
  const parsed = parse(text, more);
  return parsed.ok ? [] : parsed.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
}

function warningsOf(text: string): string[] {
  const parsed = parse(text);
  return parsed.ok
    ? parsed.warnings.map(({ line, column, message }) => `${line}:${column} ${message}`)
    : ['not parsed'];
}

const secret = 'secret: $' + '{KEY}\n';
const custom = (verify: string, rest = secret) => `provider: custom\n${rest}verify:\n  ${verify}\n`;
const hmac = (more: string) => custom(`hmac: { algorithm: sha256, header: X-Sig, encoding: hex${more} }`);

describe('a source', () => {
  it('needs a provider and a secret and has defaults for the rest', () => {
    expect(sourceOf(`provider: stripe\n${secret}`)).toEqual({
      name: 'shop',
      provider: 'stripe',
      secrets: ['key-1'],
      missing: [],
      url: null,
      toleranceMs: null,
      destinations: ['mixpanel'],
      keep: 'full',
      answer: null,
      limits: { accept: { count: 60_000, windowMs: 60_000 }, forward: null },
      fields: {},
      verify: null,
      deliveryId: null,
    });
  });

  it('takes everything the contract names', () => {
    const text = `provider: github
secrets: [ "$\{KEY}", "$\{OLD}" ]
url: https://$\{URL}/x?y=1&z=$\{KEY}
tolerance: 5m
destination: [mixpanel, backup]
keep: none
answer: 204
weight: 3
limits:
  accept: 6000/min
  forward: 100/s
`;
    expect(sourceOf(text)).toMatchObject({
      secrets: ['key-1', 'key-0'],
      url: 'https://x.example/x?y=1&z=key-1',
      toleranceMs: 300_000,
      destinations: ['mixpanel', 'backup'],
      keep: 'none',
      answer: 204,
      weight: 3,
      limits: { accept: { count: 6000, windowMs: 60_000 }, forward: { count: 100, windowMs: 1_000 } },
    });
  });

  it.each([
    ['token: { header: X-Token }', { kind: 'token', header: 'x-token' }],
    ['token: { query: Key }', { kind: 'token', query: 'Key' }],
    ['path_key: {}', { kind: 'path_key' }],
    ['path_key:', { kind: 'path_key' }],
  ])('may prove itself by %s', (verify, expected) => {
    expect(sourceOf(custom(verify)).verify).toEqual(expected);
  });

  it('may prove itself by basic, with user:password', () => {
    expect(sourceOf(custom('basic: {}', 'secret: $' + '{LOGIN}\n')).verify).toEqual({ kind: 'basic' });
    expect(problemsOf(custom('basic: {}'))).toEqual(['2:9 the secret of basic must be user:password']);
  });

  it('may prove itself by hmac, signing the body when nothing is said', () => {
    expect(sourceOf(hmac(''))).toMatchObject({
      verify: { kind: 'hmac', hmac: { header: 'x-sig', prefix: '', signed: '{body}', timestamp: null, key: 'utf8' } },
    });
  });

  it('may sign what it likes', () => {
    const text = hmac(
      ', prefix: "v0=", signed: "{timestamp}.{header:X-A}.{url}.{method}.{body}", timestamp: { header: X-T, unit: ms }, key: base64',
    );
    expect(sourceOf(text)).toMatchObject({
      verify: { hmac: { timestamp: { header: 'x-t', unit: 'ms' }, key: 'base64' } },
    });
  });

  it('keeps its delivery_id as it stands', () => {
    const id = '$headers."x-id" & ($$' + '{"a": b}).a';
    expect(sourceOf(`${custom('none: {}', '')}delivery_id: |-\n  ${id}\n`).deliveryId).toBe(id);
  });
});

describe('variables', () => {
  it('that are not set close the source and are named, each once', () => {
    const source = sourceOf(
      'provider: stripe\nsecrets: ["$' + '{KEY}", "$' + '{NO}-$' + '{NO}"]\nurl: "$' + '{NONE}"\n',
    );
    expect(source).toMatchObject({ secrets: [], missing: ['NO', 'NONE'] });
  });

  it('that are not set make no further problem where a word is needed', () => {
    for (const line of ['keep', 'answer', 'tolerance', 'destination', 'provider']) {
      const text = line === 'provider' ? '' : 'provider: stripe\n';
      expect(sourceOf(`${text}${secret}${line}: $\{NO}\n`).missing, line).toEqual(['NO']);
    }
  });

  it('are filled in once: what one holds is not searched again', () => {
    expect(sourceOf('provider: stripe\nsecret: $' + '{NESTED}\n').secrets).toEqual(['$' + '{KEY}']);
  });

  it.each(['$' + '{}', '$' + '{A-B}', '$' + '{KEY', '$' + '{1A}'])('written as %s are a problem', (text) => {
    expect(problemsOf(`provider: stripe\nsecret: "${text}"\n`)).toHaveLength(1);
  });
});

describe('problems', () => {
  it('are all told at once, in order, each with its place', () => {
    const text = `provider: strip
secert: x
limits: { acept: 5/s, forward: 0/s }
answer: 302
keep: non
destination: [mixpanel, mixpanl]
`;
    const all = problemsOf(text);
    expect(all.map((one) => one.split(' ')[0])).toEqual(['1:11', '2:1', '3:11', '3:32', '4:9', '5:7', '6:25']);
    expect(all[0]).toContain('did you mean stripe?');
    expect(all[1]).toContain('did you mean secret?');
    expect(all[2]).toContain('did you mean accept?');
    expect(all[5]).toContain('did you mean none?');
    expect(all[6]).toContain('did you mean mixpanel?');
  });

  it.each([
    ['', 'keys and values'],
    ['- a', 'keys and values'],
    ['just text', 'keys and values'],
    [secret, 'provider is missing'],
    ['provider: stripe', 'secret is missing'],
    ['provider: custom\nverify: { path_key: {} }', 'secret is missing'],
    [`provider: custom\n${secret}`, 'custom needs verify'],
    [`provider: stripe\n${secret}verify: { none: {} }`, 'only for'],
    [`provider: stripe\n${secret}delivery_id: body`, 'only for'],
    [`provider: stripe\n${secret}secrets: [a]`, 'cannot stand together'],
    ['provider: stripe\nsecrets: []', 'at least one'],
    ['provider: stripe\nsecret: ""', 'must not be empty'],
    ['provider: stripe\nsecret:', 'has no value'],
    ['provider: stripe\nsecret: 0123', 'quotes'],
    [custom('basic: {}\n  path_key: {}'), 'exactly one of'],
    [custom('hamc: {}'), 'did you mean hmac?'],
    [custom('token: {}'), 'either header or query'],
    [custom('token: { header: a, query: b }'), 'either header or query'],
    [custom('token: { header: "x y" }'), 'name of a header'],
    [hmac(', signed: "{tiemstamp}{body}"'), 'did you mean timestamp?'],
    [hmac(', signed: "{timestamp}{body}"'), 'is needed'],
    [hmac(', signd: x'), 'did you mean signed?'],
    [`provider: stripe\n${secret}tolerance: 5`, 'must be text'],
    [`provider: stripe\n${secret}tolerance: 0s`, 'longer than 0'],
    [`provider: stripe\n${secret}url: ftp://x`, 'http'],
    [`provider: stripe\n${secret}answer: ok`, '2xx'],
    [`provider: stripe\n${secret}destination: []`, 'at least one'],
    [`provider: stripe\n${secret}destination: [backup, backup]`, 'twice'],
    [`provider: stripe\n${secret}destination: 5`, 'text or a list'],
    [`provider: stripe\n${secret}limits:`, 'no value'],
    [`__proto__: 1\nprovider: stripe\n${secret}`, '__proto__'],
  ])('%j is refused because of %s', (text, words) => {
    const all = problemsOf(text);
    expect(all.join('\n')).toContain(words);
  });

  it('a bad folder name is one', () => {
    expect(problemsOf(`provider: stripe\n${secret}`, { name: 'Bad_Name' })).toHaveLength(1);
  });

  it('a provider without secrets needs none', () => {
    expect(
      sourceOf('provider: github', { providers: new Map([['github', { fields: [], secret: 'none' }]]) }).secrets,
    ).toEqual([]);
  });

  it('destinations are not checked when nobody knows them', () => {
    expect(sourceOf(`provider: stripe\n${secret}destination: other`, { destinations: null }).destinations).toEqual([
      'other',
    ]);
  });

  it('never repeat a secret, whatever is wrong around it', () => {
    const canary = 'canary-77aa';
    const lookup = () => canary;
    const texts = [
      `provider: stripe\nsecret: [${canary}]`,
      `provider: stripe\nsecret: *${canary}`,
      `provider: stripe\nsecret: @${canary}`,
      `provider: stripe\nsecret: !${canary} x`,
      `provider: stripe\nsecret: "${canary}`,
      `provider: stripe\nsecret: ${canary}\n  nested: 1`,
      'provider: $' +
        '{X}\nsecret: $' +
        '{X}\nkeep: $' +
        '{X}\ndestination: $' +
        '{X}\nanswer: $' +
        '{X}\nurl: $' +
        '{X}',
      hmac(', signed: "{$' + '{X}}"'),
    ];
    for (const text of texts) {
      const all = problemsOf(text, { lookup });
      expect(all.length, text).toBeGreaterThan(0);
      expect(all.join('\n'), text).not.toContain(canary);
    }
  });
});

describe('YAML', () => {
  it.each([
    ['a: [', '1:'],
    ['provider: stripe\n\tsecret: x', '2:1'],
    ['provider: stripe\nprovider: github', '2:1'],
    ['provider: stripe\n---\nprovider: github', '2:1'],
    ['provider: &a stripe', '1:'],
    ['provider: stripe\nsecret: *a', '2:9'],
    ['provider: !!js/function x', '1:11'],
    ['? [a]\n: b', '1:3'],
    ['1: x', '1:1'],
  ])('%j is refused where it stands', (text, place) => {
    expect(problemsOf(text)[0]?.startsWith(place)).toBe(true);
  });

  it('a bomb of aliases, brackets or bytes is refused quickly', () => {
    const bombs = [
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
        .split('')
        .map((key, index) => `${key}: &${key} [${`*${'abcdefg'[index]},`.repeat(9)}]`)
        .join('\n')}`,
      '['.repeat(60_000),
      '{a: '.repeat(15_000),
      '#'.repeat(70_000),
      `${'a: 1\n'.repeat(10_000)}`,
    ];
    for (const bomb of bombs) {
      const start = performance.now();
      expect(problemsOf(bomb).length).toBeGreaterThan(0);
      expect(performance.now() - start).toBeLessThan(2_000);
    }
  });
});

describe('warnings', () => {
  it('a secret written into the file works and is one', () => {
    expect(warningsOf('provider: stripe\nsecret: literal\n')).toEqual([
      expect.stringContaining('2:9 a secret stands in the file'),
    ]);
    expect(warningsOf(`provider: stripe\n${secret}`)).toEqual([]);
  });

  it('a source that believes everybody is one', () => {
    expect(warningsOf('provider: custom\nverify: { none: {} }')).toEqual([expect.stringContaining('anybody')]);
  });

  it('a signature that leaves out the body or the time is one', () => {
    expect(warningsOf(hmac(', signed: "{url}"'))).toEqual([expect.stringContaining('does not cover {body}')]);
    expect(warningsOf(hmac(', timestamp: { header: t, unit: s }'))).toEqual([expect.stringContaining('not signed')]);
  });
});
