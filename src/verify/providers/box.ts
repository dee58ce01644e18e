/** Box signs with two keys at once, each in a header of its own: body, then time, nothing between. */
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

export const provider: Provider = {
  name: 'box',
  label: 'Box',
  confidence: 'vendor-sdk',
  docs: 'https://developer.box.com/guides/webhooks/v2/signatures-v2/',
  secret: 'The Primary Key, the Secondary Key, or both in `secrets` (Developer Console → the app → Webhooks).',
  register: 'Developer Console → the app → Webhooks → Create webhook → URL Address.',
  rotation: 'Box always signs with both keys: put both into `secrets`, then reset one after the other.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'headers', headers: ['box-signature-primary', 'box-signature-secondary'] },
        digests: [{ algorithm: 'sha256', encoding: 'base64', key: utf8Key }],
        timestamp: { header: 'box-delivery-timestamp', unit: 'rfc3339', toleranceMs: 600_000 },
        message: [{ body: true }, { timestamp: true }],
      },
    ],
  },
  deliveryId: [[{ header: 'box-delivery-id' }]],
  eventType: [[{ body: 'trigger' }]],
  eventTime: { at: 'created_at', form: 'ISO 8601' },
};
