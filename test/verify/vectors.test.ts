import { describe, expect, it } from 'vitest';
import type { CustomHmac } from '../../src/model.ts';
import type { RawRequest, Verifier } from '../../src/verify/contract.ts';
import { providers } from '../../src/verify/registry.ts';
import type { Part, SignedScheme } from '../../src/verify/scheme.ts';
import { prepareSigned } from '../../src/verify/signed.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { now, requestOf, sourceOf, type Vector, vectors } from '../support/verify-fixtures.ts';

const options = { publicUrl: null };
const clockOf = (vector: Vector): number => (vector.now === undefined ? now : vector.now * 1000);
const requestFor = (vector: Vector): RawRequest =>
  requestOf(vector.body, vector.headers, { method: vector.method ?? 'POST' });

const ours = vectors.filter((vector) => providers.has(vector.provider));
const plain = vectors.filter((vector) => !providers.has(vector.provider) && vector.spec.format === undefined);
const fields = vectors.filter((vector) => !providers.has(vector.provider) && vector.spec.format === 'kv-list');

/** The vector's own notation as a custom source, for providers that have no file yet. */
function customFor(vector: Vector): Verifier {
  const hmac: CustomHmac = {
    algorithm: vector.spec.alg,
    header: vector.spec.header,
    encoding: vector.spec.enc,
    prefix: vector.spec.prefix ?? '',
    signed: vector.spec.template,
    timestamp: null,
    key: vector.spec.secretEncoding,
  };
  const more = { secrets: [vector.secret], url: vector.url ?? null, verify: { kind: 'hmac', hmac } as const };
  return createVerifier(sourceOf('custom', more), options);
}

/** The same as a scheme with fields: what a provider file would say. */
function schemeFor({ spec }: Vector): SignedScheme {
  const message: Part[] = spec.template
    .split(/(\{ts\}|\{body\})/)
    .filter((piece) => piece !== '')
    .map((piece) =>
      piece === '{ts}' ? { timestamp: true } : piece === '{body}' ? { body: true } : { literal: piece },
    );
  const unit = spec.enc === 'base64url' ? 'ms' : 's';
  return {
    signature: { form: 'fields', header: spec.header, separator: spec.sep ?? ',' },
    digests: [{ algorithm: spec.alg, encoding: spec.enc, key: { encoding: 'utf8' }, tag: spec.key ?? '' }],
    timestamp: spec.tsKey === undefined ? null : { field: spec.tsKey, unit },
    message,
  };
}

const prepare = (vector: Vector) =>
  prepareSigned([schemeFor(vector)], {
    secrets: [vector.secret],
    urlOf: null,
    toleranceMs: null,
    problems: [],
    warnings: [],
  });

describe('published signatures', () => {
  it.each(ours)('$id is accepted by its provider, and refused with another body or secret', (vector) => {
    const verifier = createVerifier(sourceOf(vector.provider, { secrets: [vector.secret] }), options);
    expect(verifier.check(requestFor(vector), clockOf(vector)).ok).toBe(vector.valid);
    expect(verifier.check({ ...requestFor(vector), body: Buffer.from(`${vector.body} `) }, clockOf(vector)).ok).toBe(
      false,
    );
    const secret =
      vector.provider === 'standard-webhooks' ? 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' : `${vector.secret}x`;
    const other = createVerifier(sourceOf(vector.provider, { secrets: [secret] }), options);
    expect(other.check(requestFor(vector), clockOf(vector)).ok).toBe(false);
  });

  it.each(plain)('$id ($valid) is judged rightly by a custom source that says the same', (vector) => {
    const verifier = customFor(vector);
    expect(verifier.check(requestFor(vector), clockOf(vector)).ok).toBe(vector.valid);
    expect(verifier.check({ ...requestFor(vector), body: Buffer.from(`${vector.body} `) }, clockOf(vector)).ok).toBe(
      false,
    );
  });

  it.each(fields)('$id ($valid) is judged rightly by a scheme that is nothing but data', (vector) => {
    const checker = prepare(vector);
    expect(checker.check(requestFor(vector), clockOf(vector)) === null).toBe(vector.valid);
    const changed = { ...requestFor(vector), body: Buffer.from(`${vector.body} `) };
    expect(checker.check(changed, clockOf(vector))).not.toBeNull();
  });

  it('a signature that only a lenient base64 decoder takes for the right one is refused', () => {
    const vector = fields.find(({ id }) => id === 'sanity-sdk-1') as Vector;
    const headers = { 'sanity-webhook-signature': `${vector.headers['sanity-webhook-signature']}`.replace(/0$/, '1') };
    expect(prepare(vector).check(requestOf(vector.body, headers), clockOf(vector))).not.toBeNull();
  });

  it('vectors of every kind are there', () => {
    expect(new Set(ours.map(({ provider }) => provider))).toEqual(
      new Set(['github', 'slack', 'stripe', 'shopify', 'standard-webhooks']),
    );
    expect(plain.length).toBeGreaterThan(12);
    expect(fields.length).toBeGreaterThan(8);
  });
});
