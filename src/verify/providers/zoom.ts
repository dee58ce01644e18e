/** Zoom asks again every 72 hours whether the endpoint knows the secret: a signed webhook that wants a digest in return. */
import { createHmac } from 'node:crypto';
import { echoLengthMax, jsonAnswer } from '../answers.ts';
import { textAt } from '../body-path.ts';
import type { Handshake, WebhookView } from '../contract.ts';
import type { HandshakeContext, Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

function urlValidation({ body }: WebhookView, { secret }: HandshakeContext): Handshake | null {
  if (textAt(body, 'event') !== 'endpoint.url_validation') return null;
  const plainToken = textAt(body, 'payload.plainToken');
  if (plainToken === null || plainToken.length > echoLengthMax) return null;
  return jsonAnswer({ plainToken, encryptedToken: createHmac('sha256', secret).update(plainToken).digest('hex') });
}

export const provider: Provider = {
  name: 'zoom',
  label: 'Zoom',
  confidence: 'documented',
  docs: 'https://developers.zoom.us/docs/api/webhooks/#verify-with-zooms-header',
  secret: 'The Secret Token of the app (Features → Access → Token).',
  register: 'App Marketplace → the app → Features → Access → Event notification endpoint URL.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'plain', header: 'x-zm-signature', prefix: 'v0=' },
        digests: [{ algorithm: 'sha256', encoding: 'hex', key: utf8Key }],
        timestamp: { header: 'x-zm-request-timestamp', unit: 's' },
        message: [{ literal: 'v0:' }, { timestamp: true }, { literal: ':' }, { body: true }],
      },
    ],
  },
  // Every body holds event_ts (ms): only a repetition has the same bytes.
  deliveryId: [[{ body: 'event_ts' }, { content: true }]],
  eventType: [[{ body: 'event' }]],
  eventTime: { at: 'event_ts', form: 'ms' },
  handshakes: '`endpoint.url_validation`, at the start and every 72 hours, answered with the digest of its token',
  handshake: urlValidation,
};
