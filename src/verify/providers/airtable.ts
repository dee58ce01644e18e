/** Airtable only says that something changed, in which base; what it was has to be fetched. It wants an empty answer. */
import { emptyAnswer } from '../answers.ts';
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

export const provider: Provider = {
  name: 'airtable',
  label: 'Airtable',
  confidence: 'unconfirmed',
  docs: 'https://airtable.com/developers/web/api/webhooks-overview',
  secret: 'The `macSecretBase64` that POST /v0/bases/{baseId}/webhooks answered with; it is shown only then.',
  register: 'The `notificationUrl` of POST /v0/bases/{baseId}/webhooks.',
  rotation: 'Create the webhook again, with both secrets in `secrets` meanwhile.',
  proof: {
    kind: 'signature',
    schemes: [bodySignature('x-airtable-content-mac', { prefix: 'hmac-sha256=', key: { encoding: 'base64' } })],
  },
  deliveryId: [[{ body: 'timestamp' }, { content: true }]],
  eventType: [],
  eventTime: { at: 'timestamp', form: 'ISO 8601' },
  answer: emptyAnswer(),
};
