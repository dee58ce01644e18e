/**
 * Adyen's webhooks about payments: every item has a signature of its own in the body, over eight of its fields. One item that
 * does not fit refuses them all, so that none hides behind another. Fields are joined as they are: Adyen's documentation
 * once told to escape colons, but it never did (its libraries dropped it).
 */
import { UsageError } from '../../errors.ts';
import { elementsAt, elementsMax, textAt, valueAt } from '../body-path.ts';
import { type Checker, failed, type Preparation, passed } from '../checker.ts';
import { fittingSecret } from '../key-match.ts';
import { type Key, prepareKeys } from '../keys.ts';
import { oneBytePerCharacter } from '../message.ts';
import type { Provider } from '../provider.ts';
import type { Digest } from '../scheme.ts';

const digest: Digest = { algorithm: 'sha256', encoding: 'base64', key: { encoding: 'hex' } };
const batch = 'notificationItems';
const item = (name: string) => `NotificationRequestItem.${name}`;
const signature = item('additionalData.hmacSignature');
const places = [
  ...['pspReference', 'originalReference', 'merchantAccountCode', 'merchantReference'],
  ...['amount.value', 'amount.currency', 'eventCode', 'success'],
].map(item);

function prepare(preparation: Preparation): Checker {
  const keys = prepareKeys([digest], preparation.secrets, preparation.problems);
  return {
    check(request) {
      const list = valueAt(request.parsed(), batch);
      const items = Array.isArray(list) ? list : [];
      if (items.length === 0 || items.length >= elementsMax)
        return failed('the body has no notificationItems, or too many');
      let secret = 0;
      for (const [index, one] of items.entries()) {
        const text = signedText(one);
        const shown = textAt(one, signature);
        const which = `item ${index + 1} of ${items.length}`;
        if (text === null || shown === null) return failed(`${which} has no hmacSignature, or lacks what it signs`);
        secret = fittingSecret(keys, [[text]], shown);
        if (secret === -1) return failed(`the hmacSignature of ${which} does not fit: another HMAC key?`);
      }
      return passed(secret);
    },
    sign({ target, body }) {
      const copy = readJson(body);
      const items = elementsAt(copy, batch);
      if (items.length === 0) throw new UsageError(['cannot sign: the body has no notificationItems']);
      for (const one of items) {
        const holder = valueAt(one, 'NotificationRequestItem') as { additionalData?: object } | undefined;
        const text = signedText(one);
        if (!holder || text === null) throw new UsageError(['cannot sign: an item lacks what is signed']);
        const hmacSignature = (keys[0] as Key).sign([text]);
        holder.additionalData = { ...holder.additionalData, hmacSignature };
      }
      return { target, headers: {}, body: Buffer.from(JSON.stringify(copy)) };
    },
    proofHeaders: [],
    proofQuery: [],
  };
}

/** What is absent is empty. null: a field is neither text nor number nor truth. */
function signedText(one: unknown): string | null {
  const texts: string[] = [];
  for (const place of places) {
    const value = valueAt(one, place) ?? '';
    if (typeof value === 'object' || (typeof value === 'number' && !Number.isSafeInteger(value))) return null;
    texts.push(String(value));
  }
  return oneBytePerCharacter(texts.join(':'));
}

function readJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
}

export const provider: Provider = {
  name: 'adyen',
  label: 'Adyen (payments)',
  confidence: 'vendor-sdk',
  docs: 'https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures/',
  secret: 'The HMAC Key of the webhook (Developers → Webhooks → the webhook → Security → Generate): hex digits.',
  register: 'Developers → Webhooks → Create new webhook → Standard webhook → Server configuration → URL.',
  proof: {
    kind: 'own',
    proof: 'HMAC-SHA256 in additionalData.hmacSignature of each item',
    signed: 'eight fields of the item, joined by colons',
    toleranceMs: null,
    prepare,
  },
  batch,
  // The same payment may be told again with more in it: that is another time, and another webhook.
  deliveryId: [[{ each: ['pspReference', 'eventCode', 'success', 'eventDate', 'merchantAccountCode'].map(item) }]],
  eventType: [[{ item: item('eventCode') }]],
  eventTime: { at: 'notificationItems.NotificationRequestItem.eventDate', form: 'ISO 8601' },
  // Older accounts insist on this text; newer ones look at the status alone.
  answer: { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: '[accepted]' },
};
