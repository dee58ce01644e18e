/**
 * Brevo signs nothing: it sends what the webhook's URL or its authentication setting hold. `id` is the id of the webhook, not
 * of the event, and a message can be opened twice: so what repeats is known by its content, which holds the time.
 */
import type { Provider } from '../provider.ts';

export const provider: Provider = {
  name: 'brevo',
  label: 'Brevo',
  confidence: 'documented',
  docs: 'https://developers.brevo.com/docs/secure-webhooks',
  secret: 'A token you chose (the webhook sends it as bearer token), or `user:password` for Basic in the URL.',
  register: 'Transactional → Settings → Webhook (or Contacts → Settings → Webhooks) → URL.',
  proof: { kind: 'authorization' },
  deliveryId: [
    [{ body: 'ts_event' }, { content: true }],
    [{ body: '0.ts_event' }, { content: true }],
  ],
  eventType: [[{ item: 'event' }]],
  eventTime: { at: 'ts_event', form: 's' },
  batch: '',
};
