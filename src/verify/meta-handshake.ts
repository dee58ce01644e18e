/** What Facebook, Instagram and WhatsApp have in common: a GET that shows the verify token and wants its challenge back. */
import { echoAnswer } from './answers.ts';
import type { Greeting, RawRequest } from './contract.ts';
import type { HandshakeContext, Provider } from './provider.ts';
import { bodySignature } from './scheme.ts';
import { secretMatcher } from './shared-secret.ts';

function subscription({ method, query }: RawRequest, { fields }: HandshakeContext): Greeting {
  if (method !== 'GET' || query['hub.mode'] !== 'subscribe') return null;
  const token = query['hub.verify_token'];
  if (typeof token !== 'string') return { refused: 'the query field hub.verify_token is missing or came twice' };
  const checked = secretMatcher(fields.verify_token ?? [])(token, 'the verify token is another one');
  if (!checked.ok) return { refused: checked.reason };
  return echoAnswer(query['hub.challenge']) ?? { refused: 'the query field hub.challenge is missing or too long' };
}

/** Everything but names, pages and places. */
export const metaWebhook = {
  secret: 'The App Secret (App settings → Basic). It signs; the verify token is another text.',
  fields: [
    {
      name: 'verify_token',
      required: true,
      secret: true,
      what: 'the Verify token you entered beside the callback URL',
    },
  ],
  proof: { kind: 'signature', schemes: [bodySignature('x-hub-signature-256', { prefix: 'sha256=' })] },
  batch: 'entry.changes',
  handshakeMethods: ['GET'],
  handshakes: 'GET with `hub.mode=subscribe`: the verify token is checked, `hub.challenge` echoed as plain text',
  handshakeUnsigned: subscription,
} as const satisfies Partial<Provider>;
