/** What is the id and what the type of a webhook, for the providers that sign it: headers and body in, key and type out. */
import { describe, expect, it } from 'vitest';
import { described } from '../../src/verify/described.ts';
import { providers } from '../../src/verify/registry.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { bodyOf, sourceOfVector, vectors } from '../support/vectors.ts';
import { requestOf } from '../support/verify-fixtures.ts';

type Change = { readonly headers?: Record<string, string>; readonly body?: string };

function identify(id: string, change: Change = {}) {
  const vector = vectors.find((one) => one.id === id);
  if (!vector) throw new Error(`there is no vector ${id}`);
  const verifier = createVerifier(sourceOfVector(vector), { publicUrl: 'https://relay.example.com' });
  const headers = { ...vector.headers, ...change.headers };
  const request = requestOf(change.body ?? bodyOf(vector), headers);
  const { key, type } = verifier.identify({ method: 'POST', headers, query: {}, body: request.parsed() }, request);
  return { key, type };
}

it('a second form of batch is told in words', () => {
  const { event_type } = described(providers.get('quickbooks') as never);
  const entities = 'eventNotifications.dataChangeEvent.entities';
  expect(event_type).toBe(`type of each element, or name of each of ${entities} and operation of each of ${entities}`);
});

const hashed = '[0-9a-f]{64}';
const content = (before = '', after = '') =>
  expect.stringMatching(new RegExp(`^${RegExp.escape(before)}sha256:${hashed}${RegExp.escape(after)}$`));

describe('the id and the type of', () => {
  it.each([
    ['bitbucket-push', 'e7d5b0f5', 'repo:push'],
    ['jira-issue', '5a3c8f2b', 'jira:issue_created'],
    ['zendesk-event', '2022-06-20.cbe4028c', 'zen:event-type:user.created'],
    ['typeform-response', '01GT', 'form_response'],
    [
      'calendly-invitee',
      'invitee.created.2026-11-19T10:00:00.000000Z.https://api.calendly.com/scheduled_events/1/invitees/2',
      'invitee.created',
    ],
    ['linear-issue', '234d1a4e', 'Issue.create'],
    ['pagerduty-two-keys', '01BWDWL3NYY7', 'incident.triggered'],
    ['paddle-two-keys', 'evt_01', 'transaction.completed'],
    ['square-payment', '13b867cf-db3d-4b1c-90b6-2f32a9d78124', 'payment.created'],
    ['recurly-renewal', content('2026-11-19T10:00:00Z.'), 'subscription.renewed'],
    ['xero-event', content('2026-11-19T21:27:34.308.'), 'CONTACT.UPDATE'],
    ['quickbooks-cloudevents', content('88cd52aa.'), 'qbo.customer.created.v1'],
    ['quickbooks-entities', content('2026-11-19T10:00:00.000Z.'), 'Customer.Create, Vendor.Create'],
    ['box-primary-alone', 'f96bb54b', 'FILE.UPLOADED'],
    ['adyen-platforms-transfer', content('2026-11-19T10:00:00+01:00.'), 'balancePlatform.transfer.created'],
    ['twitch-follow', 'befa7b53-d79d-478f-86b9-120f112b044e', 'channel.follow'],
    ['twitch-revocation', 'befa7b53-d79d-478f-86b9-120f112b044e', 'channel.follow'],
    ['airtable-ping', content('2026-11-19T10:00:00.663Z.'), null],
    ['webflow-item', content('', '.1700000000123'), 'collection_item_changed'],
    ['webflow-form', content('2023-11-14T22:13:20Z.'), 'form_submission'],
    ['sanity-post', '5d8a0b7e', 'create'],
    ['workos-user', 'event_1', 'user.created'],
    ['segment-track', 'ajs-1', 'track.Order Completed'],
    ['customerio-opened', '01E4C4CT6YDC7Y5M7FE1GWWPQJ', 'email.opened'],
    ['klaviyo-http-date', content('e1.'), 'event:klaviyo.email_delivered'],
    ['launchdarkly-flag', '57c0a8e2', 'flag.turned on the flag'],
    ['sentry-issue', '0b2c7f6e3c', 'issue.created'],
    ['vercel-deployment', 'uev_1', 'deployment.succeeded'],
    ['circleci-workflow', '3888f21b', 'workflow-completed'],
    ['docusign-one-key', 'envelope-completed.2026-11-19T10:00:00.1234567Z.6a9b', 'envelope-completed'],
    ['woocommerce-order', content('2d4b1a7c.'), 'order.created'],
    ['gocardless-mandate', 'WB1', 'mandates.created'],
    ['razorpay-payment', 'Gb5kMCdcAZ8jJ8', 'payment.captured'],
    ['line-message', content('01FZ74A0TDDPYRVKNK77XKC3ZR.'), 'follow'],
    ['line-verify', null, null],
    ['mux-asset', '3a56ac3d', 'video.asset.ready'],
    ['buildkite-build', null, 'build.finished'],
    ['lemonsqueezy-order', content('order_created.2026-11-19T10:00:00.000000Z.'), 'order_created'],
    ['front-inbound', content('', '.1700000000123'), 'inbound_received'],
    ['intercom-contact', 'notif_1', 'contact.created'],
  ])('%s', (id, key, type) => {
    expect(identify(id)).toEqual({ key, type });
  });
});

