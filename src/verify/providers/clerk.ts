/** Clerk sends through Svix. */
import type { Provider } from '../provider.ts';
import { standardId, standardScheme } from '../standard-scheme.ts';

export const provider: Provider = {
  name: 'clerk',
  label: 'Clerk',
  confidence: 'vendor-sdk',
  docs: 'https://clerk.com/docs/guides/development/webhooks/syncing',
  secret: 'The Signing Secret of the endpoint, `whsec_…` (Clerk Dashboard → Webhooks → the endpoint).',
  register: 'Clerk Dashboard → Webhooks → Add Endpoint → Endpoint URL.',
  proof: { kind: 'signature', schemes: [standardScheme('svix')] },
  deliveryId: standardId('svix'),
  eventType: [[{ body: 'type' }]],
  eventTime: { at: 'timestamp', form: 'ms' },
};
