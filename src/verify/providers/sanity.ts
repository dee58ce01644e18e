/** Sanity: base64 for URLs without padding, the time in ms. The body is what the projection makes of the document. */
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

export const provider: Provider = {
  name: 'sanity',
  label: 'Sanity',
  confidence: 'vendor-sdk',
  docs: 'https://www.sanity.io/docs/webhooks',
  secret: 'The Secret of the webhook.',
  register: 'sanity.io/manage → the project → API → Webhooks → Create webhook → URL; method POST.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'fields', header: 'sanity-webhook-signature', separator: ',' },
        digests: [{ algorithm: 'sha256', encoding: 'base64url', key: utf8Key, tag: 'v1' }],
        timestamp: { field: 't', unit: 'ms' },
        message: [{ timestamp: true }, { literal: '.' }, { body: true }],
      },
    ],
  },
  deliveryId: [[{ header: 'idempotency-key' }]],
  eventType: [[{ header: 'sanity-operation' }]],
  // The time stands in the signature, which mappings do not see.
  eventTime: null,
};
