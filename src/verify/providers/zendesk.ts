/**
 * Zendesk: the time, then the body, nothing between (an older page had it the other way round). Event webhooks have an
 * id; the body of the others is written by whoever made the trigger, where an `id` may be that of a ticket.
 */
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

export const provider: Provider = {
  name: 'zendesk',
  label: 'Zendesk',
  confidence: 'documented',
  docs: 'https://developer.zendesk.com/documentation/webhooks/verifying/',
  secret: 'The signing secret (Admin Center → Webhooks → the webhook → Reveal secret); it is not decoded.',
  register: 'Admin Center → Apps and integrations → Webhooks → Create webhook → Endpoint URL; method POST.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'plain', header: 'x-zendesk-webhook-signature' },
        digests: [{ algorithm: 'sha256', encoding: 'base64', key: utf8Key }],
        timestamp: { header: 'x-zendesk-webhook-signature-timestamp', unit: 'rfc3339' },
        message: [{ timestamp: true }, { body: true }],
      },
    ],
  },
  deliveryId: [[{ body: 'zendesk_event_version' }, { body: 'id' }], [{ header: 'x-zendesk-webhook-invocation-id' }]],
  eventType: [[{ body: 'type' }]],
  eventTime: { at: 'time', form: 'ISO 8601 (event webhooks)' },
};
