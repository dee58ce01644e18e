/**
 * GitLab shows its token and signs nothing. `x-gitlab-event-uuid` is shared by all webhooks that one happening causes, so only
 * the idempotency key is an id.
 */
import type { Provider } from '../provider.ts';

export const provider: Provider = {
  name: 'gitlab',
  label: 'GitLab',
  confidence: 'documented',
  docs: 'https://docs.gitlab.com/user/project/integrations/webhooks/',
  secret: 'The Secret token you entered with the webhook.',
  register: 'Project or group → Settings → Webhooks → URL.',
  proof: { kind: 'token', header: 'x-gitlab-token' },
  deliveryId: [[{ header: 'idempotency-key' }]],
  eventType: [
    [{ body: 'object_kind' }, { body: 'object_attributes.action', optional: true }],
    [{ body: 'event_name' }],
    [{ header: 'x-gitlab-event' }],
  ],
  eventTime: { at: 'object_attributes.updated_at', form: 'ISO 8601' },
};
