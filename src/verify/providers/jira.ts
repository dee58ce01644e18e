/** Jira Cloud, the webhooks an administrator makes. Those of Connect apps are another provider: `jira-connect`. */
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

export const provider: Provider = {
  name: 'jira',
  label: 'Jira Cloud',
  confidence: 'documented',
  docs: 'https://developer.atlassian.com/cloud/jira/platform/webhooks/#secure-admin-webhooks',
  secret: 'The Secret of the webhook. Without one Jira signs nothing, and nothing is believed.',
  register: 'Settings → System → WebHooks → Create a WebHook → URL.',
  proof: { kind: 'signature', schemes: [bodySignature('x-hub-signature', { prefix: 'sha256=' })] },
  deliveryId: [[{ header: 'x-atlassian-webhook-identifier' }]],
  eventType: [[{ body: 'webhookEvent' }]],
  eventTime: { at: 'timestamp', form: 'ms' },
};
