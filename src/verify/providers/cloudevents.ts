/**
 * CloudEvents over HTTP, from anybody: one event in the body, one in the headers (the body is its data), or a batch.
 * Source and id together are the same when an event comes again (CloudEvents 1.0 §3.1).
 */
import type { Provider } from '../provider.ts';
import { webHookOptions } from '../web-hook-options.ts';

export const provider: Provider = {
  name: 'cloudevents',
  label: 'CloudEvents',
  confidence: 'documented',
  docs: 'https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md',
  secret: 'The bearer token you gave to the sender (header Authorization, or `access_token` in the query).',
  register: 'The address of the subscription or sink, at whoever sends.',
  proof: { kind: 'bearer' },
  batch: '',
  deliveryId: [
    [{ header: 'ce-source' }, { header: 'ce-id' }],
    [{ body: 'source' }, { body: 'id' }],
    [{ body: '0.id' }, { content: true }],
  ],
  eventType: [[{ header: 'ce-type' }], [{ item: 'type' }]],
  eventTime: { at: 'time', form: 'ISO 8601; `$headers.`ce-time`` when the data is the body' },
  handshakeMethods: ['OPTIONS'],
  handshakes: 'OPTIONS with `WebHook-Request-Origin`, allowed',
  handshakeUnsigned: webHookOptions,
};
