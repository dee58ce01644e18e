/** GoCardless: up to 250 events at once, and an id of the whole. */
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

export const provider: Provider = {
  name: 'gocardless',
  label: 'GoCardless',
  confidence: 'vendor-sdk',
  docs: 'https://developer.gocardless.com/api-reference/#webhooks-signing-webhooks',
  secret: 'The Secret of the webhook endpoint.',
  register: 'Developers → Create → Webhook endpoint → URL.',
  proof: { kind: 'signature', schemes: [bodySignature('webhook-signature')] },
  batch: 'events',
  deliveryId: [[{ body: 'meta.webhook_id' }], [{ body: 'events.0.id' }, { content: true }]],
  eventType: [[{ item: 'resource_type' }, { item: 'action' }]],
  eventTime: { at: 'events.created_at', form: 'ISO 8601' },
};
