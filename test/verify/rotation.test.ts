import Stripe from 'stripe';
import { describe, expect, it } from 'vitest';
import { createVerifier } from '../../src/verify/verifier.ts';
import { now, requestOf, sourceOf } from '../support/verify-fixtures.ts';

const options = { publicUrl: null };
const body = '{"id":"evt_1"}';
const signatureOf = (secret: string) =>
  Stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp: now / 1000 }).split('v1=')[1] as string;
const wrong = '0'.repeat(64);
const check = (secrets: string[], header: string) =>
  createVerifier(sourceOf('stripe', { secrets }), options).check(requestOf(body, { 'stripe-signature': header }), now);

describe('while a secret is being rotated', () => {
  it('any of the signatures may fit any of the secrets', () => {
    const [old, fresh] = [signatureOf('old'), signatureOf('fresh')];
    const t = `t=${now / 1000}`;
    for (const secrets of [['old'], ['fresh'], ['other', 'old'], ['fresh', 'other']]) {
      expect(check(secrets, `${t},v1=${old},v1=${fresh}`).ok).toBe(true);
      expect(check(secrets, `${t},v1=${wrong},v1=${fresh},v1=${old},v0=${wrong}`).ok).toBe(true);
    }
    expect(check(['other', 'another'], `${t},v1=${old},v1=${fresh}`).ok).toBe(false);
  });

  it('a signature of another version does not count, even when it is right', () => {
    expect(check(['old'], `t=${now / 1000},v0=${signatureOf('old')}`)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('v1 of sha256 in hex'),
    });
  });
});

describe('a signature header is refused', () => {
  const t = `t=${now / 1000}`;
  const v1 = `v1=${signatureOf('old')}`;
  it.each([
    ['with its time twice', `${t},${t},${v1}`],
    ['with its time twice, one of them right', `t=1,${t},${v1}`],
    ['that came twice', `${t},${v1}, ${t},${v1}`],
    ['whose second copy has only a signature', `${t},v1=${wrong}, ${v1}`],
    ['without a time', v1],
    ['without a signature', t],
    ['with an empty signature', `${t},v1=`],
    ['with a field that is none', `${t},${v1},nonsense`],
    ['with an empty field', `${t},,${v1}`],
    ['that is empty', ''],
    ['in upper case', `${t},v1=${signatureOf('old').toUpperCase()}`],
    ['with a cut signature', `${t},${v1.slice(0, -2)}`],
    ['with a time that is not plain digits', `t=+${now / 1000},${v1}`],
    ['with more than 16 signatures', `${t}${`,v1=${wrong}`.repeat(16)},${v1}`],
    ['longer than 4,096 characters', `${t},${v1},v9=${'x'.repeat(4096)}`],
  ])('%s', (_, header) => {
    expect(check(['old'], `${t},${v1}`).ok).toBe(true);
    expect(check(['old'], header).ok).toBe(false);
  });
});

it('a header that must come once and came twice is refused by the plain form too', async () => {
  const verifier = createVerifier(sourceOf('github'), options);
  const header = verifier.sign(requestOf(body), now).headers['x-hub-signature-256'] ?? '';
  expect(verifier.check(requestOf(body, { 'x-hub-signature-256': header }), now).ok).toBe(true);
  expect(verifier.check(requestOf(body, { 'x-hub-signature-256': `${header}, ${header}` }), now).ok).toBe(false);
});

it('too many secrets are a mistake', () => {
  expect(() => createVerifier(sourceOf('stripe', { secrets: Array(17).fill('x') }), options)).toThrow(/16 secrets/);
});
