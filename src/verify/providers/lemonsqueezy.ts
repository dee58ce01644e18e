/** Lemon Squeezy sends the object as it is, when it last changed, and the name of the event: all of it is the id. */
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

export const provider: Provider = {
  name: 'lemonsqueezy',
  label: 'Lemon Squeezy',
  confidence: 'documented',
  docs: 'https://docs.lemonsqueezy.com/help/webhooks/signing-requests',
  secret: 'The Signing secret you entered with the webhook.',
  register: 'Settings → Webhooks → + → Callback URL.',
  proof: { kind: 'signature', schemes: [bodySignature('x-signature')] },
  deliveryId: [[{ body: 'meta.event_name' }, { body: 'data.attributes.updated_at' }, { content: true }]],
  eventType: [[{ body: 'meta.event_name' }], [{ header: 'x-event-name' }]],
  eventTime: { at: 'data.attributes.updated_at', form: 'ISO 8601' },
};
