/**
 * Adjust calls a URL that you write, by GET: what it tells is in the query. Ask for `{created_at}` and `{nonce}`: with a time in it,
 * equal content is the same callback.
 */
import type { Provider } from '../provider.ts';

export const provider: Provider = {
  name: 'adjust',
  label: 'Adjust',
  confidence: 'unconfirmed',
  docs: 'https://help.adjust.com/en/article/server-callbacks',
  secret: 'A long random text of your own: it is the end of the URL, `/hooks/SOURCE/SECRET`.',
  register:
    'Campaign Lab → Partners → Custom → the callback URL, with the placeholders you want: `…/hooks/SOURCE/SECRET?activity_kind={activity_kind}&created_at={created_at}&…`.',
  proof: { kind: 'path_key' },
  deliveryId: [[{ query: 'created_at' }, { content: true }]],
  eventType: [[{ query: 'event_name' }], [{ query: 'activity_kind' }]],
  eventTime: { at: '$query.created_at', form: 's, as text' },
  methods: ['GET'],
};
