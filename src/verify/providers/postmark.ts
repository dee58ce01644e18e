/**
 * Postmark signs nothing. A message can be opened often: what, which message and when together are the id.
 */
import type { Provider } from '../provider.ts';

export const provider: Provider = {
  name: 'postmark',
  label: 'Postmark',
  confidence: 'unconfirmed',
  docs: 'https://postmarkapp.com/developer/webhooks/webhooks-overview#protecting-your-webhook',
  secret: '`user:password` of the Basic authentication you set for the webhook (or wrote into its URL).',
  register: 'Server → Message Stream → Webhooks → Add webhook → Webhook URL, with Basic auth.',
  proof: { kind: 'basic' },
  deliveryId: [
    ...['DeliveredAt', 'BouncedAt', 'ReceivedAt', 'ChangedAt'].map((time) => [
      { body: 'RecordType' },
      { body: 'MessageID' },
      { body: time },
    ]),
  ],
  eventType: [[{ body: 'RecordType' }, { body: 'Type', optional: true }]],
  eventTime: { at: '[DeliveredAt, BouncedAt, ReceivedAt, ChangedAt][0]', form: 'ISO 8601' },
};
