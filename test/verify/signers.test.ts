/** Signatures made by other people's code are believed, and ours are believed by theirs. */
import { sign as githubSign, verify as githubVerify } from '@octokit/webhooks-methods';
import { Webhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { describe, expect, it } from 'vitest';
import { createVerifier } from '../../src/verify/verifier.ts';
import { keptVectors, signedVectors } from '../support/sign-vectors.ts';
import { now, requestOf, sourceOf } from '../support/verify-fixtures.ts';

const options = { publicUrl: null };
const whsec = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const bodies = [
  '{"id":"evt_1","type":"charge.succeeded"}',
  '{"note":"$& $1 $` $\' $$ {body} {timestamp}"}',
  '{"name":"Zoë 🎈 \\u00e9"}',
  '[]',
];
const stripeHeader = (payload: string, secret: string, at = now) =>
  Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp: Math.floor(at / 1000) });

describe.each(bodies)('the body %s', (body) => {
  it("signed by Stripe's own package is accepted", () => {
    const verifier = createVerifier(sourceOf('stripe', { secrets: ['whsec_of_the_test'] }), options);
    const check = (header: string) => verifier.check(requestOf(body, { 'stripe-signature': header }), now);
    expect(check(stripeHeader(body, 'whsec_of_the_test'))).toMatchObject({ ok: true });
    expect(check(stripeHeader(body, 'whsec_of_another'))).toMatchObject({ ok: false });
    expect(check(stripeHeader(`${body} `, 'whsec_of_the_test'))).toMatchObject({ ok: false });
  });

  it("signed by Octokit's package is accepted", async () => {
    const verifier = createVerifier(sourceOf('github', { secrets: ['of the test'] }), options);
    const check = (signature: string) => verifier.check(requestOf(body, { 'x-hub-signature-256': signature }), now);
    expect(check(await githubSign('of the test', body))).toMatchObject({ ok: true });
    expect(check(await githubSign('of another', body))).toMatchObject({ ok: false });
  });

  it('signed by the standardwebhooks package is accepted, under both names of the headers', () => {
    const verifier = createVerifier(sourceOf('standard-webhooks', { secrets: [whsec] }), options);
    const signature = new Webhook(whsec).sign('msg_1', new Date(now), body);
    for (const family of ['webhook', 'svix']) {
      const headers = {
        [`${family}-id`]: 'msg_1',
        [`${family}-timestamp`]: `${now / 1000}`,
        [`${family}-signature`]: signature,
      };
      expect(verifier.check(requestOf(body, headers), now)).toMatchObject({ ok: true });
      expect(verifier.check(requestOf(body, { ...headers, [`${family}-id`]: 'msg_2' }), now)).toMatchObject({
        ok: false,
      });
    }
  });

  it('signed by us is accepted by all three', async () => {
    const sign = (provider: string, secret: string, at: number) =>
      createVerifier(sourceOf(provider, { secrets: [secret] }), options).sign(requestOf(body), at).headers;
    // Stripe and standardwebhooks look at the real clock.
    const at = Math.floor(performance.timeOrigin + performance.now());
    const stripe = sign('stripe', 'whsec_x', at)['stripe-signature'] ?? '';
    expect(() => Stripe.webhooks.constructEvent(body, stripe, 'whsec_x')).not.toThrow();
    expect(() => Stripe.webhooks.constructEvent(body, stripe, 'whsec_y')).toThrow();
    expect(await githubVerify('x', body, sign('github', 'x', at)['x-hub-signature-256'] ?? '')).toBe(true);
    const standard = sign('standard-webhooks', whsec, at);
    expect(() => new Webhook(whsec).verify(body, standard, { jsonParse: false })).not.toThrow();
    expect(() => new Webhook(whsec).verify(`${body} `, standard, { jsonParse: false })).toThrow();
  });
});

it('a body that is not UTF-8 is verified as the bytes it is', async () => {
  const bytes = Uint8Array.of(0x7b, 0xff, 0xfe, 0x00, 0xc3, 0x7d);
  const verifier = createVerifier(sourceOf('github'), options);
  const { headers } = verifier.sign(requestOf(bytes), now);
  expect(verifier.check(requestOf(bytes, headers), now).ok).toBe(true);
  const replaced = Buffer.from(Buffer.from(bytes).toString('utf8'));
  expect(verifier.check(requestOf(replaced, headers), now).ok).toBe(false);
});

it('the vectors that a second implementation signs are those in the fixtures', async () => {
  for (const [provider, signed] of await signedVectors()) {
    const kept = keptVectors(provider);
    for (const vector of signed) {
      const same = kept.find(({ id }) => id === vector.id);
      if (vector.random) expect(same?.id, provider).toBe(vector.id);
      else
        expect(same, `${vector.id}: node test/support/sign-vectors.ts writes it`).toEqual(
          JSON.parse(JSON.stringify(vector)),
        );
    }
  }
});
