/** Okta event hooks show the authorization value that was configured; a GET at the start wants its challenge in JSON. */
import { echoLengthMax, jsonAnswer } from '../answers.ts';
import type { Greeting, RawRequest } from '../contract.ts';
import type { Provider } from '../provider.ts';

function verification({ method, headers }: RawRequest): Greeting {
  const challenge = headers['x-okta-verification-challenge'];
  if (method !== 'GET' || challenge === undefined || challenge.length > echoLengthMax) return null;
  return jsonAnswer({ verification: challenge });
}

export const provider: Provider = {
  name: 'okta',
  label: 'Okta',
  confidence: 'documented',
  docs: 'https://developer.okta.com/docs/concepts/event-hooks/',
  secret: 'The whole Authentication secret, with Authorization as the Authentication field.',
  register: 'Workflow → Event Hooks → Create Event Hook → URL.',
  proof: { kind: 'token', header: 'authorization' },
  deliveryId: [[{ body: 'eventId' }]],
  batch: 'data.events',
  eventType: [[{ item: 'eventType' }]],
  eventTime: { at: 'data.events.published', form: 'ISO 8601' },
  handshakeMethods: ['GET'],
  handshakes: 'GET with `x-okta-verification-challenge`, answered in JSON',
  handshakeUnsigned: verification,
};
