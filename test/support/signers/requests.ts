/** Providers that sign URLs, forms, canonical requests or single items of a body; the texts they sign written out by hand. */
import { createHash, createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { made, type Signers } from '../signed-vector.ts';

const now = 1_700_000_000;
const json = { 'content-type': 'application/json' };
const form = { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' };
type Algorithm = 'sha1' | 'sha256';
const hmac = (algorithm: Algorithm, key: string | Buffer, text: string, encoding: 'hex' | 'base64') =>
  createHmac(algorithm, key).update(text).digest(encoding);
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const smsUrl = 'https://relay.example.com/hooks/sms';
const twilio = (id: string, signed: string, more: Omit<Parameters<typeof made>[1], 'secret'>) =>
  made(id, {
    secret: 'auth-token',
    url: smsUrl,
    ...more,
    headers: { ...more.headers, 'x-twilio-signature': hmac('sha1', 'auth-token', signed, 'base64') },
  });
const smsJson = '{"eventType":"onMessageAdded"}';
const sms = { headers: form, body: 'MessageSid=SM1&SmsStatus=received&Body=Zo%C3%AB+%26+%F0%9F%8E%88&NumMedia=0' };
const smsSigned = 'BodyZoë & 🎈MessageSidSM1NumMedia0SmsStatusreceived';
const twiml = '<?xml version="1.0" encoding="UTF-8"?><Response/>';

const hubUrl = 'https://relay.example.com/hooks/hubspot';
const hubBody =
  '[{"eventId":1,"subscriptionId":2,"occurredAt":1699999999000,"subscriptionType":"contact.creation","objectId":3,"attemptNumber":0}]';
function hubspot(id: string, query: string, signedQuery: string, more: object = {}) {
  const text = `POST${hubUrl}${signedQuery}${hubBody}${now}000`;
  return made(id, {
    secret: 'client-secret',
    url: hubUrl,
    query,
    now,
    headers: {
      ...json,
      'x-hubspot-request-timestamp': `${now}000`,
      'x-hubspot-signature-v3': hmac('sha256', 'client-secret', text, 'base64'),
    },
    signed_headers: ['x-hubspot-request-timestamp'],
    body: hubBody,
    ...more,
  });
}
const olderHub = (id: string, version: 'v1' | 'v2', signed: string, more: object = {}) =>
  made(id, {
    secret: 'client-secret',
    url: hubUrl,
    headers: {
      ...json,
      'x-hubspot-signature-version': version,
      'x-hubspot-signature': sha256(signed),
    },
    body: hubBody,
    untimed: true,
    turned: true,
    ...more,
  });

const contentfulBody =
  '{"sys":{"type":"Entry","id":"e1","revision":3,"updatedAt":"2023-11-14T22:13:19.000Z"},"fields":{"title":{"de":"Zoë"}}}';
/** `path`: as it is signed. */
function contentful(id: string, path: string, query?: string) {
  const secret = 'Aa1+/=_-'.repeat(8);
  const names = 'x-contentful-signed-headers,x-contentful-timestamp,x-contentful-topic';
  const topic = 'ContentManagement.Entry.publish';
  const values = `x-contentful-signed-headers:${names};x-contentful-timestamp:${now}000;x-contentful-topic:${topic}`;
  return made(id, {
    secret,
    url: 'https://relay.example.com/hooks/contentful',
    ...(query === undefined ? {} : { query }),
    now,
    headers: {
      'content-type': 'application/vnd.contentful.management.v1+json',
      'x-contentful-topic': topic,
      'x-contentful-timestamp': `${now}000`,
      'x-contentful-signed-headers': names,
      'x-contentful-signature': hmac('sha256', secret, `POST\n${path}\n${values}\n${contentfulBody}`, 'hex'),
    },
    signed_headers: ['x-contentful-topic', 'x-contentful-timestamp', 'x-contentful-signed-headers'],
    body: contentfulBody,
    turned: true,
  });
}

const mandrillUrl = 'https://relay.example.com/hooks/mandrill';
function mandrill(id: string, events: string, more: Partial<Parameters<typeof made>[1]> & { key?: string } = {}) {
  const { key = 'mandrill-key', ...rest } = more;
  const signature = hmac('sha1', key, `${mandrillUrl}mandrill_events${events}`, 'base64');
  return made(id, {
    secret: 'mandrill-key',
    url: mandrillUrl,
    headers: { ...form, 'x-mandrill-signature': signature },
    body: `mandrill_events=${encodeURIComponent(events)}`,
    ...rest,
  });
}
const sent = '[{"event":"open","_id":"exampleaaaaaaaaa","ts":1699999999,"msg":{"email":"zoë@example.com"}}]';

const token = 'c8ed1c1ea1a3d2c0a0dd1e1c0e3aa4dd6f7d3d0a1b2c3d4e5f';
const mailgunSignature = hmac('sha256', 'mailgun-key', `${now}${token}`, 'hex');
const mailgun = { secret: 'mailgun-key', now, body_unsigned: true, turned: true } as const;
const mailgunSigned = [`${now}`, token, mailgunSignature];

const adyenKey = 'AB'.repeat(32);
function adyenItem(reference: string, key: string, amount: number | null = 1130) {
  const item = {
    pspReference: reference,
    merchantAccountCode: 'Shop:EU',
    merchantReference: 'order\\7:a',
    ...(amount === null ? {} : { amount: { currency: 'EUR', value: amount } }),
    eventCode: 'AUTHORISATION',
    eventDate: '2023-11-14T23:13:20+01:00',
    success: 'true',
  };
  const money = amount === null ? ':' : `${amount}:EUR`;
  const text = `${reference}::Shop:EU:order\\7:a:${money}:AUTHORISATION:true`;
  const hmacSignature = hmac('sha256', Buffer.from(key, 'hex'), text, 'base64');
  return { NotificationRequestItem: { ...item, additionalData: { hmacSignature } } };
}
const adyen = (id: string, items: readonly ReturnType<typeof adyenItem>[], more: object = {}) =>
  made(id, {
    secret: adyenKey,
    headers: json,
    body: JSON.stringify({ live: 'false', notificationItems: items }),
    body_unsigned: true,
    status: 200,
    answer: '[accepted]',
    ...more,
  });
const signaturesOf = (items: readonly ReturnType<typeof adyenItem>[]) =>
  items.map((item) => item.NotificationRequestItem.additionalData.hmacSignature);
const two = [adyenItem('psp-1', adyenKey), adyenItem('psp-2', adyenKey, null)];

/** Braintree's own package makes forms as Braintree sends them; it has no types. */
function braintree() {
  const { BraintreeGateway, Environment } = createRequire(import.meta.url)('braintree');
  const keys = { merchantId: 'merchant', publicKey: 'public_1', privateKey: 'private_1' };
  const gateway = new BraintreeGateway({ environment: Environment.Sandbox, ...keys });
  const fields: Record<string, string> = gateway.webhookTesting.sampleNotification('subscription_canceled', 'sub_1');
  return made('braintree-canceled', {
    from: 'braintree (npm) webhookTesting.sampleNotification',
    random: true,
    secret: 'private_1',
    source: { public_key: 'public_1' },
    headers: form,
    body: new URLSearchParams(fields).toString(),
    turned: true,
  });
}

export const signers: Signers = {
  twilio: () => [
    twilio('twilio-incoming', smsUrl + smsSigned, { ...sms, status: 200, answer: twiml, turned: true }),
    twilio('twilio-with-port', `https://relay.example.com:443/hooks/sms${smsSigned}`, sms),
    twilio('twilio-json', `${smsUrl}?a=1&bodySHA256=${sha256(smsJson)}`, {
      query: `a=1&bodySHA256=${sha256(smsJson)}`,
      headers: json,
      body: smsJson,
      turned: true,
    }),
    twilio('twilio-get', `${smsUrl}?CallSid=CA1&CallStatus=ringing`, {
      method: 'GET',
      query: 'CallSid=CA1&CallStatus=ringing',
      headers: {},
      status: 200,
      answer: twiml,
    }),
    twilio('twilio-older-query', `${smsUrl}?to=%5Ba%5D%20b&x=`, { query: 'to=[a]+b&x', method: 'GET', headers: {} }),
    twilio('twilio-get-with-other-query', `${smsUrl}?CallSid=CA1`, {
      ...{ valid: false, method: 'GET', query: 'CallSid=CA2', headers: {} },
    }),
    // The signature of a GET is that of any body: a body that nothing binds is none of Twilio's.
    twilio('twilio-json-without-its-hash', smsUrl, { valid: false, headers: json, body: smsJson }),
    twilio('twilio-json-of-another-hash', `${smsUrl}?bodySHA256=${sha256('{}')}`, {
      ...{ valid: false, query: `bodySHA256=${sha256('{}')}`, headers: json, body: smsJson },
    }),
  ],
  hubspot: () => [
    hubspot('hubspot-v3-query', 'to=https%3A%2F%2Fa.example%2f%28b%29%20c%26', '?to=https://a.example/(b)%20c%26', {
      turned: true,
    }),
    olderHub('hubspot-v2', 'v2', `client-secretPOST${hubUrl}${hubBody}`),
    olderHub('hubspot-v1-get', 'v1', 'client-secret', { valid: false, method: 'GET', body: '' }),
    olderHub('hubspot-v1-beside-a-wrong-v3', 'v1', `client-secret${hubBody}`, {
      valid: false,
      now,
      headers: {
        ...json,
        'x-hubspot-signature-version': 'v1',
        'x-hubspot-signature': sha256(`client-secret${hubBody}`),
        'x-hubspot-request-timestamp': `${now}000`,
        'x-hubspot-signature-v3': hmac('sha256', 'another', 'x', 'base64'),
      },
    }),
  ],
  contentful: () => [
    contentful('contentful-publish', '/hooks/contentful'),
    contentful('contentful-query', '/hooks/contentful?a%253D1%2526b%253D%252520x', 'a=1&b=%20x'),
  ],
  mandrill: () => [
    mandrill('mandrill-open', sent),
    mandrill('mandrill-test', '[]', { key: 'test-webhook', handshake: true, status: 200, answer: '' }),
    mandrill('mandrill-events-with-the-test-key', sent, { key: 'test-webhook', valid: false }),
    made('mandrill-head', {
      ...{ secret: 'mandrill-key', url: mandrillUrl, method: 'HEAD', headers: {} },
      ...{ handshake: true, status: 200, answer: '' },
    }),
  ],
  mailgun: () => [
    made('mailgun-delivered', {
      ...mailgun,
      headers: json,
      signed_texts: mailgunSigned,
      body: JSON.stringify({
        signature: { timestamp: `${now}`, token, signature: mailgunSignature },
        'event-data': { id: 'Ase7i2zsRYeDXztHGENqRA', event: 'failed', severity: 'permanent', timestamp: now - 0.5 },
      }),
    }),
    made('mailgun-legacy-form', {
      ...mailgun,
      headers: form,
      signed_texts: mailgunSigned,
      body: new URLSearchParams({
        event: 'opened',
        timestamp: `${now}`,
        token,
        signature: mailgunSignature,
      }).toString(),
    }),
  ],
  adyen: () => [
    adyen('adyen-two', two, {
      signed_texts: ['psp-2', 'order\\\\7:a', 'EUR', 'AUTHORISATION', ...signaturesOf(two)],
      turned: true,
    }),
    adyen('adyen-bad-behind-good', [two[0] as never, adyenItem('psp-2', 'CD'.repeat(32))], { valid: false }),
    adyen(
      'adyen-unsigned-behind-good',
      [two[0] as never, { NotificationRequestItem: { pspReference: '1' } } as never],
      {
        valid: false,
      },
    ),
    adyen('adyen-none', [], { valid: false }),
  ],
  braintree: () => [braintree()],
};
