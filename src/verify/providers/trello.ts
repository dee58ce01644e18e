/** Trello signs the callback URL with the body, by SHA-1. It asks with HEAD whether the URL is there. */
import { emptyAnswer } from '../answers.ts';
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

export const provider: Provider = {
  name: 'trello',
  label: 'Trello',
  confidence: 'documented',
  docs: 'https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/#webhook-signatures',
  secret: 'The Secret beneath the API key of the Power-Up (Power-Up admin portal → API key).',
  register: 'The `callbackURL` of POST /1/webhooks; it must equal `url` in source.yaml to the letter.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'plain', header: 'x-trello-webhook' },
        digests: [{ algorithm: 'sha1', encoding: 'base64', key: utf8Key }],
        timestamp: null,
        message: [{ body: true }, { url: true }],
      },
    ],
  },
  deliveryId: [[{ body: 'action.id' }]],
  eventType: [[{ body: 'action.type' }]],
  eventTime: { at: 'action.date', form: 'ISO 8601' },
  handshakeMethods: ['HEAD'],
  handshakes: 'HEAD, answered 200',
  handshakeUnsigned: ({ method }) => (method === 'HEAD' ? emptyAnswer() : null),
};
