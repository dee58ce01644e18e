/**
 * Branch signs nothing: the key is in the path.
 */
import type { Provider } from '../provider.ts';

export const provider: Provider = {
  name: 'branch',
  label: 'Branch',
  confidence: 'documented',
  docs: 'https://help.branch.io/developers-hub/docs/webhooks',
  secret: 'A long random text of your own: it is the end of the URL, `/hooks/SOURCE/SECRET`.',
  register: 'Exports → Webhooks → Add New Webhook → the URL, POST or GET.',
  proof: { kind: 'path_key' },
  deliveryId: [[{ body: 'id' }], [{ query: 'id' }]],
  eventType: [[{ body: 'name' }], [{ query: 'name' }]],
  eventTime: { at: 'timestamp', form: 'ms' },
  methods: ['GET'],
};
