/** Razorpay. Its FAQ: events of before a change of the secret are retried with the old one. */
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

export const provider: Provider = {
  name: 'razorpay',
  label: 'Razorpay',
  confidence: 'vendor-sdk',
  docs: 'https://razorpay.com/docs/webhooks/validate-test/',
  secret: 'The Secret you entered with the webhook (not the API key secret).',
  register: 'Account & Settings → Webhooks → Add New Webhook → Webhook URL.',
  rotation: 'Older events are retried for a day with the old secret: keep both in `secrets` that long.',
  proof: { kind: 'signature', schemes: [bodySignature('x-razorpay-signature')] },
  deliveryId: [[{ header: 'x-razorpay-event-id' }]],
  eventType: [[{ body: 'event' }]],
  eventTime: { at: 'created_at', form: 's' },
};
