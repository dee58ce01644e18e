/**
 * Slack: the Events API (JSON), slash commands (form) and interactivity (form with `payload=`), all signed alike.
 * What a person triggered is shown what we answer, so a form gets an empty answer: Slack then says nothing.
 */
import { Buffer } from 'node:buffer';
import { echoAnswer, emptyAnswer } from '../answers.ts';
import type { Answer, RawRequest, WebhookView } from '../contract.ts';
import type { Provider } from '../provider.ts';

/** `ssl_check=1&token=…` is under 100 bytes. */
const sslCheckBytesMax = 1024;

const empty = emptyAnswer();
const isForm = (headers: Readonly<Record<string, string>>): boolean =>
  headers['content-type']?.toLowerCase().startsWith('application/x-www-form-urlencoded') ?? false;

/** Slack looks at the certificate of a command's URL: unsigned, and content with 200. */
function sslCheck(request: RawRequest): Answer | null {
  if (request.method !== 'POST' || request.body.length > sslCheckBytesMax || !isForm(request.headers)) return null;
  const text = Buffer.from(request.body.buffer, request.body.byteOffset, request.body.length).toString('latin1');
  return text.includes('ssl_check') && new URLSearchParams(text).get('ssl_check') === '1' ? empty : null;
}

function urlVerification(view: WebhookView): Answer | null {
  if (typeof view.body !== 'object' || view.body === null) return null;
  const { type, challenge } = view.body as { type?: unknown; challenge?: unknown };
  return type === 'url_verification' ? echoAnswer(challenge) : null;
}

export const provider: Provider = {
  name: 'slack',
  label: 'Slack',
  confidence: 'documented',
  docs: 'https://docs.slack.dev/authentication/verifying-requests-from-slack',
  secret: 'The Signing Secret under Basic Information → App Credentials (not the Verification Token).',
  register: 'Event Subscriptions → Request URL; slash commands and interactivity have a field of their own.',
  handshakes: 'the URL verification of the Events API, and the certificate check of slash commands',
  proof: {
    kind: 'signature',
    schemes: [
      {
        signature: { form: 'plain', header: 'x-slack-signature', prefix: 'v0=' },
        digests: [{ algorithm: 'sha256', encoding: 'hex', key: { encoding: 'utf8' } }],
        timestamp: { header: 'x-slack-request-timestamp', unit: 's' },
        message: [{ literal: 'v0:' }, { timestamp: true }, { literal: ':' }, { body: true }],
      },
    ],
  },
  deliveryId: [[{ body: 'event_id' }], [{ body: 'trigger_id' }]],
  eventType: [[{ body: 'event.type' }], [{ body: 'type' }], [{ body: 'command' }]],
  eventTime: { at: 'event_time', form: 's' },
  handshakeUnsigned: sslCheck,
  handshake: urlVerification,
  answerTo: (view) => (isForm(view.headers) ? empty : null),
};
