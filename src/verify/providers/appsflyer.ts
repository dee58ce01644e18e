/**
 * AppsFlyer signs nothing: the key is in the path. Its messages tell their time to the millisecond, so that equal content is
 * the same message.
 */
import type { Provider } from '../provider.ts';

export const provider: Provider = {
  name: 'appsflyer',
  label: 'AppsFlyer',
  confidence: 'documented',
  docs: 'https://support.appsflyer.com/hc/en-us/articles/207034356-Push-API-real-time-raw-data',
  secret: 'A long random text of your own: it is the end of the URL, `/hooks/SOURCE/SECRET`.',
  register: 'Push API → Add endpoint → the URL, POST or GET.',
  proof: { kind: 'path_key' },
  deliveryId: [
    [{ body: 'event_time' }, { content: true }],
    [{ query: 'event_time' }, { content: true }],
  ],
  eventType: [[{ body: 'event_name' }], [{ query: 'event_name' }]],
  eventTime: { at: 'event_time', form: 'Y-m-d H:M:S.mmm, UTC' },
  methods: ['GET'],
};
