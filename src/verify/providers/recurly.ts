/**
 * Recurly, JSON webhooks (it does not sign XML): the time in ms, then one signature for each key. `id` is the object's:
 * a webhook is known by what it says, and when.
 */
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

export const provider: Provider = {
  name: 'recurly',
  label: 'Recurly',
  confidence: 'vendor-sdk',
  docs: 'https://docs.recurly.com/recurly-subscriptions/docs/signature-verification',
  secret: 'The secret key of the endpoint (Integrations → Webhooks).',
  register: 'Integrations → Webhooks → Configure → New Endpoint → Endpoint URL; payload format JSON.',
  rotation: 'While two keys are active Recurly signs with both: either one is enough.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'time_first', header: 'recurly-signature' },
        digests: [{ algorithm: 'sha256', encoding: 'hex', key: utf8Key }],
        timestamp: { field: 'time', unit: 'ms' },
        message: [{ timestamp: true }, { literal: '.' }, { body: true }],
      },
    ],
  },
  deliveryId: [[{ body: 'event_time' }, { content: true }]],
  eventType: [[{ body: 'object_type' }, { body: 'event_type' }]],
  eventTime: { at: 'event_time', form: 'ISO 8601' },
};
