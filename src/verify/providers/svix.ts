/** Svix, and whoever sends through it (Resend, Stytch, Vanta …). */
import type { Provider } from '../provider.ts';
import { standardId, standardScheme } from '../standard-scheme.ts';

export const provider: Provider = {
  name: 'svix',
  label: 'Svix',
  confidence: 'vendor-sdk',
  docs: 'https://docs.svix.com/receiving/verifying-payloads/how-manual',
  secret: 'The signing secret of the endpoint, `whsec_…`.',
  register: 'The endpoint URL in the application portal of whoever sends through Svix.',
  proof: { kind: 'signature', schemes: [standardScheme('svix'), standardScheme('webhook')] },
  deliveryId: standardId('svix', 'webhook'),
  eventType: [[{ body: 'type' }]],
  eventTime: { at: 'timestamp', form: 'ISO 8601' },
};
