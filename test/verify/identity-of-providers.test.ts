/** What is the id and what the type of a webhook, for the providers that show secrets or shake hands. */
import { describe, expect, it } from 'vitest';
import { createVerifier } from '../../src/verify/verifier.ts';
import { bodyOf, sourceOfVector, vectors } from '../support/vectors.ts';
import { requestOf } from '../support/verify-fixtures.ts';

function identify(id: string, change: { headers?: Record<string, string>; body?: string; query?: string } = {}) {
  const vector = vectors.find((one) => one.id === id);
  if (!vector) throw new Error(`there is no vector ${id}`);
  const verifier = createVerifier(sourceOfVector(vector), { publicUrl: 'https://relay.example.com' });
  const query = change.query ?? vector.query ?? '';
  const body = change.body ?? bodyOf(vector).toString('utf8');
  const headers = { ...vector.headers, ...change.headers };
  const request = requestOf(body, headers, { target: `/hooks/it?${query}` });
  const parsed =
    vector.provider === 'auth0'
      ? body
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line))
      : request.parsed();
  const fields = Object.fromEntries(new URLSearchParams(query));
  const view = { method: vector.method ?? 'POST', headers, query: fields, body: parsed ?? null };
  const { key, type } = verifier.identify(view, request);
  return { key, type };
}

const sha256 = expect.stringMatching(/^sha256:[0-9a-f]{64}$|\.sha256:[0-9a-f]{64}$/);

describe('the id and the type of', () => {
  it.each([
    ['svix-event', 'msg_1', 'invoice.paid'],
    ['clerk-user', 'msg_1', 'user.created'],
    ['openai-batch', 'msg_1', 'batch.completed'],
    ['polar-order', 'msg_1', 'order.paid'],
    ['gitlab-issue', '1', 'issue.open'],
    ['brevo-bearer', sha256, 'delivered'],
    ['brevo-basic', sha256, 'opened'],
    ['dropbox-change', null, null],
    ['zoom-meeting', sha256, 'meeting.started'],
    ['telegram-message', '10000', 'message'],
    ['meta-feed', sha256, 'feed'],
    ['whatsapp-message', sha256, 'messages'],
    ['asana-task', sha256, 'task.added'],
    ['notion-page', '367cba44', 'page.created'],
    ['trello-card', '51f9424bcd6e040f3c002412', 'updateCard'],
    ['x-follow', null, 'follow_events'],
    ['auth0-lines', sha256, 's, slo'],
    ['okta-event', 'b5a188b9', 'user.session.start'],
    ['braze-currents', sha256, 'users.messages.email.Open'],
    ['braze-whole-value', null, null],
    ['revenuecat-renewal', '12345678', 'RENEWAL'],
    ['postmark-delivery', 'Delivery.883953f4.2026-11-19T10:00:00Z', 'Delivery'],
    ['chargebee-event', 'ev_1', 'subscription_created'],
    ['zuora-callout', '1a2b', 'InvoicePosted'],
    ['cloudevents-binary', '/shop.1', 'com.example.paid'],
    ['cloudevents-structured-by-query', '/shop.1', 'com.example.paid'],
    ['cloudevents-batch', sha256, 'com.example.paid'],
    ['mailchimp-subscribe', sha256, 'subscribe'],
    ['appsflyer-post', sha256, 'af_purchase'],
    ['appsflyer-get', sha256, 'install'],
    ['adjust-get', sha256, 'install'],
    ['branch-post', '1', 'INSTALL'],
    ['branch-get', '2', 'OPEN'],
  ])('%s', (id, key, type) => {
    expect(identify(id)).toEqual({ key, type });
  });
});

it('equal content is one webhook, other content or another query is not', () => {
  const { key } = identify('appsflyer-get');
  expect(identify('appsflyer-get').key).toBe(key);
  expect(identify('appsflyer-get', { query: 'event_name=install&event_time=2026-11-19%2012:00:00.124' }).key).not.toBe(
    key,
  );
  const posted = identify('appsflyer-post').key;
  expect(identify('appsflyer-post', { body: '{"event_time":"2026-11-19 12:00:00.124"}' }).key).not.toBe(posted);
});

it('content without a time is never taken for a repetition', () => {
  expect(identify('adjust-get', { query: 'activity_kind=install' }).key).toBeNull();
  expect(identify('mailchimp-subscribe', { body: 'type=subscribe' }).key).toBeNull();
  expect(identify('brevo-bearer', { body: '{"event":"delivered"}' }).key).toBeNull();
});

it('a webhook of GitLab that many others share an event with is told by its own key alone', () => {
  const shared = { 'x-gitlab-event-uuid': '13792a34' };
  expect(identify('gitlab-issue', { headers: { ...shared, 'idempotency-key': 'a' } }).key).toBe('a');
  expect(identify('gitlab-issue', { headers: { ...shared, 'idempotency-key': '' } }).key).toBeNull();
});

it('a batch of more than three types is of several', () => {
  const body = ['a', 'b', 'c', 'd', 'a'].map((type, at) => `{"log_id":"${at}","data":{"type":"${type}"}}`).join('\n');
  expect(identify('auth0-lines', { body }).type).toBe('several types');
  expect(identify('auth0-lines', { body: body.split('\n').slice(0, 3).join('\n') }).type).toBe('a, b, c');
});
