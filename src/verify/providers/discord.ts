/**
 * Discord: webhook events and, when it is so set up, interactions. Both begin with a ping, and it tries with wrong signatures
 * whether they are refused. An event of the first kind is `type: 1` too, but holds an `event`.
 */
import { emptyAnswer, jsonAnswer } from '../answers.ts';
import { valueAt } from '../body-path.ts';
import type { Handshake, WebhookView } from '../contract.ts';
import type { Provider } from '../provider.ts';

const noContent = emptyAnswer(204);

function ping({ body }: WebhookView): Handshake | null {
  const type = valueAt(body, 'type');
  if (valueAt(body, 'event') !== undefined) return null;
  if (type === 0) return noContent;
  return type === 1 ? jsonAnswer({ type: 1 }) : null;
}

export const provider: Provider = {
  name: 'discord',
  label: 'Discord',
  confidence: 'documented',
  docs: 'https://docs.discord.com/developers/events/webhook-events',
  secret: 'The Public Key of the application (General Information): 64 hex digits.',
  register: 'Developer Portal → the application → Webhooks → Endpoint URL.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'plain', header: 'x-signature-ed25519' },
        digests: [{ algorithm: 'ed25519', encoding: 'hex', key: { encoding: 'hex' } }],
        timestamp: { header: 'x-signature-timestamp', unit: 's' },
        message: [{ timestamp: true }, { body: true }],
      },
    ],
  },
  // An event tells its time, an interaction its id.
  deliveryId: [[{ body: 'event.timestamp' }, { content: true }], [{ body: 'id' }]],
  eventType: [[{ body: 'event.type' }], [{ body: 'data.name' }]],
  eventTime: { at: 'event.timestamp', form: 'ISO 8601' },
  handshakes: 'a signed ping: `type: 0`, answered 204, or `type: 1` without an event, answered the same',
  handshake: ping,
  answer: noContent,
};
