/** WhatsApp Business: Meta's webhooks, with messages and their states inside each change. */
import { metaWebhook } from '../meta-handshake.ts';
import type { Provider } from '../provider.ts';

export const provider: Provider = {
  ...metaWebhook,
  name: 'whatsapp',
  label: 'WhatsApp Business (Meta)',
  confidence: 'unconfirmed',
  docs: 'https://developers.facebook.com/docs/whatsapp/cloud-api/guides/set-up-webhooks',
  register: 'App Dashboard → WhatsApp → Configuration → Webhook → Callback URL.',
  // One alternative for messages, one for their states: both have ids that stay.
  deliveryId: [
    [{ body: 'entry.0.changes.0.value.messages.0.id' }, { content: true }],
    [{ body: 'entry.0.changes.0.value.statuses.0.id' }, { content: true }],
  ],
  eventType: [[{ item: 'field' }], [{ body: 'object' }]],
  eventTime: { at: 'entry.changes.value.(messages | statuses).timestamp', form: 's, as text' },
};
