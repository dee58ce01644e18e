/** Square signs the notification URL before the body. */
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

export const provider: Provider = {
  name: 'square',
  label: 'Square',
  confidence: 'documented',
  docs: 'https://developer.squareup.com/docs/webhooks/step3validate',
  secret: 'The Signature Key of the webhook subscription (Developer Console → the app → Webhooks → Subscriptions).',
  register:
    'Developer Console → the app → Webhooks → Subscriptions → Add subscription → URL; it must equal `url` in source.yaml to the letter.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'plain', header: 'x-square-hmacsha256-signature' },
        digests: [{ algorithm: 'sha256', encoding: 'base64', key: utf8Key }],
        timestamp: null,
        message: [{ url: true }, { body: true }],
      },
    ],
  },
  deliveryId: [[{ body: 'event_id' }]],
  eventType: [[{ body: 'type' }]],
  eventTime: { at: 'created_at', form: 'ISO 8601' },
};
