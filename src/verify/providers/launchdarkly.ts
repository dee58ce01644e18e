/** LaunchDarkly: what its change history records. */
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

export const provider: Provider = {
  name: 'launchdarkly',
  label: 'LaunchDarkly',
  confidence: 'documented',
  docs: 'https://launchdarkly.com/docs/home/infrastructure/webhooks',
  secret: 'The Secret of the webhook (check “Sign this webhook”).',
  register: 'Integrations → Webhooks → Add integration → URL.',
  proof: { kind: 'signature', schemes: [bodySignature('x-ld-signature')] },
  deliveryId: [[{ body: '_id' }]],
  eventType: [[{ body: 'kind' }, { body: 'titleVerb', optional: true }]],
  eventTime: { at: 'date', form: 'ms' },
};
