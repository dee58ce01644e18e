/** Providers that sign with keys of their own: PayPal and SNS with certificates, Google with a key set, SendGrid, Discord. */
import { Buffer } from 'node:buffer';
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { makeCertificate } from '../certificate.ts';
import { made, type Signers } from '../signed-vector.ts';

const now = 1_700_000_000;
const json = { 'content-type': 'application/json' };
const year = 365 * 86_400_000;
const fresh = (commonName: string) => makeCertificate(commonName, now * 1000 - year, now * 1000 + 20 * year);

/** https://en.wikipedia.org/wiki/Cyclic_redundancy_check, bit by bit: the sender's side, without zlib. */
function crcOf(text: string): number {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function paypal(id: string, host: string) {
  const { pem, privateKey } = fresh('messageverificationcerts.paypal.com');
  const url = `https://${host}/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77`;
  const body =
    '{"id":"WH-9UG43882HX7271132-6E0871324L7949614","create_time":"2023-11-14T22:13:19Z",' +
    '"event_type":"PAYMENT.SALE.COMPLETED","resource":{"amount":{"total":"21.00","currency":"USD"}}}';
  const transmission = 'd938e770-8046-11e6-8103-6b62a8a99ac4';
  const signed = `${transmission}|2023-11-14T22:13:20Z|9XL90610J3647323C|${crcOf(body)}`;
  return made(id, {
    random: true,
    source: { webhook_id: '9XL90610J3647323C' },
    now,
    remote: { [url]: pem },
    headers: {
      ...json,
      'paypal-auth-algo': 'SHA256withRSA',
      'paypal-cert-url': url,
      'paypal-transmission-id': transmission,
      'paypal-transmission-time': '2023-11-14T22:13:20Z',
      'paypal-transmission-sig': sign('sha256', Buffer.from(signed), privateKey).toString('base64'),
    },
    signed_headers: ['paypal-transmission-id', 'paypal-transmission-time', 'paypal-auth-algo'],
    body,
  });
}

const topic = 'arn:aws:sns:eu-west-1:123456789012:orders';
const confirm = `https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${topic}&Token=2336412f37fb687f`;

function sns(
  id: string,
  version: '1' | '2',
  fields: Record<string, string>,
  more: Parameters<typeof made>[1] | object,
) {
  const { pem, privateKey } = fresh('sns.amazonaws.com');
  const url = `https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-${id}.pem`;
  const message: Record<string, string> = {
    MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
    TopicArn: topic,
    Timestamp: '2023-11-14T22:13:20.000Z',
    ...fields,
  };
  // By name, as the documentation lists them.
  const text = Object.keys(message)
    .sort()
    .map((name) => `${name}\n${message[name]}\n`)
    .join('');
  const signature = sign(version === '1' ? 'sha1' : 'sha256', Buffer.from(text), privateKey).toString('base64');
  const body = JSON.stringify({ ...message, SignatureVersion: version, Signature: signature, SigningCertURL: url });
  return made(id, {
    random: true,
    source: { topic_arn: ['arn:aws:sns:eu-west-1:123456789012:others', topic] },
    now,
    remote: { [url]: pem },
    headers: { 'content-type': 'text/plain; charset=UTF-8', 'x-amz-sns-message-type': `${fields.Type}` },
    body,
    body_unsigned: true,
    ...more,
  });
}

async function pubsub(id: string, valid: boolean, claims: Record<string, unknown>) {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: `key-of-${id}`, alg: 'RS256', use: 'sig' };
  const token = await new SignJWT({ email: 'push@shop.iam.gserviceaccount.com', email_verified: true, ...claims })
    .setProtectedHeader({ alg: 'RS256', kid: jwk.kid, typ: 'JWT' })
    .setIssuer('https://accounts.google.com')
    .setAudience('https://relay.example.com/hooks/pubsub')
    .setIssuedAt(now)
    .setExpirationTime(now + 3600)
    .sign(privateKey);
  const message = { data: 'eyJ0b3RhbCI6MX0=', messageId: '2070443601311540', attributes: { eventType: 'order.paid' } };
  return {
    jwk,
    vector: made(id, {
      from: 'jose (npm) SignJWT',
      random: true,
      valid,
      source: {
        audience: 'https://relay.example.com/hooks/pubsub',
        service_account: 'push@shop.iam.gserviceaccount.com',
      },
      now,
      headers: { ...json, authorization: `Bearer ${token}` },
      body: JSON.stringify({ message, subscription: 'projects/shop/subscriptions/relay' }),
      body_unsigned: true,
    }),
  };
}

