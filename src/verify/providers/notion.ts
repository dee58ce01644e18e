/** Notion sends its token unsigned, once; the operator pastes it into Notion's page, and from then on it signs. */
import { Buffer } from 'node:buffer';
import { echoLengthMax, emptyAnswer } from '../answers.ts';
import type { Greeting, RawRequest } from '../contract.ts';
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

function verification({ method, headers, body, parsed }: RawRequest): Greeting {
  if (method !== 'POST' || headers['x-notion-signature'] !== undefined || body.length > echoLengthMax) return null;
  if (!Buffer.from(body).includes('verification_token')) return null;
  const value = parsed();
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1) return null;
  const { verification_token: secret } = value as { verification_token?: unknown };
  return typeof secret === 'string' && secret !== '' ? { ...emptyAnswer(), secret } : null;
}

export const provider: Provider = {
  name: 'notion',
  label: 'Notion',
  confidence: 'documented',
  docs: 'https://developers.notion.com/reference/webhooks',
  secret:
    'Leave it out: Notion sends its verification token. Arm the source just before (`trackrelay arm SOURCE`), then paste the token it shows into Notion. Or write a token you have.',
  register: 'Creator dashboard → the connection → Webhooks → Create a subscription → Webhook URL.',
  secretFrom: 'learned',
  secretIsPastedBack: true,
  proof: { kind: 'signature', schemes: [bodySignature('x-notion-signature', { prefix: 'sha256=' })] },
  deliveryId: [[{ body: 'id' }]],
  eventType: [[{ body: 'type' }]],
  eventTime: { at: 'timestamp', form: 'ISO 8601' },
  handshakes: 'POST with only `verification_token`: taken while the source is armed',
  handshakeUnsigned: verification,
};
