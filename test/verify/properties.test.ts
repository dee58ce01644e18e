import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CustomVerification } from '../../src/model.ts';
import type { RawRequest } from '../../src/verify/contract.ts';
import { providers } from '../../src/verify/registry.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { sourceOfVector, vectors } from '../support/vectors.ts';
import { now, requestOf, sourceOf } from '../support/verify-fixtures.ts';

const options = { publicUrl: 'https://hooks.example.com' };
const kinds: CustomVerification[] = [
  { kind: 'token', header: 'x-token' },
  { kind: 'token', query: 'key' },
  { kind: 'basic' },
  { kind: 'path_key' },
];
const secret = 'user:0123456789abcdef';
/** One for each provider, configured as its first vector is. */
const configured = [...new Map(vectors.map((vector) => [vector.provider, vector])).values()];
const verifiers = [
  ...configured
    .filter(({ provider }) => providers.has(provider))
    .map((vector) => createVerifier(sourceOfVector(vector), options)),
  ...kinds.map((verify) => createVerifier(sourceOf('custom', { verify, secrets: [secret] }), options)),
];

/** Values that get past the first look: right forms with wrong content. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    ' ',
    ',',
    '=',
    'sha256=',
    'v0=',
    'v1,',
    't=',
    `t=${now / 1000},v1=`,
    `${now / 1000}`,
    'Basic ',
    'Basic Og==',
  ),
  fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256=${hex}`),
  fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `v0=${hex}`),
  fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `t=${now / 1000},v1=${hex}`),
  fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => `v1,${Buffer.from(bytes).toString('base64')}`),
  fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('base64')),
);

describe.each(verifiers)('whatever is sent to $provider $proofHeaders', (verifier) => {
  const names = [
    'x-slack-request-timestamp',
    'webhook-id',
    'webhook-timestamp',
    'svix-id',
    'content-type',
    ...verifier.proofHeaders,
  ];
  const request: fc.Arbitrary<RawRequest> = fc
    .record({
      headers: fc.dictionary(fc.constantFrom(...names), hostile),
      query: fc.dictionary(fc.constantFrom('key', '__proto__'), fc.oneof(hostile, fc.array(hostile, { maxLength: 2 }))),
      body: fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc.json().map((text) => Buffer.from(text)),
      ),
      pathKey: fc.option(fc.string()),
      target: fc.string(),
      method: fc.constantFrom('POST', 'GET', ''),
    })
    .map(({ body, headers, ...more }) => requestOf(body, headers, more));

  it('is refused, in words, and nothing throws', () => {
    fc.assert(
      fc.property(request, (raw) => {
        const verdict = verifier.check(raw, now);
        expect(verdict).toMatchObject({ ok: false, reason: expect.any(String) });
        // A handshake may be met by chance; whatever it is, it is not believed.
        expect(() => verifier.handshakeUnsigned(raw)).not.toThrow();
      }),
      { numRuns: 100 },
    );
  });

  it('is identified without throwing', () => {
    fc.assert(
      fc.property(request, fc.jsonValue(), (raw, body) => {
        const { key, type } = verifier.identify(
          { method: raw.method, headers: raw.headers, query: raw.query, body },
          raw,
        );
        expect(key === null || key.length <= 200).toBe(true);
        expect(type === null || type.length <= 120).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
