/** Sentry's integration platform. */
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

export const provider: Provider = {
  name: 'sentry',
  label: 'Sentry',
  confidence: 'vendor-sdk',
  docs: 'https://docs.sentry.io/organization/integrations/integration-platform/webhooks/',
  secret: 'The Client Secret of the integration (Settings → Developer Settings → the integration → Credentials).',
  register: 'Settings → Developer Settings → the integration → Webhook URL.',
  proof: { kind: 'signature', schemes: [bodySignature('sentry-hook-signature')] },
  deliveryId: [[{ header: 'request-id' }]],
  eventType: [[{ header: 'sentry-hook-resource' }, { body: 'action', optional: true }]],
  eventTime: { at: '$headers.`sentry-hook-timestamp`', form: 's, as text: when it was sent' },
};
