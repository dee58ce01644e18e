/**
 * Standard Webhooks (https://www.standardwebhooks.com) and Svix, where it comes from: the same but for the names of the
 * headers. `v1` is HMAC, `v1a` Ed25519 with a public key among the secrets. The specification wants ids without dots,
 * since a dot in one would let part of the body be read as id and time.
 */

import type { Provider } from '../provider.ts';
import type { Digest, SignedScheme } from '../scheme.ts';

const digests: readonly Digest[] = [
  { algorithm: 'sha256', encoding: 'base64', key: { encoding: 'base64', prefix: 'whsec_' }, tag: 'v1' },
  {
    algorithm: 'ed25519',
    encoding: 'base64',
    key: { encoding: 'base64', prefix: 'whpk_', prefixNeeded: true },
    tag: 'v1a',
  },
];

const scheme = (family: 'webhook' | 'svix'): SignedScheme => ({
  signature: { form: 'tagged', header: `${family}-signature` },
  digests,
  timestamp: { header: `${family}-timestamp`, unit: 's' },
  message: [
    { header: `${family}-id`, without: '., ' },
    { literal: '.' },
    { timestamp: true },
    { literal: '.' },
    { body: true },
  ],
});

export const provider: Provider = {
  name: 'standard-webhooks',
  label: 'Standard Webhooks',
  confidence: 'documented',
  docs: 'https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md',
  secret: 'The signing secret of the endpoint, `whsec_…` (with or without that prefix), or its public key `whpk_…`.',
  register: 'Where the sender asks for the URL of an endpoint.',
  proof: { kind: 'signature', schemes: [scheme('webhook'), scheme('svix')] },
  deliveryId: [[{ header: 'webhook-id', with: 'webhook-signature' }], [{ header: 'svix-id', with: 'svix-signature' }]],
  eventType: [[{ body: 'type' }]],
  eventTime: { at: 'timestamp', form: 'ISO 8601' },
};
