/**
 * Klaviyo system webhooks: body, then time, nothing between. Its page shows the time as an HTTP date, others write of
 * seconds; it is signed as it was sent, so either will do.
 */
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

export const provider: Provider = {
  name: 'klaviyo',
  label: 'Klaviyo',
  confidence: 'documented',
  docs: 'https://developers.klaviyo.com/en/docs/working_with_system_webhooks',
  secret: 'The `secret_key` you gave when creating the webhook.',
  register: 'The `endpoint_url` of POST /api/webhooks, or Integrations → Webhooks → Create webhook → Endpoint URL.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'plain', header: 'klaviyo-signature' },
        digests: [{ algorithm: 'sha256', encoding: 'hex', key: utf8Key }],
        timestamp: { header: 'klaviyo-timestamp', unit: 'any' },
        message: [{ body: true }, { timestamp: true }],
      },
    ],
  },
  batch: 'data',
  deliveryId: [[{ body: 'data.0.external_id' }, { content: true }]],
  eventType: [[{ item: 'topic' }]],
  eventTime: { at: 'meta.timestamp', form: 'ISO 8601' },
};
