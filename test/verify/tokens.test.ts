/** Attacks on tokens: whatever a token says of itself, only the provider's one algorithm, key and audience count. */
import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createVerifier } from '../../src/verify/verifier.ts';
import { now, requestOf, sourceOf } from '../support/verify-fixtures.ts';

const secret = 'a secret of the test';
const url = 'https://relay.example.com/hooks/monday';
const monday = createVerifier(sourceOf('monday', { url }), { publicUrl: null });
const seconds = now / 1000;
const good = { aud: url, iat: seconds, exp: seconds + 300 };
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const hs256 = (text: string, key: string | Buffer = secret) =>
  createHmac('sha256', key).update(text).digest('base64url');

function token(claims: object, header: object = { alg: 'HS256', typ: 'JWT' }): string {
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${hs256(signed)}`;
}
const check = (text: string, at = now) => monday.check(requestOf('{}', { authorization: text }), at);

describe('a token signed with the secret', () => {
  it('is believed, with Bearer before it or without', () => {
    expect(check(token(good)).ok).toBe(true);
    expect(check(`Bearer ${token(good)}`).ok).toBe(true);
  });

  it.each([
    ['of no algorithm', `${encode({ alg: 'none' })}.${encode(good)}.`],
    ['of no algorithm, but signed', token(good, { alg: 'none' })],
    ['of another spelling of the algorithm', token(good, { alg: 'hs256' })],
    ['that calls itself RS256', token(good, { alg: 'RS256' })],
    ['that calls itself HS512', token(good, { alg: 'HS512' })],
    ['whose algorithm is a list', token(good, { alg: ['HS256'] })],
    ['without an algorithm', token(good, { typ: 'JWT' })],
    ['with an extension that has to be understood', token(good, { alg: 'HS256', crit: ['b64'], b64: false })],
    ['without an end', token({ aud: url, iat: seconds })],
    ['whose end is text', token({ ...good, exp: `${seconds + 300}` })],
    ['whose end is null', token({ ...good, exp: null })],
    ['that has ended', token({ ...good, iat: seconds - 400, exp: seconds - 61 })],
    ['that was made too long ago', token({ ...good, iat: seconds - 400, exp: seconds + 100 })],
    ['that is good for a year', token({ ...good, exp: seconds + 31_536_000 })],
    ['that is good for ever, in milliseconds', token({ ...good, exp: now + 300_000 })],
    ['of the future', token({ ...good, iat: seconds + 61 })],
    ['that is not good yet', token({ ...good, nbf: seconds + 61 })],
    ['whose beginning is text', token({ ...good, nbf: 'now' })],
    ['for another URL', token({ ...good, aud: 'https://other.example.com/hooks/monday' })],
    ['for several URLs', token({ ...good, aud: [url] })],
    ['for nobody', token({ iat: seconds, exp: seconds + 300 })],
    ['with a part more', `${token(good)}.x`],
    ['with two dots more', `${token(good)}..`],
    ['with an empty part', `.${token(good)}`],
    ['whose signature is padded', `${token(good)}=`],
    ['whose claims are a list', token([good])],
    ['whose header is text', `${encode('HS256')}.${encode(good)}.${hs256(`${encode('HS256')}.${encode(good)}`)}`],
    ['that is huge', token({ ...good, more: 'x'.repeat(8_192) })],
    ['that came twice', `${token(good)}, ${token(good)}`],
    ['of another scheme', `Basic ${token(good)}`],
  ])('%s is refused', (_, text) => {
    expect(check(text)).toMatchObject({ ok: false, reason: expect.any(String) });
  });

  it('is refused in any other spelling of its base64url', () => {
    const [head, body, tail = ''] = token(good).split('.');
    // The last character holds four bits of the signature: sixteen characters mean the same to a lenient reader.
    for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/') {
      const text = `${head}.${body}.${tail.slice(0, -1)}${last}`;
      expect(check(text).ok, last).toBe(last === tail.at(-1));
    }
  });

  it('is good up to a minute after its end, and not after', () => {
    expect(check(token(good), now + 360_000).ok).toBe(true);
    expect(check(token(good), now + 360_001).ok).toBe(false);
  });
});

it('whatever stands where a token should is refused, in words, and nothing throws', () => {
  const part = fc.oneof(
    fc.string(),
    fc.json().map((text) => Buffer.from(text).toString('base64url')),
  );
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
      expect(check(parts.join('.'))).toMatchObject({ ok: false, reason: expect.any(String) });
    }),
    { numRuns: 500 },
  );
});

describe("a token for Google's audience", () => {
  const keysUrl = 'https://www.googleapis.com/oauth2/v3/certs';
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'RS256' };
  const fields = { audience: ['https://relay.example.com/a'], service_account: ['push@shop.example.com'] };
  const verifierWith = (keys: string | null, more: object = {}) =>
    createVerifier(sourceOf('google-pubsub', { secrets: [], fields, ...more }), {
      publicUrl: null,
      remote: { get: (asked) => (asked === keysUrl ? keys : null) },
    });
  const pubsub = verifierWith(JSON.stringify({ keys: [jwk] }));
  const claims = {
    ...{ iss: 'https://accounts.google.com', aud: 'https://relay.example.com/a', iat: seconds, exp: seconds + 3600 },
    ...{ email: 'push@shop.example.com', email_verified: true },
  };
  function rs256(change: object, header: object = { alg: 'RS256', kid: 'k1' }): string {
    const signed = `${encode(header)}.${encode({ ...claims, ...change })}`;
    return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
  }
  const ask = (text: string, verifier = pubsub) =>
    verifier.check(requestOf('{}', { authorization: `Bearer ${text}` }), now);

  it('is believed from either name of the issuer', () => {
    expect(ask(rs256({})).ok).toBe(true);
    expect(ask(rs256({ iss: 'accounts.google.com' })).ok).toBe(true);
  });

  it.each([
    ['from another issuer', rs256({ iss: 'https://accounts.google.com.example.com' })],
    ['for another audience', rs256({ aud: 'https://relay.example.com/b' })],
    ['of another account', rs256({ email: 'mallory@shop.example.com' })],
    ['of an account whose address nobody checked', rs256({ email_verified: 'true' })],
    ['without a key id', rs256({}, { alg: 'RS256' })],
    ['that calls itself RS512', rs256({}, { alg: 'RS512', kid: 'k1' })],
    ['that expired', rs256({ iat: seconds - 4000, exp: seconds - 400 })],
  ])('%s is refused', (_, text) => {
    expect(ask(text)).toMatchObject({ ok: false });
  });

  it("is refused when Google's public key was used as the secret of an HMAC", () => {
    const pem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' });
    const signed = `${encode({ alg: 'HS256', kid: 'k1' })}.${encode(claims)}`;
    for (const key of [`${pem}`, Buffer.from(JSON.stringify(jwk)), Buffer.from(jwk.n ?? '', 'base64url')]) {
      expect(ask(`${signed}.${hs256(signed, key)}`).ok).toBe(false);
    }
  });

  it.each([null, '', 'nonsense', '{}', '{"keys":{}}', '{"keys":[null]}', '{"keys":[{"kty":"RSA","kid":"k1"}]}'])(
    'is refused while the keys are %j',
    (keys) => {
      expect(ask(rs256({}), verifierWith(keys)).ok).toBe(false);
    },
  );

  it('asks for the keys when they are not here, and for nothing when it is a stranger', () => {
    expect(ask(rs256({}), verifierWith(null))).toMatchObject({ ok: false, wants: keysUrl });
    expect(ask(rs256({ aud: 'x' }), verifierWith(null))).not.toHaveProperty('wants');
  });

  it('of any account is believed when none is named, which is told', () => {
    const open = verifierWith(JSON.stringify({ keys: [jwk] }), { fields: { audience: fields.audience } });
    expect(ask(rs256({ email: 'mallory@shop.example.com' }), open).ok).toBe(true);
    expect(open.warnings.join()).toMatch(/service_account/);
    expect(pubsub.warnings).toEqual([]);
  });
});
