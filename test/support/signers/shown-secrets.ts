/** Providers that show their secret instead of signing with it: a header, Basic, a bearer token, a key in the path. */
import { made, type Signers } from '../signed-vector.ts';

const json = { 'content-type': 'application/json' };
const text = (value: unknown) => JSON.stringify(value);
const basic = (userAndPassword: string) => `Basic ${btoa(userAndPassword)}`;
/** Nothing binds these bodies to their proof. */
const body_unsigned = true;
const key = 'Xa7-c0ffee-0123456789';

export const signers: Signers = {
  gitlab: () => [
    made('gitlab-issue', {
      body_unsigned,
      secret: 'a token',
      headers: { ...json, 'x-gitlab-token': 'a token', 'x-gitlab-event': 'Issue Hook', 'idempotency-key': '1' },
      body: text({ object_kind: 'issue', object_attributes: { action: 'open' } }),
    }),
  ],
  brevo: () => [
    made('brevo-bearer', {
      body_unsigned,
      secret: 'a-token',
      headers: { ...json, authorization: 'Bearer a-token' },
      body: text({ event: 'delivered', id: 26224, 'message-id': '<1@example.com>', ts_event: 1700000000 }),
    }),
    made('brevo-basic', {
      body_unsigned,
      secret: 'relay:pass:word',
      headers: { ...json, authorization: basic('relay:pass:word') },
      body: text([{ event: 'opened', ts_event: 1700000000 }]),
    }),
  ],
  telegram: () => [
    made('telegram-message', {
      body_unsigned,
      secret: 'A_secret-token',
      headers: { ...json, 'x-telegram-bot-api-secret-token': 'A_secret-token' },
      body: text({ update_id: 10000, message: { date: 1700000000, chat: { id: 1 } } }),
    }),
  ],
  auth0: () => [
    made('auth0-lines', {
      body_unsigned,
      secret: 'Bearer of the stream',
      headers: { ...json, authorization: 'Bearer of the stream' },
      body: '{"log_id":"1","data":{"type":"s"}}\n{"log_id":"2","data":{"type":"slo"}}\n',
    }),
  ],
  okta: () => [
    made('okta-event', {
      body_unsigned,
      secret: 'the whole value',
      headers: { ...json, authorization: 'the whole value' },
      body: text({ eventId: 'b5a188b9', data: { events: [{ uuid: '1', eventType: 'user.session.start' }] } }),
    }),
  ],
  braze: () => [
    made('braze-currents', {
      body_unsigned,
      secret: 'currents-token',
      headers: { ...json, authorization: 'Bearer currents-token' },
      body: text({ events: [{ id: 'a56ac5aa', event_type: 'users.messages.email.Open', time: 1700000000 }] }),
    }),
    made('braze-whole-value', {
      body_unsigned,
      secret: 'ApiKey 17',
      headers: { ...json, authorization: 'ApiKey 17' },
      body: text({ campaign: 'written by somebody' }),
    }),
  ],
  revenuecat: () => [
    made('revenuecat-renewal', {
      body_unsigned,
      secret: 'Bearer rc_1',
      headers: { ...json, authorization: 'Bearer rc_1' },
      body: text({ api_version: '1.0', event: { id: '12345678', type: 'RENEWAL', event_timestamp_ms: 1700000000000 } }),
    }),
  ],
  postmark: () => [
    made('postmark-delivery', {
      body_unsigned,
      secret: 'relay:pass',
      headers: { ...json, authorization: basic('relay:pass') },
      body: text({ RecordType: 'Delivery', MessageID: '883953f4', DeliveredAt: '2026-11-19T10:00:00Z' }),
    }),
  ],
  chargebee: () => [
    made('chargebee-event', {
      body_unsigned,
      secret: 'relay:Zoë',
      headers: { ...json, authorization: `Basic ${Buffer.from('relay:Zoë').toString('base64')}` },
      body: text({ id: 'ev_1', event_type: 'subscription_created', occurred_at: 1700000000 }),
    }),
  ],
  zuora: () => [
    made('zuora-callout', {
      body_unsigned,
      // Without it Zuora is asked for it: a handshake, which test/verify/handshakes-of-providers.test.ts is about.
      secret: 'relay:pass',
      headers: { ...json, authorization: basic('relay:pass'), 'zuora-notification-id': '1a2b' },
      body: text({ EventType: 'InvoicePosted' }),
    }),
  ],
  cloudevents: () => [
    made('cloudevents-binary', {
      body_unsigned,
      secret: 'a-token',
      headers: {
        ...json,
        authorization: 'Bearer a-token',
        'ce-specversion': '1.0',
        'ce-id': '1',
        'ce-source': '/shop',
        'ce-type': 'com.example.paid',
      },
      body: text({ amount: 1 }),
    }),
    made('cloudevents-structured-by-query', {
      body_unsigned,
      secret: 'a token',
      query: 'access_token=a%20token',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: text({ specversion: '1.0', id: '1', source: '/shop', type: 'com.example.paid', data: {} }),
    }),
    made('cloudevents-batch', {
      body_unsigned,
      secret: 'a-token',
      headers: { 'content-type': 'application/cloudevents-batch+json', authorization: 'bearer a-token' },
      body: text([{ specversion: '1.0', id: '1', source: '/shop', type: 'com.example.paid' }]),
    }),
  ],
  mailchimp: () => [
    made('mailchimp-subscribe', {
      body_unsigned,
      secret: key,
      path_key: key,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'type=subscribe&fired_at=2026-11-19+21%3A35%3A57&data%5Bid%5D=8a25ff1d98',
    }),
  ],
  appsflyer: () => [
    made('appsflyer-post', {
      body_unsigned,
      secret: key,
      path_key: key,
      headers: json,
      body: text({ event_name: 'af_purchase', event_time: '2026-11-19 12:00:00.123', appsflyer_id: '1-1' }),
    }),
    made('appsflyer-get', {
      secret: key,
      path_key: key,
      method: 'GET',
      query: 'event_name=install&event_time=2026-11-19%2012%3A00%3A00.123',
      headers: {},
    }),
  ],
  adjust: () => [
    made('adjust-get', {
      body_unsigned,
      secret: key,
      path_key: key,
      method: 'GET',
      query: 'activity_kind=install&created_at=1700000000&adid=1',
      headers: json,
    }),
  ],
  branch: () => [
    made('branch-post', {
      body_unsigned,
      secret: key,
      path_key: key,
      headers: json,
      body: text({ id: '1', name: 'INSTALL', timestamp: 1700000000000 }),
    }),
    made('branch-get', { secret: key, path_key: key, method: 'GET', query: 'id=2&name=OPEN', headers: {} }),
  ],
};
