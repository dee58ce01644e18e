/**
 * Mailchimp (Marketing) signs nothing: the key is in the path. It asks by GET whether the URL is there. Its forms tell whom and
 * when, so that equal content is the same webhook.
 */

import { emptyAnswer } from '../answers.ts';
import type { Provider } from '../provider.ts';

export const provider: Provider = {
  name: 'mailchimp',
  label: 'Mailchimp',
  confidence: 'unconfirmed',
  docs: 'https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/',
  secret: 'A long random text of your own: it is the end of the URL, `/hooks/SOURCE/SECRET`.',
  register: 'Audience → Settings → Webhooks → Create New Webhook → Callback URL.',
  proof: { kind: 'path_key' },
  deliveryId: [[{ body: 'fired_at' }, { content: true }]],
  eventType: [[{ body: 'type' }]],
  eventTime: { at: 'fired_at', form: 'Y-m-d H:i:s, UTC' },
  handshakeMethods: ['GET'],
  handshakes: 'GET, answered 200',
  handshakeUnsigned: ({ method }) => (method === 'GET' ? emptyAnswer() : null),
};
