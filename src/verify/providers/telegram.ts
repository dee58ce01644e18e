/** Telegram bots. The kind of an update is the key beside `update_id`. */
import type { WebhookView } from '../contract.ts';
import type { Provider } from '../provider.ts';

function kindOfUpdate({ body }: WebhookView): string | null {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return null;
  return Object.keys(body).find((key) => key !== 'update_id') ?? null;
}

export const provider: Provider = {
  name: 'telegram',
  label: 'Telegram',
  confidence: 'unconfirmed',
  docs: 'https://core.telegram.org/bots/api#setwebhook',
  secret: 'The `secret_token` you gave to setWebhook: 1 to 256 of A–Z, a–z, 0–9, _ and -.',
  register: 'The `url` of the Bot API method setWebhook.',
  rotation: 'call setWebhook again with the new `secret_token`, with both in `secrets` meanwhile',
  proof: { kind: 'token', header: 'x-telegram-bot-api-secret-token' },
  deliveryId: [[{ body: 'update_id' }]],
  eventType: [],
  typeOf: kindOfUpdate,
  eventTime: { at: 'message.date', form: 's' },
};
