/** WorkOS: a blank after the comma, the time in ms, and the window of its own library, three minutes. */
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

export const provider: Provider = {
  name: 'workos',
  label: 'WorkOS',
  confidence: 'vendor-sdk',
  docs: 'https://workos.com/docs/events/data-syncing/webhooks',
  secret: 'The Signing secret of the endpoint (Dashboard → Webhooks → the endpoint).',
  register: 'Dashboard → Webhooks → Create webhook → Endpoint URL.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'fields', header: 'workos-signature', separator: ',', blanks: true },
        digests: [{ algorithm: 'sha256', encoding: 'hex', key: utf8Key, tag: 'v1' }],
        timestamp: { field: 't', unit: 'ms', toleranceMs: 180_000 },
        message: [{ timestamp: true }, { literal: '.' }, { body: true }],
      },
    ],
  },
  deliveryId: [[{ body: 'id' }]],
  eventType: [[{ body: 'event' }]],
  eventTime: { at: 'created_at', form: 'ISO 8601' },
};
