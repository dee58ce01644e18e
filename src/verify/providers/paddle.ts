/**
 * Paddle Billing: `ts=…;h1=…`, separated by semicolons, several `h1` while a key is replaced. Its own library allows
 * five seconds, which is too narrow behind a queue: ours is the usual window.
 */
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

export const provider: Provider = {
  name: 'paddle',
  label: 'Paddle Billing',
  confidence: 'vendor-sdk',
  docs: 'https://developer.paddle.com/webhooks/signature-verification',
  secret: 'The secret key of the notification destination, `pdl_ntfset_…`: the whole text is the key.',
  register: 'Developer tools → Notifications → New destination → URL, of the type webhook.',
  rotation: 'While two keys are active Paddle signs with both (several `h1`): either one is enough.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'fields', header: 'paddle-signature', separator: ';' },
        digests: [{ algorithm: 'sha256', encoding: 'hex', key: utf8Key, tag: 'h1' }],
        timestamp: { field: 'ts', unit: 's' },
        message: [{ timestamp: true }, { literal: ':' }, { body: true }],
      },
    ],
  },
  deliveryId: [[{ body: 'event_id' }]],
  eventType: [[{ body: 'event_type' }]],
  eventTime: { at: 'occurred_at', form: 'ISO 8601' },
};
