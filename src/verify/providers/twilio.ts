/**
 * Twilio signs the URL and, sorted, the fields of the form; JSON stands outside of it and is bound by its hash in the
 * query (`bodySHA256`). Which spelling of the URL is signed varies: with or without the port, the query as it stands or
 * as an older library encoded it; the vendor's own library tries them as well.
 */
import { hash } from 'node:crypto';
import { UsageError } from '../../errors.ts';
import { textAt } from '../body-path.ts';
import { type Checker, failed, type Preparation, passed } from '../checker.ts';
import type { Answer, WebhookView } from '../contract.ts';
import { isForm } from '../form-fields.ts';
import { fittingSecret, urlNeeded } from '../key-match.ts';
import { prepareKeys } from '../keys.ts';
import { oneBytePerCharacter } from '../message.ts';
import type { Provider } from '../provider.ts';
import { type Digest, utf8Key } from '../scheme.ts';
import { contentOf, hashesOf, spellingsOf } from '../twilio-signed.ts';

const header = 'x-twilio-signature';
const digest: Digest = { algorithm: 'sha1', encoding: 'base64', key: utf8Key };

function prepare(preparation: Preparation): Checker {
  const keys = prepareKeys([digest], preparation.secrets, preparation.problems);
  const urlOf = urlNeeded(preparation);
  return {
    check(request) {
      const signature = request.headers[header];
      if (signature === undefined) return failed(`the header ${header} is missing`);
      const url = urlOf(request.target);
      const content = contentOf(request, url);
      if (!content.ok) return failed(content.reason);
      const messages = spellingsOf(url).map((one) => [oneBytePerCharacter(one), content.text]);
      const secret = fittingSecret(keys, messages, signature);
      if (secret !== -1) return passed(secret);
      return failed(`${header} does not fit: another auth token, or the URL registered at Twilio is not ${url}`);
    },
    sign(request) {
      const { headers, body } = request;
      const inHash = body.length > 0 && !isForm(headers) && hashesOf(urlOf(request.target)).length === 0;
      const and = request.target.includes('?') ? '&' : '?';
      const target = inHash ? `${request.target}${and}bodySHA256=${hash('sha256', body, 'hex')}` : request.target;
      const content = contentOf(request, urlOf(target));
      if (!content.ok) throw new UsageError([`cannot sign: ${content.reason}`]);
      const message = [oneBytePerCharacter(urlOf(target)), content.text];
      return { target, headers: { [header]: keys[0]?.sign(message) ?? '' } };
    },
    proofHeaders: [header],
    proofQuery: [],
  };
}

/** Fields of the form, or of the query when it came by GET. */
const fieldOf = ({ body, query }: WebhookView, name: string) => textAt(body, name) ?? textAt(query, name);

/** A call or message is asked what to do with it: nothing. What a status callback is answered is not looked at. */
const nothing: Answer = {
  status: 200,
  headers: { 'content-type': 'text/xml; charset=utf-8' },
  body: '<?xml version="1.0" encoding="UTF-8"?><Response/>',
};

function typeOf(view: WebhookView): string | null {
  const message = fieldOf(view, 'MessageStatus') ?? fieldOf(view, 'SmsStatus');
  if (message !== null) return `message.${message}`;
  const call = fieldOf(view, 'CallStatus');
  return call === null ? (fieldOf(view, 'EventType') ?? fieldOf(view, 'StatusCallbackEvent')) : `call.${call}`;
}

export const provider: Provider = {
  name: 'twilio',
  label: 'Twilio',
  confidence: 'documented',
  docs: 'https://www.twilio.com/docs/usage/security#validating-requests',
  secret: 'The primary Auth Token of the account or subaccount (Console → Account Info), not an API key.',
  register: 'The webhook or status callback URL of the number, messaging service or API call; `url` must equal it.',
  rotation: 'put the secondary token beside the primary one in `secrets`, then promote it',
  proof: {
    kind: 'own',
    proof: `HMAC-SHA1 in the header ${header}`,
    signed: '{url} and the sorted fields of the form, or {url} with the hash of the body',
    toleranceMs: null,
    prepare,
  },
  // Calls are in one state more than once: only their callbacks that are numbered have an id.
  deliveryId: [
    [{ header: 'i-twilio-idempotency-token' }],
    [{ body: 'MessageSid' }, { body: 'MessageStatus' }],
    [{ body: 'MessageSid' }, { body: 'SmsStatus' }],
    [{ body: 'CallSid' }, { body: 'CallStatus' }, { body: 'SequenceNumber' }],
    [{ query: 'MessageSid' }, { query: 'MessageStatus' }],
    [{ query: 'CallSid' }, { query: 'CallStatus' }, { query: 'SequenceNumber' }],
  ],
  eventType: [],
  typeOf,
  eventTime: { at: 'Timestamp', form: 'RFC 2822' },
  methods: ['GET'],
  answerTo: (view) =>
    ['CallSid', 'MessageSid', 'SmsSid'].some((name) => fieldOf(view, name) !== null) ? nothing : null,
};
