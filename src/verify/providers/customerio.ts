/** Customer.io reporting webhooks, signed as Slack signs but for the prefix. */
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

export const provider: Provider = {
  name: 'customerio',
  label: 'Customer.io',
  confidence: 'documented',
  docs: 'https://docs.customer.io/integrations/api/webhooks/',
  secret: 'The Webhook Signing Key of the reporting webhook.',
  register: 'Data & Integrations → Integrations → Reporting Webhooks → Add Reporting Webhook → Webhook endpoint.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'plain', header: 'x-cio-signature' },
        digests: [{ algorithm: 'sha256', encoding: 'hex', key: utf8Key }],
        timestamp: { header: 'x-cio-timestamp', unit: 's' },
        message: [{ literal: 'v0:' }, { timestamp: true }, { literal: ':' }, { body: true }],
      },
    ],
  },
  deliveryId: [[{ body: 'event_id' }]],
  eventType: [[{ body: 'object_type' }, { body: 'metric' }]],
  eventTime: { at: 'timestamp', form: 's' },
};
