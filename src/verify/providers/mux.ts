/** Mux signs as Stripe does. Its body lists the attempts so far, so only the id says that it came before. */
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

export const provider: Provider = {
  name: 'mux',
  label: 'Mux',
  confidence: 'documented',
  docs: 'https://www.mux.com/docs/core/verify-webhook-signatures',
  secret: 'The Signing Secret of the webhook (Settings → Webhooks); each URL has its own.',
  register: 'Settings → Webhooks → Create new webhook → URL to notify.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'fields', header: 'mux-signature', separator: ',' },
        digests: [{ algorithm: 'sha256', encoding: 'hex', key: utf8Key, tag: 'v1' }],
        timestamp: { field: 't', unit: 's' },
        message: [{ timestamp: true }, { literal: '.' }, { body: true }],
      },
    ],
  },
  deliveryId: [[{ body: 'id' }]],
  eventType: [[{ body: 'type' }]],
  eventTime: { at: 'created_at', form: 'ISO 8601' },
};
