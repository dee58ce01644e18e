/**
 * Braze: Currents over HTTP (batches, each event with its id) and webhook campaigns, whose body their author writes: those have
 * no id that we could know.
 */
import type { Provider } from '../provider.ts';

export const provider: Provider = {
  name: 'braze',
  label: 'Braze',
  confidence: 'unconfirmed',
  docs: 'https://www.braze.com/docs/user_guide/message_building_by_channel/webhooks/creating_a_webhook/',
  secret: 'What the header Authorization holds: the whole value, the bearer token alone, or `user:password` of Basic.',
  register:
    'A webhook campaign: Compose → Webhook URL, with a request header Authorization. Currents: the endpoint and its bearer token.',
  proof: { kind: 'authorization' },
  deliveryId: [[{ body: 'events.0.id' }, { content: true }]],
  eventType: [[{ item: 'event_type' }]],
  eventTime: { at: 'events.time', form: 's' },
  batch: 'events',
};
