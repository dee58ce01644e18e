/** Providers with a proof of their own: what `send` signs is believed, and whatever is sent instead is refused in words. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBody } from '../../src/body/parse.ts';
import type { RawRequest } from '../../src/verify/contract.ts';
import { providers } from '../../src/verify/registry.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { bodyOf, sourceOfVector, type Vector, vectors } from '../support/vectors.ts';
import { now, requestOf, sourceOf } from '../support/verify-fixtures.ts';

const options = { publicUrl: 'https://relay.example.com' };
const json = { 'content-type': 'application/json' };
const form = { 'content-type': 'application/x-www-form-urlencoded' };

/** Provider, its source, a payload as a case holds it, and what the mapping then sees of it. */
const payloads: [string, object, string, Record<string, string>, unknown][] = [
  ['twilio', {}, 'Body=Zo%C3%AB&MessageSid=SM1', form, { Body: 'Zoë', MessageSid: 'SM1' }],
  ['twilio', {}, '{"a":1}', json, { a: 1 }],
  ['hubspot', {}, '[{"eventId":1}]', json, [{ eventId: 1 }]],
  ['monday', {}, '{"event":{}}', json, { event: {} }],
  ['netlify', {}, '{"id":"1"}', json, { id: '1' }],
  ['jira-connect', {}, '{"id":"1"}', json, { id: '1' }],
  ['contentful', { secrets: ['a'.repeat(64)] }, '{"sys":{}}', { ...json, 'x-contentful-topic': 'x' }, { sys: {} }],
  ['mandrill', {}, '[{"event":"open"}]', json, [{ event: 'open' }]],
  ['mandrill', {}, `mandrill_events=${encodeURIComponent('[{"event":"open"}]')}`, form, [{ event: 'open' }]],
  ['mailgun', {}, '{"signature":{"timestamp":"1","token":"t","signature":"s"}}', json, expect.anything()],
  ['braintree', { fields: { public_key: ['p'] } }, '<n><kind>check</kind></n>', json, { n: { kind: 'check' } }],
  [
    'adyen',
    { secrets: ['ab'.repeat(32)] },
    '{"notificationItems":[{"NotificationRequestItem":{"eventCode":"A"}}]}',
    json,
    { notificationItems: [{ NotificationRequestItem: { eventCode: 'A', additionalData: expect.anything() } }] },
  ],
  ['azure-event-grid', {}, '[{"id":"1"}]', json, [{ id: '1' }]],
  ['salesforce', {}, '<Envelope/>', { 'content-type': 'text/xml' }, { Envelope: '' }],
  ['sendgrid', { secrets: [providers.get('sendgrid')?.sandboxSecret?.() ?? ''] }, '[]', json, []],
];

/** The request as the door would see it. */
function received(provider: string, target: string, headers: Record<string, string>, body: Uint8Array): RawRequest {
  const [path = '', query = ''] = target.split('?');
  const key = path.split('/')[3];
  const form_ = providers.get(provider)?.body ?? {};
  return requestOf(body, headers, {
    target,
    pathKey: key === undefined ? null : decodeURIComponent(key),
    query: Object.fromEntries(new URLSearchParams(query)),
    parsed: () => {
      const outcome = parseBody(body, headers['content-type'], form_);
      return outcome.ok ? outcome.value : undefined;
    },
  });
}

describe('what is signed for', () => {
  it.each(payloads)('%s is believed, and by no other secret', (provider, more, payload, headers, seen) => {
    const source = sourceOf(provider, more);
    const verifier = createVerifier(source, options);
    const body = Buffer.from(payload);
    const signature = verifier.sign({ method: 'POST', target: `/hooks/${provider}`, headers, body }, now);
    const all = { ...headers, ...signature.headers };
    const request = received(provider, signature.target, all, signature.body ?? body);
    expect(verifier.check(request, now)).toMatchObject({ ok: true });
    expect(request.parsed()).toEqual(seen);
    if (provider === 'sendgrid') return;
    const other = source.secrets.map((secret) => secret.replace(/a/g, 'c'));
    expect(createVerifier({ ...source, secrets: other }, options).check(request, now)).toMatchObject({ ok: false });
  });

  it.each(['paypal', 'aws-sns', 'google-pubsub'])('%s nobody but the provider can sign', (provider) => {
    const verifier = createVerifier(sourceOf(provider, { secrets: [] }), options);
    const request = { method: 'POST', target: '/hooks/x', headers: json, body: Buffer.from('{}') };
    expect(() => verifier.sign(request, now)).toThrow(/only \w+ has the key/);
  });
});

