/**
 * Asana hands its secret over when the webhook is created, in a header that has to be echoed; nobody can paste it.
 * Events come in batches, an empty one now and then to see whether we are there.
 */
import { echoLengthMax, emptyAnswer } from '../answers.ts';
import type { Greeting, RawRequest } from '../contract.ts';
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

function handshake({ method, headers }: RawRequest): Greeting {
  const secret = headers['x-hook-secret'];
  if (method !== 'POST' || secret === undefined || headers['x-hook-signature'] !== undefined) return null;
  // What goes back into a header must be one.
  if (!/^[\x21-\x7e]+$/.test(secret) || secret.length > echoLengthMax) return { refused: 'its X-Hook-Secret is none' };
  return { ...emptyAnswer(200, { 'x-hook-secret': secret }), secret };
}

export const provider: Provider = {
  name: 'asana',
  label: 'Asana',
  confidence: 'documented',
  docs: 'https://developers.asana.com/docs/webhooks-guide',
  secret:
    'Leave it out: Asana hands it over when the webhook is created. Arm the source just before: `trackrelay arm SOURCE`.',
  register: 'The `target` of POST /webhooks of the Asana API. One source for each webhook: each has its own secret.',
  secretFrom: 'learned',
  proof: { kind: 'signature', schemes: [bodySignature('x-hook-signature')] },
  batch: 'events',
  // Every event has its time; an empty batch is only a sign of life.
  deliveryId: [[{ body: 'events.0.created_at' }, { content: true }]],
  eventType: [[{ item: 'resource.resource_type' }, { item: 'action' }]],
  eventTime: { at: 'events.created_at', form: 'ISO 8601' },
  handshakes: 'POST with `X-Hook-Secret`: taken while the source is armed, and echoed',
  handshakeUnsigned: handshake,
};
