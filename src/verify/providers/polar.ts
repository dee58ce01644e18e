/** Polar: Standard Webhooks, but the key is the text of the secret and not what it decodes to. */
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';
import { standardId, standardScheme } from '../standard-scheme.ts';

export const provider: Provider = {
  name: 'polar',
  label: 'Polar',
  confidence: 'unconfirmed',
  docs: 'https://polar.sh/docs/integrate/webhooks/delivery',
  secret: 'The secret of the endpoint as it stands, `polar_whs_…`: the whole text is the key.',
  register: 'Organization settings → Webhooks → Add Endpoint → URL.',
  proof: { kind: 'signature', schemes: [standardScheme('webhook', utf8Key)] },
  deliveryId: standardId('webhook'),
  eventType: [[{ body: 'type' }]],
  eventTime: { at: 'timestamp', form: 'ISO 8601' },
};
