/** Typeform: base64 behind a prefix that looks like hex's. */
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

export const provider: Provider = {
  name: 'typeform',
  label: 'Typeform',
  confidence: 'unconfirmed',
  docs: 'https://www.typeform.com/developers/webhooks/secure-your-webhooks/',
  secret: 'The Secret of the webhook (the form → Connect → Webhooks → Edit).',
  register: 'The form → Connect → Webhooks → Add a webhook → Endpoint, then turn it on.',
  proof: {
    kind: 'signature',
    schemes: [bodySignature('typeform-signature', { encoding: 'base64', prefix: 'sha256=' })],
  },
  deliveryId: [[{ body: 'event_id' }]],
  eventType: [[{ body: 'event_type' }]],
  eventTime: { at: 'form_response.submitted_at', form: 'ISO 8601' },
};