describe('what comes again is known when the vendor changes something in it', () => {
  it('DocuSign counts its retries in the body', () => {
    const body = '{"event":"envelope-completed","retryCount":3,"generatedDateTime":"T","data":{"envelopeId":"6a9b"}}';
    const again = body.replace('"retryCount":3', '"retryCount":4');
    expect(identify('docusign-one-key', { body }).key).toBe(identify('docusign-one-key', { body: again }).key);
  });

  it('Mux lists its attempts in the body', () => {
    const again = '{"id":"3a56ac3d","type":"video.asset.ready","attempts":[{"response_status_code":503}]}';
    expect(identify('mux-asset', { body: again }).key).toBe(identify('mux-asset').key);
  });

  it('Box and Twitch sign every attempt at its own time', () => {
    const box = identify('box-primary-alone', { headers: { 'box-delivery-timestamp': '2023-11-14T14:20:00-08:00' } });
    expect(box.key).toBe(identify('box-primary-alone').key);
  });
});

describe('what is not the same webhook has another id, or none', () => {
  it.each([
    // Two recipients of one envelope at one moment.
    [
      'docusign-one-key',
      '{"event":"recipient-completed","generatedDateTime":"T","data":{"envelopeId":"1","recipientId":"1"}}',
      '{"event":"recipient-completed","generatedDateTime":"T","data":{"envelopeId":"1","recipientId":"2"}}',
    ],
    // Two orders of one shop in one second have one delivery id.
    ['woocommerce-order', '{"id":727}', '{"id":728}'],
    // Batches that begin alike.
    ['gocardless-mandate', '{"events":[{"id":"EV1"}]}', '{"events":[{"id":"EV1"},{"id":"EV2"}]}'],
    ['klaviyo-http-date', '{"data":[{"external_id":"1"}]}', '{"data":[{"external_id":"1"},{"external_id":"2"}]}'],
    ['quickbooks-cloudevents', '[{"id":"1"}]', '[{"id":"1"},{"id":"2"}]'],
    // An item of Webflow's that changed again.
    ['webflow-item', '{"payload":{"id":"1","a":1}}', '{"payload":{"id":"1","a":2}}'],
    // An object of Recurly's that changed again.
    [
      'recurly-renewal',
      '{"id":"1","event_time":"2026-11-19T10:00:00Z"}',
      '{"id":"1","event_time":"2026-11-19T10:00:01Z"}',
    ],
  ])('%s', (id, one, other) => {
    const keys = [one, other].map((body) => identify(id, { body }).key);
    expect(keys[0]).not.toBeNull();
    expect(keys[0]).not.toBe(keys[1]);
  });

  it.each([
    ['calendly-invitee', '{"event":"invitee.created","created_at":"2026-11-19T10:00:00Z"}'],
    ['recurly-renewal', '{"id":"1","object_type":"account","event_type":"updated"}'],
    ['adyen-platforms-transfer', '{"type":"balancePlatform.transfer.created"}'],
    ['lemonsqueezy-order', '{"meta":{"event_name":"order_created"},"data":{"id":"1"}}'],
    ['intercom-contact', '{"topic":"ping","id":null}'],
  ])('%s without a time or an id', (id, body) => {
    expect(identify(id, { body }).key).toBeNull();
  });

  it("the ticket's id in a body that somebody wrote for Zendesk is none", () => {
    const change = { body: '{"id":"35436","type":"ticket"}' };
    expect(identify('zendesk-event', change).key).toBe('01G17WKS74YPHMEP4EV8C35XKJ');
    const headers = { 'x-zendesk-webhook-invocation-id': '' };
    expect(identify('zendesk-event', { ...change, headers }).key).toBeNull();
  });

  it('the same said again at another millisecond is another, where nothing else tells', () => {
    for (const [id, name] of [
      ['webflow-item', 'x-webflow-timestamp'],
      ['front-inbound', 'x-front-request-timestamp'],
    ] as const) {
      expect(identify(id, { headers: { [name]: '1700000000124' } }).key).not.toBe(identify(id).key);
    }
  });
});
