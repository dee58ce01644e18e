/** Segment's Webhooks destination, by SHA-1. */
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

export const provider: Provider = {
  name: 'segment',
  label: 'Segment',
  confidence: 'documented',
  docs: 'https://segment.com/docs/connections/destinations/catalog/webhooks/',
  secret: 'The Shared Secret of the Webhooks destination. Without one Segment signs nothing.',
  register: 'Connections → Destinations → Webhooks → Settings → Webhook URL.',
  proof: { kind: 'signature', schemes: [bodySignature('x-signature', { algorithm: 'sha1' })] },
  deliveryId: [[{ body: 'messageId' }]],
  eventType: [[{ body: 'type' }, { body: 'event', optional: true }]],
  eventTime: { at: 'timestamp', form: 'ISO 8601' },
};
