/**
 * Chargebee signs nothing, and sends an event again for more than two days under the same id.
 */
import type { Provider } from '../provider.ts';

export const provider: Provider = {
  name: 'chargebee',
  label: 'Chargebee',
  confidence: 'documented',
  docs: 'https://www.chargebee.com/docs/billing/2.0/site-configuration/webhook_settings',
  secret: '`user:password` of the Basic authentication you set for the webhook.',
  register: 'Settings → Configure Chargebee → Webhooks → Add Webhook → Webhook URL, with basic authentication.',
  proof: { kind: 'basic' },
  deliveryId: [[{ body: 'id' }]],
  eventType: [[{ body: 'event_type' }]],
  eventTime: { at: 'occurred_at', form: 's' },
};