/** Ed25519 from a seed (RFC 8410): the same key each time. */
const seed = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 9)]);
const discordKey = createPrivateKey({ key: seed, format: 'der', type: 'pkcs8' });
const discordPublic = createPublicKey(discordKey).export({ type: 'spki', format: 'der' }).subarray(12).toString('hex');

function discord(id: string, body: string, more: object = {}) {
  const signature = sign(null, Buffer.from(`${now}${body}`), discordKey).toString('hex');
  const headers = { ...json, 'x-signature-timestamp': `${now}`, 'x-signature-ed25519': signature };
  const signed = ['x-signature-timestamp'];
  return made(id, { secret: discordPublic, now, headers, signed_headers: signed, body, ...more });
}

function sendgrid() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = (key: typeof publicKey) => key.export({ type: 'spki', format: 'der' }).toString('base64');
  const body =
    '[{"event":"open","sg_event_id":"b3Blbi0x","timestamp":1699999990},\r\n' +
    '{"event":"click","sg_event_id":"Y2xpY2stMQ","timestamp":1699999995}]\r\n';
  return made('sendgrid-batch', {
    random: true,
    secret: spki(publicKey),
    other_secret: spki(other.publicKey),
    now,
    headers: {
      ...json,
      'x-twilio-email-event-webhook-timestamp': `${now}`,
      'x-twilio-email-event-webhook-signature': sign('sha256', Buffer.from(now + body), privateKey).toString('base64'),
    },
    signed_headers: ['x-twilio-email-event-webhook-timestamp'],
    body,
    turned: true,
  });
}

export const signers: Signers = {
  paypal: () => [paypal('paypal-sale', 'api.paypal.com'), paypal('paypal-sandbox', 'api.sandbox.paypal.com')],
  'aws-sns': () => [
    sns(
      'sns-sha1',
      '1',
      { Type: 'Notification', Message: '{"eventType":"Bounce","n":"Zoë"}', Subject: 'S' },
      { turned: true },
    ),
    sns('sns-sha256', '2', { Type: 'Notification', Message: 'plain text\nof two lines' }, { turned: true }),
    sns(
      'sns-confirmation',
      '2',
      {
        Type: 'SubscriptionConfirmation',
        Message: 'You have chosen',
        Token: '2336412f37fb687f',
        SubscribeURL: confirm,
      },
      { handshake: true, status: 200, answer: '' },
    ),
    sns(
      'sns-unsubscribed',
      '1',
      { Type: 'UnsubscribeConfirmation', Message: 'You have ended', Token: '2336412f37fb687f', SubscribeURL: confirm },
      { handshake: true, status: 200, answer: '' },
    ),
  ],
  'google-pubsub': async () => {
    const all = await Promise.all([
      pubsub('pubsub-push', true, {}),
      pubsub('pubsub-stranger', false, { email: 'mallory@example.com' }),
      pubsub('pubsub-unproven-email', false, { email_verified: false }),
    ]);
    const remote = {
      'https://www.googleapis.com/oauth2/v3/certs': JSON.stringify({ keys: all.map(({ jwk }) => jwk) }),
    };
    return all.map(({ vector }) => ({ ...vector, remote }));
  },
  discord: () => [
    discord(
      'discord-event',
      '{"version":1,"application_id":"1","type":1,"event":{"type":"APPLICATION_AUTHORIZED","timestamp":"2023-11-14T22:13:20.063834","data":{}}}',
      { status: 204, answer: '' },
    ),
    discord('discord-interaction-ping', '{"id":"1","application_id":"1","type":1,"version":1}', {
      handshake: true,
      status: 200,
      answer: '{"type":1}',
    }),
  ],
  sendgrid: () => [sendgrid()],
};
