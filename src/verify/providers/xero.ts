/**
 * Xero wants 200 or 401 with nothing in it, and tries both: an “intent to receive” has no events and may be signed
 * wrongly on purpose.
 */
import { emptyAnswer } from '../answers.ts';
import { valueAt } from '../body-path.ts';
import type { Handshake, WebhookView } from '../contract.ts';
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

function intentToReceive({ body }: WebhookView): Handshake | null {
  const events = valueAt(body, 'events');
  return Array.isArray(events) && events.length === 0 ? emptyAnswer() : null;
}

export const provider: Provider = {
  name: 'xero',
  label: 'Xero',
  confidence: 'documented',
  docs: 'https://developer.xero.com/documentation/guides/webhooks/configuring-your-server/',
  secret: 'The Webhooks key of the app (My Apps → the app → Webhooks).',
  register: 'My Apps → the app → Webhooks → Delivery URL, then “Send ‘Intent to receive’”.',
  proof: { kind: 'signature', schemes: [bodySignature('x-xero-signature', { encoding: 'base64' })] },
  batch: 'events',
  deliveryId: [[{ body: 'events.0.eventDateUtc' }, { content: true }]],
  eventType: [[{ item: 'eventCategory' }, { item: 'eventType' }]],
  eventTime: { at: 'events.eventDateUtc', form: 'ISO 8601, UTC' },
  handshakes: '“Intent to receive”: no events, signed rightly (200) or wrongly (401), both answered with nothing',
  handshake: intentToReceive,
  answer: emptyAnswer(),
  refusal: emptyAnswer(401),
};
