/**
 * RevenueCat shows the value of a header and signs nothing. It wants 200 within a minute.
 */
import type { Provider } from '../provider.ts';

export const provider: Provider = {
  name: 'revenuecat',
  label: 'RevenueCat',
  confidence: 'documented',
  docs: 'https://www.revenuecat.com/docs/integrations/webhooks',
  secret: 'The whole Authorization header value you entered with the webhook.',
  register: 'Project → Integrations → Webhooks → Webhook URL.',
  proof: { kind: 'token', header: 'authorization' },
  deliveryId: [[{ body: 'event.id' }]],
  eventType: [[{ body: 'event.type' }]],
  eventTime: { at: 'event.event_timestamp_ms', form: 'ms' },
};
