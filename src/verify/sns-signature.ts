/**
 * The signature of an SNS message, which stands in its body. The signed time is that of publishing, not of the try. SNS tries for an hour at most over HTTP
 * (https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html), and holds messages back before where a
 * subscription is throttled: the window is eight hours, in which a message that comes again is known by its id.
 */
import { UsageError } from '../errors.ts';
import { textAt, valueAt } from './body-path.ts';
import { type Checker, failed, type Preparation, passed } from './checker.ts';
import { keptReader, readCertificate, signedByRsa } from './published-keys.ts';
import { reachable } from './reach.ts';
import { outsideWindow, parseTime } from './timestamp.ts';

export const toleranceMs = 8 * 3_600_000;
const certificateAgeMs = 86_400_000;
export const snsHost = /^sns\.[a-z0-9-]{3,32}\.amazonaws\.com(\.cn)?$/;
export const certificates = [{ host: snsHost, path: /^\/[A-Za-z0-9-]{1,100}\.pem$/ }] as const;

/** What is signed, in this order, each as its name and its value on lines of their own. */
const signedOf: Readonly<Record<string, readonly string[]>> = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
};
const hashes: Readonly<Record<string, 'sha1' | 'sha256'>> = { 1: 'sha1', 2: 'sha256' };

export function prepareSns(preparation: Preparation): Checker {
  const read = keptReader(readCertificate);
  const { remote, fields } = preparation;
  const windowMs = preparation.toleranceMs ?? toleranceMs;
  return {
    check(request, now) {
      if (request.headers['x-amz-sns-rawdelivery'] !== undefined) {
        return failed('raw message delivery is not signed: switch it off in the subscription');
      }
      const message = request.parsed();
      if (!(fields.topic_arn ?? []).includes(textAt(message, 'TopicArn') ?? '')) {
        return failed('the TopicArn is not one of topic_arn, or this is no message of SNS');
      }
      const text = signedText(message);
      if (text === null) return failed('the message is not of a Type that SNS sends, or lacks what it signs');
      const version = hashes[textAt(message, 'SignatureVersion') ?? ''];
      if (version === undefined) return failed('the SignatureVersion is neither 1 nor 2');
      const signedAt = parseTime(textAt(message, 'Timestamp') ?? '', 'rfc3339');
      if (signedAt === null) return failed('the Timestamp is no time');
      const url = textAt(message, 'SigningCertURL') ?? '';
      if (!reachable({ reaches: certificates }, url)) return failed('the SigningCertURL is not where SNS keeps them');
      const pem = remote.get(url, certificateAgeMs);
      if (pem === null) return { ok: false, reason: 'the certificate is not here yet', wants: url };
      const certificate = read(pem);
      if (certificate === null) return failed('what stands at SigningCertURL is no certificate of an RSA key');
      const signature = textAt(message, 'Signature') ?? '';
      if (!signedByRsa(version, text, certificate.key, signature)) return failed('the Signature does not fit');
      const outside = outsideWindow(signedAt, now, windowMs);
      return outside === null ? passed() : failed(outside);
    },
    sign: () => {
      throw new UsageError(['cannot sign: only Amazon has the key']);
    },
    proofHeaders: [],
    proofQuery: [],
  };
}

function signedText(message: unknown): string | null {
  let text = '';
  for (const name of signedOf[textAt(message, 'Type') ?? ''] ?? []) {
    const value = valueAt(message, name);
    if (typeof value === 'string') text += `${name}\n${value}\n`;
    else if (name !== 'Subject' || (value !== undefined && value !== null)) return null;
  }
  return text === '' ? null : text;
}
