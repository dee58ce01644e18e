/** The handshakes of Twitch, Xero, Front and WooCommerce at the real door: answered to the letter, nothing of them kept. */
import { createHmac } from 'node:crypto';
import { request } from 'undici';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { openDoor } from '../intake/door.ts';
import { now, sourceOf } from '../support/verify-fixtures.ts';

const door = await openDoor({ sources: [], clock: { ...systemClock, now: () => now } });
afterAll(() => door[Symbol.asyncDispose]());

const secret = 'a secret of the test';
for (const name of ['twitch', 'xero', 'front', 'woocommerce', 'stripe', 'linear']) {
  const source = sourceOf(name);
  door.enter(source, createVerifier(source, { publicUrl: null }));
}

async function post(source: string, headers: Record<string, string>, body: string) {
  const before = { kept: door.kept.length, receipts: door.receipts.length };
  const answer = await request(`${door.url}/hooks/${source}`, { method: 'POST', headers, body });
  const text = await answer.body.text();
  return {
    ...{ status: answer.statusCode, headers: answer.headers, text },
    kept: door.kept.length - before.kept,
    result: door.receipts.slice(before.receipts).map(({ result }) => result),
  };
}

const json = { 'content-type': 'application/json' };
const hmac = (text: string, encoding: 'hex' | 'base64', key = secret) =>
  createHmac('sha256', key).update(text).digest(encoding);

describe('Twitch', () => {
  const time = new Date(now).toISOString();
  const signed = (type: string, body: string) => ({
    ...json,
    'twitch-eventsub-message-id': `id-${type}`,
    'twitch-eventsub-message-timestamp': time,
    'twitch-eventsub-message-type': type,
    'twitch-eventsub-message-signature': `sha256=${hmac(`id-${type}${time}${body}`, 'hex')}`,
  });
  const verification = 'webhook_callback_verification';
  const body = '{"challenge":"<b>pogchamp-kappa-360noscope-vohiyo","subscription":{"type":"channel.follow"}}';

  it('gets its challenge back, raw and no byte more, as text that no browser takes for a page', async () => {
    const answer = await post('twitch', signed(verification, body), body);
    expect(answer).toMatchObject({ status: 200, text: '<b>pogchamp-kappa-360noscope-vohiyo', kept: 0 });
    expect(answer.result).toEqual(['handshake']);
    expect(answer.headers['content-type']).toMatch(/^text\/plain/);
    expect(answer.headers['content-length']).toBe('35');
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
  });

  it('is refused when it did not sign', async () => {
    const headers = { ...signed(verification, body), 'twitch-eventsub-message-signature': `sha256=${'0'.repeat(64)}` };
    const answer = await post('twitch', headers, body);
    expect(answer).toMatchObject({ status: 401, kept: 0 });
    expect(answer.text).not.toContain('pogchamp');
  });

  it('gets no more than a kilobyte back', async () => {
    const long = JSON.stringify({ challenge: 'x'.repeat(1025) });
    expect((await post('twitch', signed(verification, long), long)).text).not.toContain('xxx');
  });

  it.each(['notification', 'revocation'])('sends a %s as an ordinary event, challenge or not', async (type) => {
    const answer = await post('twitch', signed(type, body), body);
    expect(answer).toMatchObject({ status: 200, kept: 1, result: ['accepted'] });
    expect(answer.text).not.toContain('pogchamp');
  });
});

describe('Xero', () => {
  const intent = '{"events":[],"lastEventSequence":0,"firstEventSequence":0,"entropy":"S0m3r4Nd0mt3xt"}';
  const event = '{"events":[{"eventType":"UPDATE","eventDateUtc":"2026-11-19T10:00:00"}],"entropy":"S0m3r4Nd0mt3xt"}';
  const signed = (body: string, key = secret) => ({ ...json, 'x-xero-signature': hmac(body, 'base64', key) });

  it('hears 200 and nothing for an intent to receive that is signed rightly', async () => {
    const answer = await post('xero', signed(intent), intent);
    expect(answer).toMatchObject({ status: 200, text: '', kept: 0, result: ['handshake'] });
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  it.each([
    ['one', intent],
    ['an event', event],
  ])('hears 401 and nothing for %s that is signed wrongly', async (_, body) => {
    const answer = await post('xero', signed(body, 'another'), body);
    expect(answer).toMatchObject({ status: 401, text: '', kept: 0, result: ['unverified'] });
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  it('hears 200 and nothing for an event, and for the same again', async () => {
    expect(await post('xero', signed(event), event)).toMatchObject({ status: 200, text: '', kept: 1 });
    expect(await post('xero', signed(event), event)).toMatchObject({ status: 200, text: '', kept: 0 });
  });
});

describe('Front', () => {
  const sync = '{"type":"sync","authorization":{"id":"cmp_1"}}';
  const signed = (body: string) => ({
    ...json,
    'x-front-challenge': 'a challenge',
    'x-front-request-timestamp': `${now}`,
    'x-front-signature': hmac(`${now}:${body}`, 'base64'),
  });

  it('gets its challenge back in JSON', async () => {
    const answer = await post('front', signed(sync), sync);
    expect(answer).toMatchObject({ status: 200, text: '{"challenge":"a challenge"}', kept: 0, result: ['handshake'] });
    expect(answer.headers['content-type']).toBe('application/json');
  });

  it('does not get it unsigned, and an event with a challenge is an event', async () => {
    const unsigned = { ...signed(sync), 'x-front-signature': hmac(sync, 'base64') };
    expect(await post('front', unsigned, sync)).toMatchObject({ status: 401, kept: 0 });
    const event = '{"type":"inbound_received"}';
    expect(await post('front', signed(event), event)).toMatchObject({ kept: 1, result: ['accepted'] });
  });
});

describe('WooCommerce', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  it('hears 200 for the ping it sends when a webhook is saved', async () => {
    const answer = await post('woocommerce', form, 'webhook_id=17');
    expect(answer).toMatchObject({ status: 200, text: '', kept: 0, result: ['handshake'] });
  });

  it.each([
    'webhook_id=17&order=1',
    'webhook_id=',
    'webhook_id=x',
    'order=1',
    `webhook_id=${'1'.repeat(64)}`,
    '{"webhook_id":17}',
  ])('is refused unsigned with %s', async (body) => {
    expect(await post('woocommerce', form, body)).toMatchObject({ status: 401, kept: 0 });
  });

  it('is refused when what looks like a ping has a signature that is wrong', async () => {
    const headers = { ...form, 'x-wc-webhook-signature': hmac('webhook_id=18', 'base64') };
    expect(await post('woocommerce', headers, 'webhook_id=17')).toMatchObject({ status: 401, kept: 0 });
  });
});

it('none of them is answered by the source of another provider', async () => {
  const twitch = { ...json, 'twitch-eventsub-message-type': 'webhook_callback_verification' };
  const front = { ...json, 'x-front-challenge': 'a challenge' };
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  for (const [headers, body] of [
    [twitch, '{"challenge":"a challenge"}'],
    [front, '{"type":"sync"}'],
    [form, 'webhook_id=17'],
  ] as const) {
    for (const source of ['stripe', 'linear', 'xero']) {
      const answer = await post(source, headers, body);
      expect(answer, source).toMatchObject({ status: 401, kept: 0 });
      expect(answer.text).not.toContain('a challenge');
    }
  }
});
