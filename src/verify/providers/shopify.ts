/**
 * Shopify: webhooks (`x-shopify-…`) and the newer Events (`shopify-…`), signed alike.
 *
 * The id of a delivery is the webhook id: Shopify keeps it over its retries. The event id is the same in every webhook
 * that one happening causes (`orders/create` and `orders/paid`), so alone it would drop one of the two; it serves,
 * together with the topic, where there is no webhook id.
 */
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

const scheme = (header: string) => bodySignature(header, { encoding: 'base64' });

export const provider: Provider = {
  name: 'shopify',
  label: 'Shopify',
  confidence: 'documented',
  docs: 'https://shopify.dev/docs/apps/build/webhooks/subscribe/https#step-2-validate-the-origin-of-your-webhook-to-ensure-its-coming-from-shopify',
  secret:
    "The app's client secret, or the secret shown under Settings → Notifications → Webhooks. After a rotation keep the old one for an hour.",
  register: 'Settings → Notifications → Webhooks → URL, or the subscription of an app.',
  proof: { kind: 'signature', schemes: [scheme('x-shopify-hmac-sha256'), scheme('shopify-hmac-sha256')] },
  deliveryId: [
    [{ header: 'x-shopify-webhook-id', with: 'x-shopify-hmac-sha256' }],
    [{ header: 'shopify-webhook-id' }],
    [{ header: 'x-shopify-topic' }, { header: 'x-shopify-event-id' }],
    [{ header: 'shopify-topic' }, { header: 'shopify-action', optional: true }, { header: 'shopify-event-id' }],
  ],
  eventType: [[{ header: 'x-shopify-topic' }], [{ header: 'shopify-topic' }]],
  eventTime: { at: '$headers.`x-shopify-triggered-at`', form: 'ISO 8601' },
};
