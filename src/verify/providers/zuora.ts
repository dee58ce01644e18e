/**
 * Zuora callouts. It sends each webhook first without credentials and waits to be asked for them: that is a handshake, no
 * attack and no failure.
 */
import { emptyAnswer } from '../answers.ts';
import type { Greeting, RawRequest } from '../contract.ts';
import type { Provider } from '../provider.ts';

function challenge({ method, headers }: RawRequest): Greeting {
  if (method !== 'POST' || headers.authorization !== undefined) return null;
  return emptyAnswer(401, { 'www-authenticate': 'Basic realm="trackrelay", charset="UTF-8"' });
}

export const provider: Provider = {
  name: 'zuora',
  label: 'Zuora',
  confidence: 'documented',
  docs: 'https://knowledgecenter.zuora.com/Zuora_Platform/Extensibility/Events_and_Notifications/Callouts',
  secret: '`user:password` of the Basic authentication you set for the callout.',
  register: 'Billing Settings → Setup Profiles, Notifications and Email Templates → the callout → Base URL.',
  proof: { kind: 'basic' },
  deliveryId: [[{ header: 'zuora-notification-id' }]],
  // The body is what the template of the callout says.
  eventType: [[{ body: 'EventType' }], [{ body: 'eventType' }], [{ body: 'event_type' }]],
  eventTime: null,
  handshakes: 'the first POST of each webhook, without credentials: 401 with `WWW-Authenticate`',
  handshakeUnsigned: challenge,
};
