/** Vercel, by SHA-1 (more than one library has it as SHA-256). */
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

export const provider: Provider = {
  name: 'vercel',
  label: 'Vercel',
  confidence: 'unconfirmed',
  docs: 'https://vercel.com/docs/webhooks/webhooks-api#securing-webhooks',
  secret: 'The secret shown once, when the webhook is created; for an integration, its Client Secret.',
  register: 'Team Settings → Webhooks → Create Webhook → Endpoint URL.',
  proof: { kind: 'signature', schemes: [bodySignature('x-vercel-signature', { algorithm: 'sha1' })] },
  deliveryId: [[{ body: 'id' }]],
  eventType: [[{ body: 'type' }]],
  eventTime: { at: 'createdAt', form: 'ms' },
};
