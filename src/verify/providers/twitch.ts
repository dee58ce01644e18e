/**
 * Twitch EventSub signs id, time and body, one after the other. At the start it wants its challenge back; that a
 * subscription was revoked is an ordinary event.
 */
import { echoAnswer } from '../answers.ts';
import { valueAt } from '../body-path.ts';
import type { Handshake, WebhookView } from '../contract.ts';
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

function callbackVerification({ headers, body }: WebhookView): Handshake | null {
  if (headers['twitch-eventsub-message-type'] !== 'webhook_callback_verification') return null;
  return echoAnswer(valueAt(body, 'challenge'));
}

export const provider: Provider = {
  name: 'twitch',
  label: 'Twitch EventSub',
  confidence: 'vendor-sdk',
  docs: 'https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#verifying-the-event-message',
  secret: 'The `secret` you gave to the subscription: 10 to 100 ASCII characters.',
  register: 'The `transport.callback` of POST /helix/eventsub/subscriptions.',
  rotation: 'Create the subscriptions again with the new `secret`, with both in `secrets` meanwhile.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'plain', header: 'twitch-eventsub-message-signature', prefix: 'sha256=' },
        digests: [{ algorithm: 'sha256', encoding: 'hex', key: utf8Key }],
        timestamp: { header: 'twitch-eventsub-message-timestamp', unit: 'rfc3339', toleranceMs: 600_000 },
        message: [{ header: 'twitch-eventsub-message-id' }, { timestamp: true }, { body: true }],
      },
    ],
  },
  // Drops come several at once.
  batch: 'events',
  deliveryId: [[{ header: 'twitch-eventsub-message-id' }]],
  eventType: [[{ header: 'twitch-eventsub-subscription-type' }], [{ body: 'subscription.type' }]],
  eventTime: { at: '$headers.`twitch-eventsub-message-timestamp`', form: 'ISO 8601, nanoseconds' },
  handshakes: '`webhook_callback_verification`, its challenge echoed as plain text',
  handshake: callbackVerification,
};
