/** CircleCI: `v1=…`, later perhaps `v2=…` beside it; only the version we know counts. */
import type { Provider } from '../provider.ts';
import { bodyAlone, utf8Key } from '../scheme.ts';

export const provider: Provider = {
  name: 'circleci',
  label: 'CircleCI',
  confidence: 'documented',
  docs: 'https://circleci.com/docs/guides/integration/outbound-webhooks/#validate-webhooks',
  secret: 'The Secret token of the webhook.',
  register: 'Project Settings → Webhooks → Add Webhook → Receiver URL.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'fields', header: 'circleci-signature', separator: ',' },
        digests: [{ algorithm: 'sha256', encoding: 'hex', key: utf8Key, tag: 'v1' }],
        timestamp: null,
        message: bodyAlone,
      },
    ],
  },
  deliveryId: [[{ body: 'id' }]],
  eventType: [[{ body: 'type' }], [{ header: 'circleci-event-type' }]],
  eventTime: { at: 'happened_at', form: 'ISO 8601' },
};
