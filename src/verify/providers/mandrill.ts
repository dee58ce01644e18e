/**
 * Mandrill signs the URL and the fields of its form, like Twilio. It looks first whether the URL is there: by HEAD, and by
 * a list of no events signed with a key that everybody knows, which therefore is good for that and nothing else.
 */
import { UsageError } from '../../errors.ts';
import { emptyAnswer } from '../answers.ts';
import { type Checker, failed, type Preparation, passed } from '../checker.ts';
import type { Handshake, WebhookView } from '../contract.ts';
import { formFields, sortedFormText } from '../form-fields.ts';
import { fittingSecret, urlNeeded } from '../key-match.ts';
import { prepareKeys } from '../keys.ts';
import { oneBytePerCharacter } from '../message.ts';
import type { Provider } from '../provider.ts';
import { type Digest, utf8Key } from '../scheme.ts';

const header = 'x-mandrill-signature';
const field = 'mandrill_events';
const digest: Digest = { algorithm: 'sha1', encoding: 'base64', key: utf8Key };

/** No events: what Mandrill's test holds, and what would make no event in any case. */
const isEmptyList = (body: unknown): boolean => Array.isArray(body) && body.length === 0;

function prepare(preparation: Preparation): Checker {
  const keys = prepareKeys([digest], preparation.secrets, preparation.problems);
  const testKeys = prepareKeys([digest], ['test-webhook'], []);
  const urlOf = urlNeeded(preparation);
  return {
    check(request) {
      const signature = request.headers[header];
      if (signature === undefined) return failed(`the header ${header} is missing`);
      const fields = formFields(request);
      if (fields === null) return failed('the body is no form that can be read');
      const url = urlOf(request.target);
      const message = [oneBytePerCharacter(url + sortedFormText(fields))];
      const secret = fittingSecret(keys, [message], signature);
      if (secret !== -1) return passed(secret);
      // What is asked is what the door will answer as a handshake: the body as it parses.
      const testing = fittingSecret(testKeys, [message], signature) !== -1 && isEmptyList(request.parsed());
      if (testing) return passed();
      return failed(`${header} does not fit: another key, or the URL entered at Mandrill is not ${url}`);
    },
    sign(request) {
      // A payload is mostly written as the list of events that the form holds.
      const given = formFields(request);
      const form = new URLSearchParams({ [field]: Buffer.from(request.body).toString('utf8') }).toString();
      const body = given === null ? Buffer.from(form) : request.body;
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const fields = given ?? formFields({ headers, body });
      if (fields === null) throw new UsageError(['cannot sign: the body is not UTF-8']);
      const text = oneBytePerCharacter(urlOf(request.target) + sortedFormText(fields));
      return { target: request.target, body, headers: { ...headers, [header]: keys[0]?.sign([text]) ?? '' } };
    },
    proofHeaders: [header],
    proofQuery: [],
  };
}

function test({ body }: WebhookView): Handshake | null {
  return isEmptyList(body) ? emptyAnswer() : null;
}

export const provider: Provider = {
  name: 'mandrill',
  label: 'Mandrill (Mailchimp Transactional)',
  confidence: 'documented',
  docs: 'https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/#authenticating-webhook-requests',
  secret: 'The Key of the webhook (Settings → Webhooks → Key).',
  register: 'Settings → Webhooks → Add a Webhook → Post To URL; it must equal `url` in source.yaml to the letter.',
  proof: {
    kind: 'own',
    proof: `HMAC-SHA1 in the header ${header}`,
    signed: '{url} and the sorted fields of the form',
    toleranceMs: null,
    prepare,
  },
  body: { unwrap: { field, as: 'json' } },
  batch: '',
  // Events about a message have its id and a time; those about lists of addresses tell all they are in their bytes.
  deliveryId: [[{ each: ['_id', 'event', 'ts', 'url', 'ip'] }], [{ content: true }]],
  eventType: [[{ item: 'event' }], [{ item: 'type' }]],
  eventTime: { at: 'ts', form: 's' },
  handshakeMethods: ['HEAD'],
  handshakes: 'HEAD, answered 200; a list of no events signed with `test-webhook`: answered 200, not kept',
  handshakeUnsigned: ({ method }) => (method === 'HEAD' ? emptyAnswer() : null),
  handshake: test,
};
