/** Intercom, by SHA-1. The first one is a `ping`, an ordinary webhook. */
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

export const provider: Provider = {
  name: 'intercom',
  label: 'Intercom',
  confidence: 'unconfirmed',
  docs: 'https://developers.intercom.com/docs/webhooks/setting-up-webhooks',
  secret: 'The Client secret of the app (Developer Hub → the app → Basic information).',
  register: 'Developer Hub → the app → Webhooks → Endpoint URL.',
  proof: { kind: 'signature', schemes: [bodySignature('x-hub-signature', { algorithm: 'sha1', prefix: 'sha1=' })] },
  deliveryId: [[{ body: 'id' }]],
  eventType: [[{ body: 'topic' }]],
  eventTime: { at: 'created_at', form: 's' },
};
