/**
 * Braintree sends a form: a payload (base64 of XML) and, for each of its keys, `public key|signature`. The key of the HMAC is
 * the SHA-1 of the private key. It may ask by GET whether the endpoint has the key: twenty to thirty-two hex digits, which
 * are never the beginning of XML in base64, so that the answer signs no payload.
 */
import { Buffer } from 'node:buffer';
import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import { UsageError } from '../../errors.ts';
import { echoAnswer } from '../answers.ts';
import { type Checker, failed, lastFitting, type Preparation, passed } from '../checker.ts';
import type { Greeting, RawRequest } from '../contract.ts';
import { fieldOf, formFields } from '../form-fields.ts';
import { decodeStrictly } from '../keys.ts';
import type { HandshakeContext, Provider } from '../provider.ts';

/** One for each key of the merchant; a few at most. */
const pairsMax = 16;
const digestOf = (privateKey: string, text: string): Buffer =>
  createHmac('sha1', hash('sha1', privateKey, 'buffer'))
    .update(text)
    .digest();

function prepare({ secrets, fields }: Preparation): Checker {
  const publicKeys = fields.public_key ?? [];
  return {
    check(request) {
      const form = formFields(request);
      const payload = fieldOf(form, 'bt_payload');
      const pairs = fieldOf(form, 'bt_signature')?.split('&', pairsMax);
      if (payload === null || pairs === undefined) return failed('the form has no one bt_payload and bt_signature');
      if (/[^A-Za-z0-9+/=\n]/.test(payload)) return failed('bt_payload is not base64');
      const signatures = pairs.flatMap((pair) => {
        const [publicKey = '', text = '', ...more] = pair.split('|');
        const bytes = decodeStrictly(text, 'hex');
        return more.length === 0 && publicKeys.includes(publicKey) && bytes?.length === 20 ? [bytes] : [];
      });
      if (signatures.length === 0) return failed('bt_signature holds no signature of our public_key');
      // A line break at the end is lost on some ways.
      const secret = lastFitting(secrets, (privateKey) =>
        [payload, `${payload}\n`]
          .map((text) => digestOf(privateKey, text))
          .flatMap((right) => signatures.map((bytes) => timingSafeEqual(right, bytes)))
          .includes(true),
      );
      return secret === -1 ? failed('bt_signature does not fit: another private key') : passed(secret);
    },
    sign(request) {
      // A payload is mostly written as the XML that the form holds.
      const xml = Buffer.from(request.body).toString('base64');
      const payload = fieldOf(formFields(request), 'bt_payload') ?? `${xml}\n`;
      const [publicKey] = publicKeys;
      if (publicKey === undefined) throw new UsageError(['cannot sign: `public_key` is not set']);
      const signature = `${publicKey}|${digestOf(secrets[0] ?? '', payload).toString('hex')}`;
      const form = new URLSearchParams({ bt_signature: signature, bt_payload: payload });
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      return { target: request.target, headers, body: Buffer.from(form.toString()) };
    },
    proofHeaders: [],
    proofQuery: [],
  };
}

function challenge({ method, query }: RawRequest, { secret, fields }: HandshakeContext): Greeting {
  const asked = query.bt_challenge;
  if (method !== 'GET' || asked === undefined) return null;
  const [publicKey = ''] = fields.public_key ?? [];
  const right = typeof asked === 'string' && /^[a-f0-9]{20,32}$/.test(asked);
  const answer = right ? echoAnswer(`${publicKey}|${digestOf(secret, asked).toString('hex')}`) : null;
  return answer ?? { refused: 'bt_challenge is not 20 to 32 hex digits' };
}

export const provider: Provider = {
  name: 'braintree',
  label: 'Braintree',
  confidence: 'vendor-sdk',
  docs: 'https://developer.paypal.com/braintree/docs/guides/webhooks/parse/node',
  secret: 'The Private Key (gear → API → API Keys).',
  register: 'gear → API → Webhooks → Create new webhook → Destination URL.',
  fields: [{ name: 'public_key', required: true, secret: false, what: 'the Public Key beside the Private Key' }],
  proof: {
    kind: 'own',
    proof: 'HMAC-SHA1 in bt_signature in the form',
    signed: 'bt_payload',
    toleranceMs: null,
    prepare,
  },
  body: { unwrap: { field: 'bt_payload', as: 'base64-xml' } },
  // Every notification tells its time: only a repetition has the same bytes.
  deliveryId: [[{ body: 'notification.kind' }, { body: 'notification.timestamp.#text' }, { content: true }]],
  eventType: [[{ body: 'notification.kind' }]],
  eventTime: { at: 'notification.timestamp.`#text`', form: 'ISO 8601' },
  handshakeMethods: ['GET'],
  handshakes: 'GET with `bt_challenge`, answered with the public key and its digest',
  handshakeUnsigned: challenge,
};
