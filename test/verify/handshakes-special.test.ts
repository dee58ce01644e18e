/** Handshakes of the special providers, and what only looks like one; through the verifier as the door asks it. */
import { describe, expect, it } from 'vitest';
import type { RawRequest } from '../../src/verify/contract.ts';
import { providers } from '../../src/verify/registry.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { webHookOptions } from '../../src/verify/web-hook-options.ts';
import { requestOf, sourceOf } from '../support/verify-fixtures.ts';

const options = { publicUrl: 'https://relay.example.com' };
const secrets: Record<string, string> = {
  discord: 'ea'.repeat(32),
  contentful: 'a'.repeat(64),
  adyen: 'ab'.repeat(32),
};
const fields = { public_key: ['public_1'] };
const verifierOf = (provider: string) =>
  createVerifier(sourceOf(provider, { secrets: [secrets[provider] ?? 'a secret'], fields }), options);
const json = { 'content-type': 'application/json' };
const unsigned = (
  provider: string,
  body: string,
  more: Partial<RawRequest> = {},
  headers: RawRequest['headers'] = json,
) => verifierOf(provider).handshakeUnsigned(requestOf(body, headers, more));
const signed = (provider: string, body: unknown, headers: Record<string, string> = json) =>
  verifierOf(provider).identify({ method: 'POST', headers, query: {}, body }, requestOf('', headers)).handshake;
const others = (provider: string) =>
  ['github', 'stripe', 'twilio', 'monday', 'braintree', 'azure-event-grid', 'mandrill', 'discord'].filter(
    (one) => one !== provider,
  );

describe("monday's challenge", () => {
  it('is answered with the same JSON', () => {
    const answer = unsigned('monday', '{ "challenge": "3eZ<b>" }');
    expect(answer).toMatchObject({ status: 200, body: '{"challenge":"3eZ<b>"}' });
    expect(answer).toHaveProperty('headers.content-type', 'application/json');
  });

  it.each([
    ['beside something else', '{"challenge":"x","event":{}}'],
    ['that is a number', '{"challenge":17}'],
    ['that is an object', '{"challenge":{"a":1}}'],
    ['that is long', JSON.stringify({ challenge: 'x'.repeat(1025) })],
    ['of an empty object', '{}'],
    ['in a list', '["challenge"]'],
    ['in broken JSON', '{"challenge":"x"'],
  ])('%s is none', (_, body) => {
    expect(unsigned('monday', body)).toBeNull();
  });

  it('by GET is none, and means nothing to others', () => {
    expect(unsigned('monday', '{"challenge":"x"}', { method: 'GET' })).toBeNull();
    for (const one of others('monday')) expect(unsigned(one, '{"challenge":"x"}'), one).toBeNull();
  });
});

describe("Braintree's challenge", () => {
  const ask = (challenge: string | string[], method = 'GET', provider = 'braintree') =>
    unsigned(provider, '', { method, query: { bt_challenge: challenge } }, {});

  it('is answered with the public key and a digest, as plain text', () => {
    expect(ask('20f9f8ed05f77439fe955c977e4c8a53')).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: expect.stringMatching(/^public_1\|[0-9a-f]{40}$/),
    });
  });

  it.each([
    ['of 19 digits', 'a'.repeat(19)],
    ['of 33 digits', 'a'.repeat(33)],
    ['of upper-case digits', 'A'.repeat(20)],
    ['that is base64', 'PG5vdGlmaWNhdGlvbj4K'],
    ['that came twice', ['a'.repeat(20), 'a'.repeat(20)]],
    ['with a line break', `${'a'.repeat(20)}\n`],
  ])('%s is refused: the digest signs nothing else', (_, challenge) => {
    expect(ask(challenge)).toEqual({ refused: expect.any(String) });
  });

  it('by POST is none, and means nothing to others', () => {
    expect(ask('a'.repeat(20), 'POST')).toBeNull();
    for (const one of others('braintree')) expect(ask('a'.repeat(20), 'GET', one), one).toBeNull();
  });
});

