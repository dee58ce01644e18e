/** Adyen's newer webhooks (platforms, management, tokens), signed in a header. Those of payments are `adyen`. */
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

export const provider: Provider = {
  name: 'adyen-platforms',
  label: 'Adyen (platforms, management, tokens)',
  confidence: 'vendor-sdk',
  docs: 'https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures',
  secret: 'The HMAC key of the webhook, hexadecimal (Developers → Webhooks → the webhook → Security → HMAC key).',
  register: 'Customer Area → Developers → Webhooks → Platforms → Create new webhook → URL.',
  proof: {
    kind: 'signature',
    schemes: [bodySignature('hmacsignature', { encoding: 'base64', key: { encoding: 'hex' } })],
  },
  deliveryId: [[{ body: 'timestamp' }, { content: true }]],
  eventType: [[{ body: 'type' }]],
  eventTime: { at: 'timestamp', form: 'ISO 8601' },
};
