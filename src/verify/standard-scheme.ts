/**
 * The scheme of Standard Webhooks and of Svix, where it comes from: the same but for the names of the headers. `v1` is
 * HMAC, `v1a` Ed25519 with a public key among the secrets. The specification wants ids without dots, since a dot in one
 * would let part of the body be read as id and time.
 */
import type { Locator } from './provider.ts';
import type { Digest, KeyForm, SignedScheme } from './scheme.ts';

export type HeaderFamily = 'webhook' | 'svix';

const digestsFor = (key: KeyForm): readonly Digest[] => [
  { algorithm: 'sha256', encoding: 'base64', key, tag: 'v1' },
  {
    algorithm: 'ed25519',
    encoding: 'base64',
    key: { encoding: 'base64', prefix: 'whpk_', prefixNeeded: true },
    tag: 'v1a',
  },
];

export const whsec: KeyForm = { encoding: 'base64', prefix: 'whsec_' };

export function standardScheme(family: HeaderFamily, key: KeyForm = whsec): SignedScheme {
  return {
    signature: { form: 'tagged', header: `${family}-signature` },
    digests: digestsFor(key),
    timestamp: { header: `${family}-timestamp`, unit: 's' },
    message: [
      { header: `${family}-id`, without: '., ' },
      { literal: '.' },
      { timestamp: true },
      { literal: '.' },
      { body: true },
    ],
  };
}

/** The id is signed, and the same when the webhook is sent again. */
export function standardId(...families: readonly HeaderFamily[]): Locator {
  return families.map((family) => [{ header: `${family}-id`, with: `${family}-signature` }]);
}
