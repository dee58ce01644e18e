/**
 * Mailgun puts its signature into the body, over a time and a random token but not over the event: whoever sees one
 * webhook could send another event with it while its time is good. It tries for 8 hours, and does not say that it signs
 * anew each time, so that is the window.
 */
import type { Provider } from '../provider.ts';
import { type SignedScheme, utf8Key } from '../scheme.ts';

const toleranceMs = (8 * 60 + 5) * 60_000;

/** JSON has the three in an object, the older forms among their fields. */
function scheme(at: '' | 'signature.'): SignedScheme {
  return {
    signature: { form: 'body', path: `${at}signature` },
    digests: [{ algorithm: 'sha256', encoding: 'hex', key: utf8Key }],
    timestamp: { path: `${at}timestamp`, unit: 's', toleranceMs },
    message: [{ timestamp: true }, { path: `${at}token` }],
  };
}

export const provider: Provider = {
  name: 'mailgun',
  label: 'Mailgun',
  confidence: 'vendor-sdk',
  docs: 'https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks',
  secret: 'The HTTP webhook signing key (Send → Webhooks), not an API key.',
  register: 'Send → Sending → Webhooks → Add webhook.',
  proof: { kind: 'signature', schemes: [scheme('signature.'), scheme('')] },
  deliveryId: [[{ body: 'event-data.id' }], [{ body: 'token' }]],
  eventType: [[{ body: 'event-data.event' }, { body: 'event-data.severity', optional: true }], [{ body: 'event' }]],
  eventTime: { at: '`event-data`.timestamp', form: 's, with a fraction' },
};
