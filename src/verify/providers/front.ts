/**
 * Front, application webhooks (those of rules are signed otherwise, with SHA-1). Saving one sends a signed `sync` whose
 * challenge has to come back.
 */
import { echoLengthMax, jsonAnswer } from '../answers.ts';
import { textAt } from '../body-path.ts';
import type { Handshake, WebhookView } from '../contract.ts';
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

function sync({ headers, body }: WebhookView): Handshake | null {
  const challenge = headers['x-front-challenge'];
  if (textAt(body, 'type') !== 'sync' || challenge === undefined || challenge.length > echoLengthMax) return null;
  return jsonAnswer({ challenge });
}

export const provider: Provider = {
  name: 'front',
  label: 'Front',
  confidence: 'documented',
  docs: 'https://dev.frontapp.com/docs/application-webhooks',
  secret: 'The signing key of the app (Settings → Developers → the app → Webhooks).',
  register: 'Settings → Developers → the app → Features → Webhooks → Webhook URL.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'plain', header: 'x-front-signature' },
        digests: [{ algorithm: 'sha256', encoding: 'base64', key: utf8Key }],
        timestamp: { header: 'x-front-request-timestamp', unit: 'ms' },
        message: [{ timestamp: true }, { literal: ':' }, { body: true }],
      },
    ],
  },
  // No place that is known to hold an id of its own: the same bytes, signed at the same millisecond, are a repetition.
  deliveryId: [[{ content: true }, { header: 'x-front-request-timestamp' }]],
  eventType: [[{ body: 'type' }]],
  eventTime: { at: '$headers.`x-front-request-timestamp`', form: 'ms, as text: when it was sent' },
  handshakes: '`sync` with `x-front-challenge`, signed, answered in JSON',
  handshake: sync,
};
