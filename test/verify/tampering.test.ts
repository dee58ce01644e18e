/** One turned bit anywhere in what is signed, or in the signature, and the webhook is refused. */
import { describe, expect, it } from 'vitest';
import type { CustomVerification, Source } from '../../src/model.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { flipBit, now, requestOf, sourceOf } from '../support/verify-fixtures.ts';

const options = { publicUrl: 'https://hooks.example.com' };
const body = '{"id":"evt_1","type":"order.created","n":12.50}';
const hmac: CustomVerification = {
  kind: 'hmac',
  hmac: {
    algorithm: 'sha512',
    header: 'x-acme-signature',
    encoding: 'base64url',
    prefix: 'acme=',
    signed: '{method} {url} {header:x-acme-id} {timestamp}.{body}',
    timestamp: { header: 'x-acme-timestamp', unit: 'rfc3339' },
    key: 'utf8',
  },
};
const whsec = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'];

/** Source, and the headers that are not covered by any signature: changing them changes nothing here. */
const cases: readonly { source: Source; headers?: Record<string, string>; unsigned?: readonly string[] }[] = [
  { source: sourceOf('stripe') },
  { source: sourceOf('github'), unsigned: ['x-github-delivery'] },
  { source: sourceOf('shopify'), unsigned: ['x-shopify-webhook-id'] },
  { source: sourceOf('slack') },
  { source: sourceOf('standard-webhooks', { secrets: whsec }) },
  { source: sourceOf('standard-webhooks', { secrets: whsec, name: 'svix' }), headers: { 'svix-id': 'msg_1' } },
  { source: sourceOf('custom', { verify: hmac }), headers: { 'x-acme-id': '17' } },
  { source: sourceOf('custom', { name: 'token', verify: { kind: 'token', header: 'x-token' } }) },
  { source: sourceOf('custom', { name: 'basic', verify: { kind: 'basic' }, secrets: ['user:password'] }) },
];

describe.each(cases)('a webhook of $source.name', ({ source, headers = {}, unsigned = [] }) => {
  const verifier = createVerifier(source, options);
  const signature = verifier.sign(requestOf(body, headers), now);
  const signed = requestOf(body, { ...headers, ...signature.headers });

  it('is accepted as it was signed', () => {
    expect(verifier.check(signed, now)).toMatchObject({ ok: true });
  });

  it('is refused with any bit of its signed headers turned', () => {
    for (const [name, value] of Object.entries(signed.headers)) {
      if (unsigned.includes(name)) continue;
      for (let bit = 0; bit < value.length * 8; bit++) {
        // The scheme of Authorization is not case-sensitive (RFC 9110 §11.1).
        if (name === 'authorization' && bit < 40 && bit % 8 === 5) continue;
        const changed = Buffer.from(flipBit(Buffer.from(value, 'latin1'), bit)).toString('latin1');
        const verdict = verifier.check({ ...signed, headers: { ...signed.headers, [name]: changed } }, now);
        expect(verdict.ok, `${name}: ${changed}`).toBe(false);
      }
    }
  });

  it('is refused without any one of its signed headers', () => {
    for (const name of Object.keys(signed.headers)) {
      if (unsigned.includes(name)) continue;
      const { [name]: _, ...rest } = signed.headers;
      expect(verifier.check({ ...signed, headers: rest }, now).ok, name).toBe(false);
    }
  });

  const signsBody = source.verify === null || source.verify.kind === 'hmac';
  if (signsBody)
    it('is refused with any bit of its body turned, cut or longer', () => {
      for (let bit = 0; bit < signed.body.length * 8; bit++) {
        expect(verifier.check({ ...signed, body: flipBit(signed.body, bit) }, now).ok, `bit ${bit}`).toBe(false);
      }
      expect(verifier.check({ ...signed, body: signed.body.subarray(1) }, now).ok).toBe(false);
      expect(verifier.check({ ...signed, body: Buffer.concat([signed.body, Buffer.from(' ')]) }, now).ok).toBe(false);
    });

  it('never shows the secret or the right signature when it refuses', () => {
    const wrong = { ...signed, body: Buffer.from('{}') };
    const right = Object.values(verifier.sign(wrong, now).headers).flatMap((value) => value.split(/[=, ]/));
    const verdicts = Object.keys(signed.headers).map((name) =>
      verifier.check({ ...wrong, headers: { ...signed.headers, [name]: 'x' } }, now),
    );
    for (const verdict of verdicts) {
      const text = JSON.stringify(verdict);
      for (const secret of [...source.secrets, ...right.filter((part) => part.length > 20)])
        expect(text).not.toContain(secret);
    }
  });
});

it('method and URL are part of what is signed where the scheme says so', () => {
  const verifier = createVerifier(sourceOf('custom', { verify: hmac }), options);
  const headers = { 'x-acme-id': '17', ...verifier.sign(requestOf(body, { 'x-acme-id': '17' }), now).headers };
  expect(verifier.check(requestOf(body, headers), now).ok).toBe(true);
  expect(verifier.check(requestOf(body, headers, { method: 'PUT' }), now).ok).toBe(false);
  expect(verifier.check(requestOf(body, headers, { target: '/hooks/custom?a=1' }), now).ok).toBe(false);
});
