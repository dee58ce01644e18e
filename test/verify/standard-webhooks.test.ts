import { generateKeyPairSync, sign } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { createVerifier } from '../../src/verify/verifier.ts';
import { now, requestOf, sourceOf } from '../support/verify-fixtures.ts';

const options = { publicUrl: null };
const whsec = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const body = '{"type":"user.created"}';
const time = `${now / 1000}`;
const pair = generateKeyPairSync('ed25519');
const whpk = `whpk_${pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(12).toString('base64')}`;
const v1a = (id = 'msg_1', text = body) =>
  `v1a,${sign(null, Buffer.from(`${id}.${time}.${text}`), pair.privateKey).toString('base64')}`;
const v1 = (id = 'msg_1') => new Webhook(whsec).sign(id, new Date(now), body);

const check = (secrets: string[], signature: string, id = 'msg_1') => {
  const headers = { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signature };
  return createVerifier(sourceOf('standard-webhooks', { secrets }), options).check(requestOf(body, headers), now);
};

describe('a public key among the secrets', () => {
  it('believes v1a signatures, alone and beside v1', () => {
    expect(check([whpk], v1a()).ok).toBe(true);
    expect(check([whsec, whpk], v1a()).ok).toBe(true);
    expect(check([whsec, whpk], v1()).ok).toBe(true);
    expect(check([whpk], `${v1()} ${v1a()}`).ok).toBe(true);
  });

  it('does not believe those of other text, of another key, or under the wrong tag', () => {
    expect(check([whpk], v1a('msg_1', `${body} `)).ok).toBe(false);
    expect(check([whpk], v1()).ok).toBe(false);
    expect(check([whsec], v1a()).ok).toBe(false);
    expect(check([whpk], v1a().replace('v1a,', 'v1,')).ok).toBe(false);
    const other = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(12);
    expect(check([`whpk_${other.toString('base64')}`], v1a()).ok).toBe(false);
  });

  it('is never used as the key of an HMAC', () => {
    const forged = new Webhook(whpk.slice(5)).sign('msg_1', new Date(now), body);
    expect(check([whpk], forged).ok).toBe(false);
    expect(check([whsec, whpk], forged).ok).toBe(false);
  });

  it('cannot sign, and says so', () => {
    const verifier = createVerifier(sourceOf('standard-webhooks', { secrets: [whpk] }), options);
    expect(() => verifier.sign(requestOf(body), now)).toThrow(/public keys/);
  });
});

describe('a secret', () => {
  it('may come without its prefix or its padding', () => {
    expect(check([whsec.slice(6)], v1()).ok).toBe(true);
    const padded = `whsec_${Buffer.alloc(25, 7).toString('base64')}`;
    const signature = new Webhook(padded).sign('msg_1', new Date(now), body);
    expect(check([padded.replace(/=+$/, '')], signature).ok).toBe(true);
  });

  it.each(['whsec_not base64!', 'whsec_', 'whpk_AAAA', 'whpk_', 'whsec_A'])(
    '%j is refused without being repeated',
    (secret) => {
      const create = () => createVerifier(sourceOf('standard-webhooks', { secrets: [whsec, secret] }), options);
      expect(create).toThrow(/standard-webhooks: secret 2 of 2/);
      const rest = secret.slice(secret.indexOf('_') + 1);
      if (rest.length > 3) expect(create).not.toThrow(rest);
    },
  );
});

describe('an id', () => {
  it('with a dot is refused: part of the body could be read as id and time', () => {
    expect(check([whsec], v1('msg_1')).ok).toBe(true);
    expect(check([whsec], v1('msg.1'), 'msg.1').ok).toBe(false);
  });

  it('that came twice is refused', () => {
    expect(check([whsec], v1('msg_1, msg_1'), 'msg_1, msg_1').ok).toBe(false);
  });

  it('that stands in a header of the other family is no id', () => {
    const verifier = createVerifier(sourceOf('standard-webhooks', { secrets: [whsec] }), options);
    const headers = { 'svix-id': 'msg_1', 'svix-timestamp': time, 'svix-signature': v1(), 'webhook-id': 'msg_2' };
    const request = requestOf(body, headers);
    expect(verifier.check(request, now).ok).toBe(true);
    expect(verifier.identify({ ...request, body: JSON.parse(body) }, request).key).toBe('msg_1');
  });
});

it('a failed signature of one family is not made good by the other', () => {
  const verifier = createVerifier(sourceOf('standard-webhooks', { secrets: [whsec] }), options);
  const svix = { 'svix-id': 'msg_1', 'svix-timestamp': time, 'svix-signature': v1() };
  expect(verifier.check(requestOf(body, svix), now).ok).toBe(true);
  const both = { ...svix, 'webhook-id': 'msg_1', 'webhook-timestamp': time, 'webhook-signature': 'v1,AAAA' };
  expect(verifier.check(requestOf(body, both), now).ok).toBe(false);
});