describe("Azure's validation", () => {
  const headers = { ...json, 'aeg-event-type': 'SubscriptionValidation' };
  const event = { id: '1', eventType: 'x', data: { validationCode: 'code-1', validationUrl: 'https://example.com/v' } };

  it('is answered with its code, and its URL is told to the operator alone', () => {
    const answer = signed('azure-event-grid', [event], headers);
    expect(answer).toMatchObject({ status: 200, body: '{"validationResponse":"code-1"}' });
    expect(answer?.note).toContain('https://example.com/v');
    expect(answer).not.toHaveProperty('confirm');
  });

  it.each([
    ['of two events', [event, event]],
    ['that is no list', event],
    ['without a code', [{ ...event, data: {} }]],
    ['with a long code', [{ ...event, data: { validationCode: 'x'.repeat(1025) } }]],
    ['of nothing', []],
  ])('%s is none', (_, body) => {
    expect(signed('azure-event-grid', body, headers)).toBeNull();
  });

  it('without its header is an ordinary webhook, and before the key was right nothing', () => {
    expect(signed('azure-event-grid', [event], { ...json, 'aeg-event-type': 'Notification' })).toBeNull();
    expect(unsigned('azure-event-grid', JSON.stringify([event]), {}, headers)).toBeNull();
  });
});

describe('OPTIONS of a sender of CloudEvents', () => {
  const ask = (headers: Record<string, string>, method = 'OPTIONS') =>
    webHookOptions(requestOf('', headers, { method }));

  it('is allowed, at the rate it asks for, and its callback is only told', () => {
    const answer = ask({
      'webhook-request-origin': 'eventgrid.azure.net',
      'webhook-request-rate': '120',
      'webhook-request-callback': 'http://169.254.169.254/latest',
    });
    expect(answer).toMatchObject({
      status: 200,
      headers: { allow: 'POST', 'webhook-allowed-origin': 'eventgrid.azure.net', 'webhook-allowed-rate': '120' },
      body: '',
      note: expect.stringContaining('169.254.169.254'),
    });
    expect(answer).not.toHaveProperty('confirm');
  });

  it.each(['-1', '0', '1.5', 'many', '1, 2', '9'.repeat(10), undefined])(
    'is allowed at any rate for the rate %j',
    (rate) => {
      const answer = ask({
        'webhook-request-origin': 'a',
        ...(rate === undefined ? {} : { 'webhook-request-rate': rate }),
      });
      expect(answer).toHaveProperty('headers.webhook-allowed-rate', '*');
    },
  );

  it.each(['', '*', 'a b', 'a, b', 'a\u00e9', 'x'.repeat(254), '<b>'])('of the origin %j is refused', (origin) => {
    expect(ask({ 'webhook-request-origin': origin })).toEqual({ refused: expect.any(String) });
  });

  it('without an origin, or by another method, is none', () => {
    expect(ask({})).toBeNull();
    expect(ask({ 'webhook-request-origin': 'a' }, 'POST')).toBeNull();
  });
});

describe("Mandrill's look", () => {
  it('by HEAD is answered 200', () => {
    expect(unsigned('mandrill', '', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    expect(unsigned('mandrill', '', { method: 'GET' })).toBeNull();
  });

  it('of no events is answered and never kept; one of events is', () => {
    expect(signed('mandrill', [])).toMatchObject({ status: 200, body: '' });
    for (const body of [[{}], {}, null, '[]', { mandrill_events: '[]' }]) expect(signed('mandrill', body)).toBeNull();
  });
});

describe("Discord's pings", () => {
  it('of events are answered 204, of interactions the same', () => {
    expect(signed('discord', { type: 0 })).toEqual({ status: 204, headers: {}, body: '' });
    expect(signed('discord', { type: 1, id: '1' })).toMatchObject({ status: 200, body: '{"type":1}' });
  });

  it.each([
    [{ type: 1, event: { type: 'X' } }],
    [{ type: 0, event: null }],
    [{ type: '0' }],
    [{ type: 2 }],
    [{}],
    [null],
    [[0]],
  ])('%j is none', (body) => {
    expect(signed('discord', body)).toBeNull();
  });
});

it('no other provider takes a list of no events for a handshake', () => {
  for (const { name, handshake } of providers.values()) {
    if (!handshake || name === 'mandrill' || name === 'xero') continue;
    const context = { secret: 'x', fields: {} };
    expect(handshake({ method: 'POST', headers: {}, query: {}, body: [] }, context), name).toBeNull();
  }
});
