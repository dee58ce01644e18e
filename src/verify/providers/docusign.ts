/**
 * DocuSign Connect signs with each of the account's keys, every signature in a numbered header. A retry has another
 * `retryCount`, so its bytes are others: it is known by what happened to which envelope, and when.
 */
import type { Provider } from '../provider.ts';
import { utf8Key } from '../scheme.ts';

/** As many keys as an account may have. */
const keysMax = 100;

export const provider: Provider = {
  name: 'docusign',
  label: 'DocuSign Connect',
  confidence: 'documented',
  docs: 'https://developers.docusign.com/platform/webhooks/connect/hmac/',
  secret: 'A Connect Key (Settings → Connect → Connect Keys), as it is shown: it is not decoded.',
  register: 'Settings → Connect → Add Configuration → Custom → URL to Publish, with “Include HMAC Signature”.',
  rotation: 'DocuSign signs with every active Connect key: any one of them is enough, so add the new one first.',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: {
          form: 'headers',
          headers: Array.from({ length: keysMax }, (_, at) => `x-docusign-signature-${at + 1}`),
        },
        digests: [{ algorithm: 'sha256', encoding: 'base64', key: utf8Key }],
        timestamp: null,
        message: [{ body: true }],
      },
    ],
  },
  deliveryId: [
    [
      { body: 'event' },
      { body: 'generatedDateTime' },
      { body: 'data.envelopeId' },
      { body: 'data.recipientId', optional: true },
    ],
  ],
  eventType: [[{ body: 'event' }]],
  eventTime: { at: 'generatedDateTime', form: 'ISO 8601' },
};
