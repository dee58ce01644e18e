/** QuickBooks Online: a list of CloudEvents, or the form before it, `eventNotifications` with entities. */
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

const entities = 'eventNotifications.dataChangeEvent.entities';

export const provider: Provider = {
  name: 'quickbooks',
  label: 'QuickBooks Online',
  confidence: 'documented',
  docs: 'https://developer.intuit.com/app/developer/qbo/docs/develop/webhooks',
  secret: 'The Verifier token (the app → Webhooks → Show token); there is one for development and one for production.',
  register: 'Developer portal → the app → Webhooks → Endpoint URL.',
  proof: { kind: 'signature', schemes: [bodySignature('intuit-signature', { encoding: 'base64' })] },
  batch: '',
  deliveryId: [
    [{ body: '0.id' }, { content: true }],
    [{ body: 'eventNotifications.0.dataChangeEvent.entities.0.lastUpdated' }, { content: true }],
  ],
  eventType: [
    [{ item: 'type' }],
    [
      { item: 'name', of: entities },
      { item: 'operation', of: entities },
    ],
  ],
  eventTime: { at: 'time', form: 'ISO 8601 (the older form: entities.lastUpdated)' },
};
