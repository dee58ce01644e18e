/** Anything else: the source says in its `verify` block how it proves itself, and in `delivery_id` what its id is. */
import type { Provider } from '../provider.ts';

export const provider: Provider = {
  name: 'custom',
  label: 'Custom',
  confidence: 'documented',
  docs: 'README.md#custom-sources',
  secret: 'The key of the HMAC, the token, `user:password`, or the key at the end of the path.',
  register: 'Where the sender asks for a URL: `<RELAY_PUBLIC_URL>/hooks/<source>`.',
  proof: null,
  deliveryId: [],
  eventType: [],
  eventTime: null,
};
