/** PagerDuty, webhooks v3: one `v1` for each secret of the subscription; other versions are ignored. */
import type { Provider } from '../provider.ts';
import { bodyAlone, utf8Key } from '../scheme.ts';

export const provider: Provider = {
  name: 'pagerduty',
  label: 'PagerDuty',
  confidence: 'vendor-sdk',
  docs: 'https://docs.pagerduty.com/developer/verifying-webhook-signatures',
  secret: 'The secret that PagerDuty shows once, when the webhook subscription is created.',
  register: 'Integrations → Generic Webhooks (v3) → New Webhook → Webhook URL.',
  rotation: 'While a subscription has two secrets PagerDuty signs with both (several `v1`): either one is enough.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'fields', header: 'x-pagerduty-signature', separator: ',' },
        digests: [{ algorithm: 'sha256', encoding: 'hex', key: utf8Key, tag: 'v1' }],
        timestamp: null,
        message: bodyAlone,
      },
    ],
  },
  deliveryId: [[{ body: 'event.id' }]],
  eventType: [[{ body: 'event.event_type' }]],
  eventTime: { at: 'event.occurred_at', form: 'ISO 8601' },
};
