/** What is the id and what the type of a webhook, for the special providers; ids stay over tries and never meet. */
import { describe, expect, it } from 'vitest';
import { parseBody } from '../../src/body/parse.ts';
import { providers } from '../../src/verify/registry.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { bodyOf, sourceOfVector, type Vector, vectors } from '../support/vectors.ts';
import { requestOf } from '../support/verify-fixtures.ts';

function identify(id: string, change: { headers?: Record<string, string>; body?: string; query?: string } = {}) {
  const vector = vectors.find((one) => one.id === id) as Vector;
  const verifier = createVerifier(sourceOfVector(vector), { publicUrl: 'https://relay.example.com' });
  const query = change.query ?? vector.query ?? '';
  const bytes = change.body === undefined ? bodyOf(vector) : Buffer.from(change.body);
  const headers = { ...vector.headers, ...change.headers };
  const request = requestOf(bytes, headers, { target: `/hooks/it?${query}` });
  const parsed = parseBody(bytes, headers['content-type'], providers.get(vector.provider)?.body ?? {});
  const fields = Object.fromEntries(new URLSearchParams(query));
  const view = { method: 'POST', headers, query: fields, body: parsed.ok ? parsed.value : null };
  const { key, type, answer } = verifier.identify(view, request);
  return { key, type, answer: answer?.body ?? null };
}

const content = expect.stringMatching(/sha256:[0-9a-f]{64}$/);
const twiml = '<?xml version="1.0" encoding="UTF-8"?><Response/>';

describe('the id, the type and the answer of', () => {
  it.each([
    ['twilio-incoming', 'SM1.received', 'message.received', twiml],
    ['twilio-get', null, 'call.ringing', twiml],
    ['twilio-json', null, null, null],
    ['sendgrid-batch', content, 'click, open', null],
    ['hubspot-v2', content, 'contact.creation', null],
    ['discord-event', content, 'APPLICATION_AUTHORIZED', ''],
    ['mailgun-delivered', 'Ase7i2zsRYeDXztHGENqRA', 'failed.permanent', null],
    ['mailgun-legacy-form', 'c8ed1c1ea1a3d2c0a0dd1e1c0e3aa4dd6f7d3d0a1b2c3d4e5f', 'opened', null],
    ['paypal-sale', 'WH-9UG43882HX7271132-6E0871324L7949614', 'PAYMENT.SALE.COMPLETED', null],
    ['monday-plain-token', 'b5ed2e17c530f43668de130142445cba', 'update_column_value', null],
    ['contentful-publish', content, 'ContentManagement.Entry.publish', null],
    ['netlify-deploy', content, 'deploy_created', null],
    ['sns-sha1', '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324', 'Bounce', null],
    ['sns-sha256', '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324', 'Notification', null],
    ['azure-blob', content, 'Microsoft.Storage.BlobCreated', null],
    ['azure-cloud-event', content, 'order.paid', null],
    ['pubsub-push', 'projects/shop/subscriptions/relay.2070443601311540', 'order.paid', null],
    ['salesforce-accounts', content, 'sf:Account', expect.stringContaining('<Ack>true</Ack>')],
    ['jira-connect-header', 'whk-jira-connect-header', 'jira:issue_created', null],
    ['mandrill-open', content, 'open', null],
    ['braintree-canceled', content, 'subscription_canceled', null],
    ['adyen-two', content, 'AUTHORISATION', '[accepted]'],
  ])('%s', (id, key, type, answer) => {
    expect(identify(id)).toEqual({ key, type, answer });
  });
});

describe('an id over tries', () => {
  it('of HubSpot stays though the number of the try grows, and changes with any event', () => {
    const events = (attempt: number, id = 1, more = '') =>
      `[{"eventId":${id},"subscriptionId":2,"occurredAt":3,"objectId":4,"attemptNumber":${attempt}}${more}]`;
    const key = (body: string) => identify('hubspot-v2', { body }).key;
    expect(key(events(1))).toBe(key(events(0)));
    expect(key(events(0, 2))).not.toBe(key(events(0)));
    expect(key(events(0, 1, ',{"eventId":9}'))).not.toBe(key(events(0)));
  });

  it('of a batch is none when one of its elements has none, or it is too long to be seen whole', () => {
    const key = (body: string) => identify('sendgrid-batch', { body }).key;
    expect(key('[{"sg_event_id":"a"},{"event":"open"}]')).toBeNull();
    expect(key('[]')).toBeNull();
    const long = (count: number) =>
      JSON.stringify(Array.from({ length: count }, (_, at) => ({ sg_event_id: `${at}` })));
    expect(key(long(999))).toEqual(content);
    expect(key(long(1_000))).toBeNull();
  });

  it('of a batch tells which element has which', () => {
    const key = (body: string) => identify('azure-blob', { body }).key;
    const keys = [
      '[{"id":"a","topic":"b"}]',
      '[{"id":"a","source":"b"}]',
      '[{"id":"a"},{"id":"b"}]',
      '[{"id":"b"},{"id":"a"}]',
    ];
    expect(new Set(keys.map(key)).size).toBe(keys.length);
  });

  it('of Twilio is its token where there is one; a call in one state again is another webhook', () => {
    expect(identify('twilio-incoming', { headers: { 'i-twilio-idempotency-token': 't1' } }).key).toBe('t1');
    const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' } };
    expect(identify('twilio-json', { ...form, body: 'CallSid=CA1&CallStatus=in-progress&Digits=1' }).key).toBeNull();
    const numbered = 'CallSid=CA1&CallStatus=completed&SequenceNumber=3';
    expect(identify('twilio-json', { ...form, body: numbered }).key).toBe('CA1.completed.3');
  });

  it('of Adyen is another when the same payment is told again later', () => {
    const body = (time: string) =>
      `{"notificationItems":[{"NotificationRequestItem":{"pspReference":"p","eventCode":"A","success":"true","eventDate":"${time}"}}]}`;
    const key = (time: string) => identify('adyen-two', { body: body(time) }).key;
    expect(key('2023-11-14')).toBe(key('2023-11-14'));
    expect(key('2023-11-15')).not.toBe(key('2023-11-14'));
  });

  it('of Netlify and Contentful is another for another kind of event with the same body', () => {
    const kinds = ['deploy_created', 'deploy_building'].map(
      (kind) => identify('netlify-deploy', { headers: { 'x-netlify-event': kind } }).key,
    );
    const topics = ['publish', 'save'].map(
      (topic) => identify('contentful-publish', { headers: { 'x-contentful-topic': topic } }).key,
    );
    expect(new Set([...kinds, ...topics]).size).toBe(4);
  });
});

describe('the type of an SNS message', () => {
  const typeOf = (message: string) =>
    identify('sns-sha1', { body: JSON.stringify({ Type: 'Notification', Message: message }) }).type;

  it.each([
    ['{"notificationType":"Bounce"}', 'Bounce'],
    ['{"detail-type":"EC2 Instance State-change"}', 'EC2 Instance State-change'],
    ['{"Records":[{"eventName":"ObjectCreated:Put"}]}', 'ObjectCreated:Put'],
    ['{"other":1}', 'Notification'],
    ['{"eventType":', 'Notification'],
    ['{"eventType":{"a":1}}', 'Notification'],
    ['[{"eventType":"x"}]', 'Notification'],
    [`{"eventType":"x","more":"${'x'.repeat(262_144)}"}`, 'Notification'],
  ])('with %.60s is %s', (message, type) => {
    expect(typeOf(message)).toBe(type);
  });
});
