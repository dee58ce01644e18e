/**
 * SendGrid's Event Webhook, signed with a key that only SendGrid has: what is pasted here is the public half. The signed
 * bytes end in a line break and hold some, so they are never re-made from what was parsed.
 */
import { generateKeyPairSync } from 'node:crypto';
import type { Provider } from '../provider.ts';

const family = 'x-twilio-email-event-webhook';

export const provider: Provider = {
  name: 'sendgrid',
  label: 'SendGrid',
  confidence: 'vendor-sdk',
  docs: 'https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features',
  secret: 'The Verification Key of the signed Event Webhook: a public key in base64, beginning with MFkw.',
  register: 'Settings → Mail Settings → Event Webhooks → Post URL, with Signature Verification switched on.',
  // A private key: whoever plays with the relay can then sign as well.
  sandboxSecret: () =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ type: 'pkcs8', format: 'der' })
      .toString('base64'),
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'plain', header: `${family}-signature` },
        digests: [{ algorithm: 'ecdsa-p256', encoding: 'base64', key: { encoding: 'base64' } }],
        timestamp: { header: `${family}-timestamp`, unit: 's' },
        message: [{ timestamp: true }, { body: true }],
      },
    ],
  },
  batch: '',
  deliveryId: [[{ each: ['sg_event_id'] }]],
  eventType: [[{ item: 'event' }]],
  eventTime: { at: 'timestamp', form: 's' },
};
