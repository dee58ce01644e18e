/** Stripe: `Stripe-Signature: t=…,v1=…`, several `v1` while a secret is being rolled; `v0` is a test scheme and ignored. */
import type { Provider } from '../provider.ts';

export const provider: Provider = {
  name: 'stripe',
  label: 'Stripe',
  confidence: 'vendor-sdk',
  docs: 'https://docs.stripe.com/webhooks#verify-manually',
  secret: 'The signing secret of the endpoint (Workbench → Webhooks), `whsec_…`: the whole text is the key.',
  register: 'Developers → Webhooks → Add destination → Webhook endpoint → Endpoint URL.',
  rotation: 'Stripe signs with both for up to 24 hours after “Roll secret”: put both into `secrets` before.',
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
  eventTime: { at: 'created', form: 's' },
};
