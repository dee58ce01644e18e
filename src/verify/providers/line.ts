/**
 * LINE Messaging API. “Verify” in the console sends a batch without events. A redelivery says so in its body, so its
 * bytes are others: it is told only by the `webhookEventId` of each event, in the mapping.
 */
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

export const provider: Provider = {
  name: 'line',
  label: 'LINE',
  confidence: 'documented',
  docs: 'https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/',
  secret: 'The Channel secret (LINE Developers Console → the channel → Basic settings).',
  register: 'LINE Developers Console → the channel → Messaging API → Webhook URL; turn on “Use webhook”.',
  proof: { kind: 'signature', schemes: [bodySignature('x-line-signature', { encoding: 'base64' })] },
  batch: 'events',
  deliveryId: [[{ body: 'events.0.webhookEventId' }, { content: true }]],
  eventType: [[{ item: 'type' }]],
  eventTime: { at: 'events.timestamp', form: 'ms' },
};
