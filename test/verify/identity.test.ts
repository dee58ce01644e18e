import { describe, expect, it } from 'vitest';
import { createVerifier } from '../../src/verify/verifier.ts';
import { requestOf, sourceOf } from '../support/verify-fixtures.ts';

const options = { publicUrl: null };
const whsec = { secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'] };

function identify(provider: string, body: unknown, headers: Record<string, string> = {}) {
  const verifier = createVerifier(sourceOf(provider, provider === 'standard-webhooks' ? whsec : {}), options);
  const { key, type } = verifier.identify({ method: 'POST', headers, query: {}, body }, requestOf('', headers));
  return [key, type];
}

describe('the id and the type of a webhook', () => {
  it.each([
    ['stripe', { id: 'evt_1', type: 'charge.succeeded' }, {}, 'evt_1', 'charge.succeeded'],
    ['stripe', { object: 'v2.core.event', id: 'evt_2', type: 'v1.billing' }, {}, 'evt_2', 'v1.billing'],
    ['github', { action: 'opened' }, { 'x-github-delivery': 'g1', 'x-github-event': 'issues' }, 'g1', 'issues.opened'],
    ['github', {}, { 'x-github-delivery': 'g1', 'x-github-event': 'push' }, 'g1', 'push'],
    ['slack', { type: 'event_callback', event_id: 'Ev1', event: { type: 'message' } }, {}, 'Ev1', 'message'],
    ['slack', { type: 'block_actions', trigger_id: '1.2' }, {}, '1.2', 'block_actions'],
    ['slack', { command: '/weather', trigger_id: '1.3' }, {}, '1.3', '/weather'],
    ['standard-webhooks', { type: 'a.b' }, { 'webhook-id': 'm1', 'webhook-signature': 'x' }, 'm1', 'a.b'],
    ['standard-webhooks', { type: 'a.b' }, { 'svix-id': 'm2', 'svix-signature': 'x' }, 'm2', 'a.b'],
  ])('of %s %j are found', (provider, body, headers, key, type) => {
    expect(identify(provider, body, headers)).toEqual([key, type]);
  });

  it.each([
    ['stripe', null],
    ['stripe', []],
    ['stripe', 'evt_1'],
    ['stripe', { id: '', type: null }],
    ['stripe', { id: { $ne: 1 }, type: ['a'] }],
    ['stripe', { id: 2 ** 53, type: 1.5 }],
    ['slack', { event: 'message' }],
    ['slack', { event: null }],
    ['github', { action: 'opened' }],
  ])('of %s %j are none', (provider, body) => {
    expect(identify(provider, body)).toEqual([null, null]);
  });

  it('are read from own fields only', () => {
    expect(identify('stripe', Object.create({ id: 'evt_1', type: 'x' }))).toEqual([null, null]);
  });

  it('are bounded, and fit for a terminal', () => {
    const [key, type] = identify('stripe', { id: 'x'.repeat(100_000), type: `\u001b[31m${'y'.repeat(1000)}` });
    expect(key).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(type).toMatch(/^ \[31my{115}$/);
    expect(identify('stripe', { id: 'x'.repeat(200) })[0]).toHaveLength(200);
  });
});

describe('two webhooks of Shopify', () => {
  const headers = { 'x-shopify-hmac-sha256': 'x', 'x-shopify-topic': 'orders/create', 'x-shopify-event-id': 'e1' };

  it('with one webhook id are the same, whatever else they say', () => {
    expect(identify('shopify', {}, { ...headers, 'x-shopify-webhook-id': 'w1' })).toEqual(['w1', 'orders/create']);
  });

  it('that one event caused are two, with or without webhook ids', () => {
    const paid = { ...headers, 'x-shopify-topic': 'orders/paid' };
    const keys = [
      identify('shopify', {}, { ...headers, 'x-shopify-webhook-id': 'w1' }),
      identify('shopify', {}, { ...paid, 'x-shopify-webhook-id': 'w2' }),
      identify('shopify', {}, headers),
      identify('shopify', {}, paid),
    ].map(([key]) => key);
    expect(new Set(keys).size).toBe(4);
  });

  it('of the newer Events are known by their own headers', () => {
    const events = { 'shopify-hmac-sha256': 'x', 'shopify-topic': 'product', 'shopify-webhook-id': 'w3' };
    expect(identify('shopify', {}, events)).toEqual(['w3', 'product']);
    expect(identify('shopify', {}, { 'shopify-topic': 'product', 'shopify-event-id': 'e1' })).toEqual([
      'product.e1',
      'product',
    ]);
  });
});
