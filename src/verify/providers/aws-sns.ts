/**
 * Amazon SNS signs with a certificate that its message names: opened only where SNS keeps them. Anybody can own a topic and
 * have SNS sign for it, so the topic has to be one of ours, and a subscription to it is confirmed by calling SNS.
 */
import { emptyAnswer } from '../answers.ts';
import { textAt } from '../body-path.ts';
import type { Handshake, WebhookView } from '../contract.ts';
import type { Provider } from '../provider.ts';
import { reachable } from '../reach.ts';
import { certificates, prepareSns, snsHost, toleranceMs } from '../sns-signature.ts';

const confirmations = [
  {
    host: snsHost,
    path: /^\/\?Action=ConfirmSubscription&TopicArn=[A-Za-z0-9:._%-]{1,400}&Token=[A-Za-z0-9]{1,1000}$/,
  },
] as const;

function confirmation({ body }: WebhookView): Handshake | null {
  const type = textAt(body, 'Type');
  const topic = textAt(body, 'TopicArn');
  if (type === 'UnsubscribeConfirmation') {
    return { ...emptyAnswer(), note: `the subscription to ${topic} was ended; its SubscribeURL would take that back` };
  }
  if (type !== 'SubscriptionConfirmation') return null;
  const url = textAt(body, 'SubscribeURL') ?? '';
  const ours = reachable({ reaches: confirmations }, url) && new URL(url).searchParams.get('TopicArn') === topic;
  if (ours) return { ...emptyAnswer(), confirm: url, note: `the subscription to ${topic} is confirmed` };
  return {
    ...emptyAnswer(),
    note: `the subscription to ${topic} waits: only a person should open ${url.slice(0, 400)}`,
  };
}

/** Longer ones are not looked into: SNS takes 256 KB. */
const messageLengthMax = 262_144;
const typePlaces = ['eventType', 'notificationType', 'detail-type', 'Records.0.eventName', 'type', 'event'];

/** Most publishers put JSON into the text of the message. */
function typeOf({ body }: WebhookView): string | null {
  const text = textAt(body, 'Message') ?? '';
  if (text.startsWith('{') && text.length <= messageLengthMax) {
    try {
      const inner: unknown = JSON.parse(text);
      for (const place of typePlaces) if (textAt(inner, place) !== null) return textAt(inner, place);
    } catch {
      // Text that only begins like JSON.
    }
  }
  return textAt(body, 'Type');
}

export const provider: Provider = {
  name: 'aws-sns',
  label: 'Amazon SNS',
  confidence: 'vendor-sdk',
  docs: 'https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html',
  secret: 'There is none: SNS signs with its own key. `topic_arn` says whose messages are taken.',
  register: 'The topic → Create subscription → HTTPS → Endpoint, raw message delivery off; it is confirmed by itself.',
  secretFrom: 'none',
  fields: [
    {
      name: 'topic_arn',
      required: true,
      secret: false,
      pattern: /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]{1,256}$/,
      shape: 'the ARN of a topic: arn:aws:sns:REGION:ACCOUNT:NAME',
      what: 'the ARN of the topic, or a list of them',
    },
  ],
  proof: {
    kind: 'own',
    proof: 'RSA-SHA1 or RSA-SHA256 in Signature in the body',
    signed: 'name and value of Message, MessageId, Subject, Timestamp, TopicArn, Type: a line each',
    toleranceMs,
    prepare: prepareSns,
  },
  reaches: [...certificates, ...confirmations],
  body: { plainTextIsJson: true },
  deliveryId: [[{ body: 'MessageId' }]],
  eventType: [],
  typeOf,
  eventTime: { at: 'Timestamp', form: 'ISO 8601' },
  handshakes:
    'SubscriptionConfirmation, signed: its SubscribeURL is called; UnsubscribeConfirmation: answered, no more',
  handshake: confirmation,
};
