/**
 * Linear. The signed time stands in the body and is that of the event, not of the attempt: the last retry comes six
 * hours later, so the window is a day.
 */
import type { Provider } from '../provider.ts';
import { bodyAlone, utf8Key } from '../scheme.ts';

export const provider: Provider = {
  name: 'linear',
  label: 'Linear',
  confidence: 'vendor-sdk',
  docs: 'https://linear.app/developers/webhooks#securing-webhooks',
  secret: 'The Signing secret of the webhook (Settings → API → Webhooks → the webhook).',
  register: 'Settings → API → Webhooks → New webhook → URL.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'plain', header: 'linear-signature' },
        digests: [{ algorithm: 'sha256', encoding: 'hex', key: utf8Key }],
        timestamp: { path: 'webhookTimestamp', unit: 'ms', toleranceMs: 86_400_000 },
        message: bodyAlone,
      },
    ],
  },
  deliveryId: [[{ header: 'linear-delivery' }]],
  eventType: [[{ body: 'type' }, { body: 'action', optional: true }]],
  eventTime: { at: 'createdAt', form: 'ISO 8601' },
};
