/**
 * Azure Event Grid signs nothing: the key is in the path. It asks first whether the endpoint wants its events: with the
 * Event Grid schema by a webhook that already has to know the key, with the CloudEvents schema by OPTIONS.
 */
import { echoLengthMax, jsonAnswer } from '../answers.ts';
import { textAt } from '../body-path.ts';
import type { Handshake, WebhookView } from '../contract.ts';
import type { Provider } from '../provider.ts';
import { webHookOptions } from '../web-hook-options.ts';

function subscriptionValidation({ headers, body }: WebhookView): Handshake | null {
  if (headers['aeg-event-type']?.toLowerCase() !== 'subscriptionvalidation') return null;
  const code = textAt(body, '0.data.validationCode');
  if (!Array.isArray(body) || body.length !== 1 || code === null || code.length > echoLengthMax) return null;
  const url = textAt(body, '0.data.validationUrl')?.slice(0, echoLengthMax);
  const answer = jsonAnswer({ validationResponse: code });
  return url === undefined ? answer : { ...answer, note: `answered; should that not do, a person can open ${url}` };
}

export const provider: Provider = {
  name: 'azure-event-grid',
  label: 'Azure Event Grid',
  confidence: 'documented',
  docs: 'https://learn.microsoft.com/en-us/azure/event-grid/end-point-validation-event-grid-events-schema',
  secret: 'A long random text of your own: it is the end of the URL, `/hooks/SOURCE/SECRET`.',
  register: 'The topic → Event Subscription → Endpoint type Web Hook → Subscriber endpoint.',
  proof: { kind: 'path_key' },
  batch: '',
  deliveryId: [[{ each: ['id', 'topic', 'source', 'eventType', 'type', 'eventTime', 'time'] }]],
  eventType: [[{ item: 'eventType' }], [{ item: 'type' }]],
  eventTime: { at: 'eventTime', form: 'ISO 8601' },
  handshakeMethods: ['OPTIONS'],
  handshakes:
    'SubscriptionValidation, with the right key: its code is sent back; OPTIONS with `WebHook-Request-Origin` (CloudEvents schema): allowed',
  handshakeUnsigned: webHookOptions,
  handshake: subscriptionValidation,
};
