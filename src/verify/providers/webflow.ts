/**
 * Webflow signs time and body. An id in the payload is that of a form's submission or of an item, and an item changes
 * often: but for submissions, a webhook is the same when it says the same at the same millisecond.
 */
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

export const provider: Provider = {
  name: 'webflow',
  label: 'Webflow',
  confidence: 'documented',
  docs: 'https://developers.webflow.com/data/changelog/webhook-signatures',
  secret:
    "The Client secret of the OAuth app that made the webhook, or the webhook's own secret key. A webhook that shows none is not signed.",
  register: 'The `url` of POST /sites/{site_id}/webhooks, or Site settings → Apps & integrations → Webhooks.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'plain', header: 'x-webflow-signature' },
        digests: [{ algorithm: 'sha256', encoding: 'hex', key: utf8Key }],
        timestamp: { header: 'x-webflow-timestamp', unit: 'ms' },
        message: [{ timestamp: true }, { literal: ':' }, { body: true }],
      },
    ],
  },
  deliveryId: [
    [{ body: 'payload.submittedAt' }, { content: true }],
    [{ content: true }, { header: 'x-webflow-timestamp' }],
  ],
  eventType: [[{ body: 'triggerType' }]],
  eventTime: { at: '$headers.`x-webflow-timestamp`', form: 'ms, as text: when it was sent' },
};
