/**
 * Dropbox says whose files changed and nothing more: no id, no time, so that equal webhooks are no repetitions.
 */

import { echoAnswer } from '../answers.ts';
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

export const provider: Provider = {
  name: 'dropbox',
  label: 'Dropbox',
  confidence: 'unconfirmed',
  docs: 'https://www.dropbox.com/developers/reference/webhooks',
  secret: 'The App secret (App Console → the app → Settings).',
  register: 'App Console → the app → Settings → Webhooks → Webhook URIs.',
  proof: { kind: 'signature', schemes: [bodySignature('x-dropbox-signature')] },
  deliveryId: [],
  eventType: [],
  eventTime: null,
  handshakeMethods: ['GET'],
  handshakes: 'GET with `challenge`, echoed as plain text',
  handshakeUnsigned: ({ method, query }) => (method === 'GET' ? echoAnswer(query.challenge) : null),
};
