/** Stripe: `Stripe-Signature: t=…,v1=…`, several `v1` while a secret is being rolled; `v0` is a test scheme and ignored. */
import type { Provider } from '../provider.ts';

export const stripe: Provider = {
  name: 'stripe',
  label: 'Stripe',
  confidence: 'vendor-sdk',
  docs: 'https://docs.stripe.com/webhooks#verify-manually',
  secret: 'The signing secret of the endpoint (Workbench → Webhooks), `whsec_…`: the whole text is the key.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'fields', header: 'stripe-signature', separator: ',' },
        digests: [{ algorithm: 'sha256', encoding: 'hex', key: { encoding: 'utf8' }, tag: 'v1' }],
        timestamp: { field: 't', unit: 's' },
        message: [{ timestamp: true }, { literal: '.' }, { body: true }],
      },
    ],
  },
  deliveryId: [[{ body: 'id' }]],
  eventType: [[{ body: 'type' }]],
};
