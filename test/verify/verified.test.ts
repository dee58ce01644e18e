import { describe, expect, it } from 'vitest';
import type { CustomVerification, RawDelivery, Source } from '../../src/model.ts';
import type { Proof } from '../../src/verify/contract.ts';
import { seal } from '../../src/verify/verified.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { now, requestOf, sourceOf } from '../support/verify-fixtures.ts';

function proofOf(source: Source, request = requestOf('{}')): Proof {
  const verifier = createVerifier(source, { publicUrl: null });
  const verdict = verifier.check(
    { ...request, headers: { ...request.headers, ...verifier.sign(request, now).headers } },
    now,
  );
  if (!verdict.ok) throw new Error(verdict.reason);
  return verdict.proof;
}

const delivery: RawDelivery = {
  source: 'stripe',
  provider: 'stripe',
  key: 'evt_1',
  type: null,
  receivedAt: now,
  method: 'POST',
  headers: {
    'stripe-signature': 't=1,v1=abc',
    authorization: 'Basic x',
    cookie: 'a=b',
    'proxy-authorization': 'y',
    'content-type': 'application/json',
  },
  query: { a: '1', b: ['2', '3'] },
  body: Buffer.from('{}'),
};

describe('a sealed delivery', () => {
  it('is the delivery with everything masked that proves something', () => {
    const sealed = seal(proofOf(sourceOf('stripe')), delivery);
    expect(sealed).toEqual({
      ...delivery,
      headers: {
        'stripe-signature': '•••',
        authorization: '•••',
        cookie: '•••',
        'proxy-authorization': '•••',
        'content-type': 'application/json',
      },
    });
    expect(delivery.headers['stripe-signature']).toBe('t=1,v1=abc');
  });

  it('has the token in its query masked, once or twice given', () => {
    const verify: CustomVerification = { kind: 'token', query: 'b' };
    const proof = proofOf(sourceOf('custom', { verify, secrets: ['s'] }), requestOf('', {}, { query: { b: 's' } }));
    const sealed = seal(proof, { ...delivery, source: 'custom' });
    expect(sealed.query).toEqual({ a: '1', b: '•••' });
    expect(sealed.headers['stripe-signature']).toBe('t=1,v1=abc');
  });

  it('keeps fields with names that mean something to JavaScript as they are', () => {
    const query = JSON.parse('{"__proto__":["x"],"constructor":"y"}');
    const sealed = seal(proofOf(sourceOf('stripe')), { ...delivery, query });
    expect(Object.getPrototypeOf(sealed.query)).toBe(Object.prototype);
    expect(JSON.stringify(sealed.query)).toBe(JSON.stringify(query));
  });
});

describe('a proof', () => {
  it('cannot be made up', () => {
    const { source } = proofOf(sourceOf('stripe'));
    expect(() => seal({ source }, delivery)).toThrow(TypeError);
    expect(() => seal({ ...proofOf(sourceOf('stripe')) }, delivery)).toThrow(TypeError);
  });

  it('for one source says nothing about another', () => {
    expect(() => seal(proofOf(sourceOf('github')), delivery)).toThrow(TypeError);
  });
});
