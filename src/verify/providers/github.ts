/**
 * GitHub. The old SHA-1 header travels along and is never looked at. `ping` is an ordinary signed webhook: it is
 * accepted like any other, so that whoever sets up a hook sees it arrive, and mappings skip it.
 */
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

export const provider: Provider = {
  name: 'github',
  label: 'GitHub',
  confidence: 'documented',
  docs: 'https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries',
  secret: 'The text you entered as Secret of the webhook.',
  register: 'Repository or organization → Settings → Webhooks → Payload URL; either content type.',
  proof: {
    kind: 'signature',
    schemes: [bodySignature('x-hub-signature-256', { prefix: 'sha256=' })],
  },
  deliveryId: [[{ header: 'x-github-delivery' }]],
  eventType: [[{ header: 'x-github-event' }, { body: 'action', optional: true }]],
  eventTime: null,
};
