/** Standard Webhooks (https://www.standardwebhooks.com), under both families of header names. */
import type { Provider } from '../provider.ts';
import { standardId, standardScheme } from '../standard-scheme.ts';

export const provider: Provider = {
  name: 'standard-webhooks',
  label: 'Standard Webhooks',
  confidence: 'documented',
  docs: 'https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md',
  secret: 'The signing secret of the endpoint, `whsec_…` (with or without that prefix), or its public key `whpk_…`.',
  register: 'Where the sender asks for the URL of an endpoint.',
  proof: { kind: 'signature', schemes: [standardScheme('webhook'), standardScheme('svix')] },
  deliveryId: standardId('webhook', 'svix'),
  eventType: [[{ body: 'type' }]],
  eventTime: { at: 'timestamp', form: 'ISO 8601' },
};
