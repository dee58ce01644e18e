/** Buildkite, with the signature chosen instead of the plain token. Nothing identifies a webhook. */
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

export const provider: Provider = {
  name: 'buildkite',
  label: 'Buildkite',
  confidence: 'documented',
  docs: 'https://buildkite.com/docs/apis/webhooks/pipelines#webhook-signature',
  secret: 'The Token of the webhook.',
  register:
    'Settings → Notification Services → Add → Webhook → Webhook URL; under Token choose “Send an HMAC signature in the X-Buildkite-Signature header”.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'fields', header: 'x-buildkite-signature', separator: ',' },
        digests: [{ algorithm: 'sha256', encoding: 'hex', key: utf8Key, tag: 'signature' }],
        timestamp: { field: 'timestamp', unit: 's' },
        message: [{ timestamp: true }, { literal: '.' }, { body: true }],
      },
    ],
  },
  deliveryId: [],
  eventType: [[{ header: 'x-buildkite-event' }], [{ body: 'event' }]],
  eventTime: null,
};
