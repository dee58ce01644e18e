/** X (Twitter), Account Activity. It asks about once an hour, by GET, whether the endpoint knows the consumer secret. */
import { createHmac } from 'node:crypto';
import { echoLengthMax, jsonAnswer } from '../answers.ts';
import type { Greeting, RawRequest, WebhookView } from '../contract.ts';
import type { HandshakeContext, Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

function challenge({ method, query }: RawRequest, { secret }: HandshakeContext): Greeting {
  const token = query.crc_token;
  if (method !== 'GET' || typeof token !== 'string' || token.length > echoLengthMax) return null;
  return jsonAnswer({ response_token: `sha256=${createHmac('sha256', secret).update(token).digest('base64')}` });
}

/** `tweet_create_events`, `follow_events` …: the key that holds a list of events. */
function kindOfEvents({ body }: WebhookView): string | null {
  if (typeof body !== 'object' || body === null) return null;
  return Object.keys(body).find((key) => key.endsWith('_events') || key.endsWith('_event')) ?? null;
}

export const provider: Provider = {
  name: 'x',
  label: 'X (Twitter)',
  confidence: 'unconfirmed',
  docs: 'https://docs.x.com/x-api/webhooks/introduction',
  secret: 'The API Key Secret (consumer secret) of the app.',
  register: 'The `url` of POST /2/webhooks.',
  proof: {
    kind: 'signature',
    schemes: [bodySignature('x-twitter-webhooks-signature', { encoding: 'base64', prefix: 'sha256=' })],
  },
  // Nothing identifies a webhook, and not every body tells a time.
  deliveryId: [],
  eventType: [],
  typeOf: kindOfEvents,
  eventTime: { at: '*.created_timestamp', form: 'ms, as text' },
  handshakeMethods: ['GET'],
  handshakes: 'GET with `crc_token`, answered with its digest',
  handshakeUnsigned: challenge,
};
