/**
 * Facebook pages, Instagram, lead ads and whatever else Meta's Graph API sends; WhatsApp has a name of its own.
 * A batch that is sent again may hold other entries: mappings give each entry an id.
 */
import { metaWebhook } from '../meta-handshake.ts';
import type { Provider } from '../provider.ts';

export const provider: Provider = {
  ...metaWebhook,
  name: 'meta',
  label: 'Meta (Facebook, Instagram)',
  confidence: 'unconfirmed',
  docs: 'https://developers.facebook.com/docs/graph-api/webhooks/getting-started#validate-payloads',
  register: 'App Dashboard → Webhooks → the object → Edit subscription → Callback URL.',
  // Each entry has its id and its time.
  deliveryId: [[{ body: 'entry.0.time' }, { content: true }]],
  eventType: [[{ item: 'field' }], [{ body: 'object' }]],
  eventTime: { at: 'entry.time', form: 's; ms for messages' },
};
