/** Bitbucket, Cloud and Data Center. The header has GitHub's old name but holds SHA-256. */
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

export const provider: Provider = {
  name: 'bitbucket',
  label: 'Bitbucket',
  confidence: 'documented',
  docs: 'https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/',
  secret: 'The Secret of the webhook. Without one Bitbucket signs nothing, and nothing is believed.',
  register: 'Repository settings → Webhooks → Add webhook → URL.',
  proof: { kind: 'signature', schemes: [bodySignature('x-hub-signature', { prefix: 'sha256=' })] },
  deliveryId: [[{ header: 'x-request-uuid' }]],
  eventType: [[{ header: 'x-event-key' }]],
  eventTime: null,
};
