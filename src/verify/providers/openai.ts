/** OpenAI: Standard Webhooks as they are. */
import type { Provider } from '../provider.ts';
import { standardId, standardScheme } from '../standard-scheme.ts';

export const provider: Provider = {
  name: 'openai',
  label: 'OpenAI',
  confidence: 'vendor-sdk',
  docs: 'https://platform.openai.com/docs/guides/webhooks',
  secret: 'The signing secret shown once when the webhook is created, `whsec_…`.',
  register: 'Project settings → Webhooks → Create → URL.',
  proof: { kind: 'signature', schemes: [standardScheme('webhook')] },
  deliveryId: standardId('webhook'),
  eventType: [[{ body: 'type' }]],
  eventTime: { at: 'created_at', form: 's' },
};
