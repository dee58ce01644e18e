/**
 * WooCommerce. Its delivery id is a hash of the webhook's number and the second (WC_Webhook::get_new_delivery_id): two
 * orders in one second have the same, so it counts only together with the content. When a webhook is saved it is
 * pinged, unsigned, and WooCommerce shows an error unless the answer is 200.
 */
import { Buffer } from 'node:buffer';
import { emptyAnswer } from '../answers.ts';
import type { Greeting, RawRequest } from '../contract.ts';
import type { Provider } from '../provider.ts';
import { bodySignature } from '../scheme.ts';

const signature = 'x-wc-webhook-signature';
const pingBytesMax = 64;

function ping({ method, headers, body }: RawRequest): Greeting {
  if (method !== 'POST' || headers[signature] !== undefined || body.length > pingBytesMax) return null;
  return /^webhook_id=\d+$/.test(Buffer.from(body).toString('latin1')) ? emptyAnswer() : null;
}

export const provider: Provider = {
  name: 'woocommerce',
  label: 'WooCommerce',
  confidence: 'vendor-sdk',
  docs: 'https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks',
  secret: 'The Secret of the webhook.',
  register: 'WooCommerce → Settings → Advanced → Webhooks → Add webhook → Delivery URL.',
  proof: { kind: 'signature', schemes: [bodySignature(signature, { encoding: 'base64' })] },
  deliveryId: [[{ header: 'x-wc-webhook-delivery-id' }, { content: true }]],
  eventType: [[{ header: 'x-wc-webhook-topic' }]],
  eventTime: { at: 'date_modified_gmt', form: 'ISO 8601, UTC without saying so' },
  handshakes: 'the ping when a webhook is saved, a form with nothing but `webhook_id`: answered 200',
  handshakeUnsigned: ping,
};
