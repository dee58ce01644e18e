/** Calendly signs as Stripe does. The window is that of its own sample, three minutes. */
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

export const provider: Provider = {
  name: 'calendly',
  label: 'Calendly',
  confidence: 'unconfirmed',
  docs: 'https://developer.calendly.com/api-docs/overview/webhooks/webhook-signatures',
  secret: 'The `signing_key` you gave when creating the webhook subscription, or the one of the OAuth app.',
  register: 'The `url` of POST /webhook_subscriptions of the Calendly API.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'fields', header: 'calendly-webhook-signature', separator: ',' },
        digests: [{ algorithm: 'sha256', encoding: 'hex', key: utf8Key, tag: 'v1' }],
        timestamp: { field: 't', unit: 's', toleranceMs: 180_000 },
        message: [{ timestamp: true }, { literal: '.' }, { body: true }],
      },
    ],
  },
  // An invitee is created once and cancelled once: with the time of it, nothing else is the same.
  deliveryId: [[{ body: 'event' }, { body: 'created_at' }, { body: 'payload.uri' }]],
  eventType: [[{ body: 'event' }]],
  eventTime: { at: 'created_at', form: 'ISO 8601' },
};