describe('the configuration', () => {
  it.each(['twilio', 'contentful', 'mandrill', 'jira-connect'])('of %s without a URL is told', (provider) => {
    const source = sourceOf(provider, { secrets: ['a'.repeat(64)] });
    expect(() => createVerifier(source, { publicUrl: null })).toThrow(/set `url` in source.yaml or RELAY_PUBLIC_URL/);
    expect(() => createVerifier(source, options)).not.toThrow();
  });

  it('of monday without a URL takes tokens for any, and says so', () => {
    expect(createVerifier(sourceOf('monday'), { publicUrl: null }).warnings).toHaveLength(1);
    expect(createVerifier(sourceOf('monday'), options).warnings).toEqual([]);
  });

  it.each([
    ['adyen', 'not hex', /hex/],
    ['contentful', 'a'.repeat(63), /64 characters/],
    ['sendgrid', 'MFkw', /P-256/],
    ['discord', 'ea'.repeat(31), /Ed25519/],
  ])('of %s with a secret of another form is told', (provider, secret, words) => {
    expect(() => createVerifier(sourceOf(provider, { secrets: [secret] }), options)).toThrow(words);
  });

  it.each([
    ['paypal', 'webhook_id'],
    ['aws-sns', 'topic_arn'],
    ['google-pubsub', 'audience'],
    ['braintree', 'public_key'],
  ])('of %s without %s does not load', (provider, field) => {
    const vector = vectors.find((one) => one.provider === provider && one.valid) as Vector;
    expect(() => sourceOfVector({ ...vector, source: {} })).toThrow(`${field} is missing`);
    expect(() => sourceOfVector(vector)).not.toThrow();
  });

  it.each(['netlify', 'twilio', 'adyen'])('of %s with a window says that it signs no time', (provider) => {
    const source = sourceOf(provider, { secrets: ['ab'.repeat(32)], toleranceMs: 1000 });
    expect(createVerifier(source, options).warnings.join()).toMatch(/no effect/);
  });
});

/** What is put in the place of one value: of any type, and names that objects have without being given them. */
const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom('__proto__', 'constructor', '\ud800', '\u0000', 'x'.repeat(5_000), 1e21, -0, 2 ** 53),
);
const own = [...providers.values()].filter(({ proof }) => proof?.kind === 'own').map(({ name }) => name);

describe.each(own)('a webhook of %s with one thing changed', (provider) => {
  const vector = vectors.find((one) => one.provider === provider && one.valid && !one.handshake) as Vector;
  const verifier = createVerifier(sourceOfVector(vector), {
    ...options,
    remote: { get: (url) => vector.remote?.[url] ?? null },
  });
  const at = (vector.now ?? 1_700_000_000) * 1000;

  it('is refused or still good, in words, and nothing throws', () => {
    const whole = parseBody(bodyOf(vector), vector.headers['content-type'] ?? 'application/json');
    const value: unknown = whole.ok ? whole.value : {};
    const header = fc.record({ name: fc.constantFrom(...Object.keys(vector.headers), 'authorization'), text: odd });
    fc.assert(
      fc.property(fc.nat(), odd, fc.option(header), fc.string(), (place, change, changed, query) => {
        const body = JSON.stringify(withChange(value, place, change));
        const shown = changed && (typeof changed.text === 'string' ? changed.text : JSON.stringify(changed.text));
        const headers = { ...vector.headers, ...(changed && { [changed.name]: shown ?? '' }) };
        for (const bytes of [Buffer.from(body ?? ''), bodyOf(vector)]) {
          const request = received(provider, `/hooks/x?${query}`, headers, bytes);
          expect(verifier.check(request, at)).toHaveProperty('ok');
          const view = { method: 'POST', headers, query: request.query, body: request.parsed() };
          expect(verifier.identify(view, request)).toHaveProperty('key');
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** The value with the n-th of its places, counted deeply, holding something else. */
function withChange(value: unknown, place: number, change: unknown): unknown {
  const copy: unknown = structuredClone(value);
  const places: (() => unknown)[] = [];
  const visit = (holder: object) => {
    for (const name of Object.keys(holder)) {
      const fields = holder as Record<string, unknown>;
      const inner = fields[name];
      places.push(() => Object.assign(fields, { [name]: change }));
      if (typeof inner === 'object' && inner !== null) visit(inner);
    }
  };
  if (typeof copy === 'object' && copy !== null) visit(copy);
  places[place % places.length]?.();
  return copy;
}
