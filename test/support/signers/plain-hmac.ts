/** Providers that sign the body alone (or after its URL), one header each: an HMAC straight from the vendors' pages. */
import { createHmac } from 'node:crypto';
import { made, type Signers } from '../signed-vector.ts';

const json = { 'content-type': 'application/json' };
const text = (value: unknown) => JSON.stringify(value);

type Plan = {
  readonly header: string;
  readonly body: string;
  readonly secret?: string;
  readonly key?: Buffer;
  readonly algorithm?: 'sha1' | 'sha256';
  readonly encoding?: 'hex' | 'base64';
  readonly prefix?: string;
  readonly headers?: Record<string, string>;
};

function plain(id: string, plan: Plan) {
  const { header, body, secret = 'a secret of the vectors', prefix = '', headers = {} } = plan;
  const hmac = createHmac(plan.algorithm ?? 'sha256', plan.key ?? secret).update(body, 'utf8');
  const signature = prefix + hmac.digest(plan.encoding ?? 'hex');
  return made(id, { secret, headers: { ...json, ...headers, [header]: signature }, body });
}

const wrong = (vector: ReturnType<typeof made>, note: string) => ({ ...vector, valid: false, note });

const vercel = {
  header: 'x-vercel-signature',
  body: text({ id: 'uev_1', type: 'deployment.succeeded', createdAt: 1700000000123, payload: { name: 'Zoë' } }),
};
const intercom = {
  header: 'x-hub-signature',
  body: text({ type: 'notification_event', id: 'notif_1', topic: 'contact.created', created_at: 1700000000 }),
};
const typeform = {
  header: 'typeform-signature',
  body: text({
    event_id: '01GT',
    event_type: 'form_response',
    form_response: { submitted_at: '2026-11-19T10:00:00Z' },
  }),
};
const airtableKey = Buffer.from('a key of bytes, ÿ and more');
const xero = { header: 'x-xero-signature', encoding: 'base64' } as const;
const squareUrl = 'https://relay.example.com/hooks/square?shop=1';
const square = text({
  merchant_id: 'M1',
  type: 'payment.created',
  event_id: '13b867cf-db3d-4b1c-90b6-2f32a9d78124',
  created_at: '2026-11-19T21:27:34.308Z',
});

export const signers: Signers = {
  bitbucket: () => [
    plain('bitbucket-push', {
      header: 'x-hub-signature',
      prefix: 'sha256=',
      headers: { 'x-event-key': 'repo:push', 'x-request-uuid': 'e7d5b0f5', 'x-attempt-number': '1' },
      body: text({ push: { changes: [] }, actor: { nickname: 'Zoë' } }),
    }),
    wrong(
      plain('bitbucket-sha1', { header: 'x-hub-signature', prefix: 'sha1=', algorithm: 'sha1', body: '{}' }),
      'what GitHub meant by this header',
    ),
  ],
  jira: () => [
    plain('jira-issue', {
      header: 'x-hub-signature',
      prefix: 'sha256=',
      headers: { 'x-atlassian-webhook-identifier': '5a3c8f2b' },
      body: text({ timestamp: 1700000000123, webhookEvent: 'jira:issue_created', issue: { key: 'A-1' } }),
    }),
  ],
  typeform: () => [
    plain('typeform-response', { ...typeform, prefix: 'sha256=', encoding: 'base64' }),
    wrong(plain('typeform-hex', { ...typeform, prefix: 'sha256=' }), 'what the prefix looks like'),
  ],
  square: () => {
    const sign = (url: string) =>
      createHmac('sha256', 'a signature key')
        .update(url + square)
        .digest('base64');
    const vector = (id: string, url: string) =>
      made(id, {
        secret: 'a signature key',
        url: squareUrl,
        headers: { ...json, 'x-square-hmacsha256-signature': sign(url) },
        body: square,
      });
    return [
      vector('square-payment', squareUrl),
      wrong(vector('square-url-without-query', squareUrl.split('?')[0] as string), 'the URL is signed with its query'),
    ];
  },
  xero: () => [
    plain('xero-event', {
      ...xero,
      body: text({
        events: [
          {
            resourceId: '717f2bfc',
            eventDateUtc: '2026-11-19T21:27:34.308',
            eventType: 'UPDATE',
            eventCategory: 'CONTACT',
          },
        ],
        lastEventSequence: 1,
        firstEventSequence: 1,
        entropy: 'S0m3r4Nd0mt3xt',
      }),
    }),
    {
      ...plain('xero-intent-to-receive', {
        ...xero,
        body: text({ events: [], lastEventSequence: 0, firstEventSequence: 0, entropy: 'S0m3r4Nd0mt3xt' }),
      }),
      handshake: true,
      status: 200,
      answer: '',
    },
    wrong(
      {
        ...plain('xero-intent-signed-wrongly', { ...xero, secret: 'another', body: '{"events":[],"entropy":"x"}' }),
        secret: 'the right one',
      },
      'Xero signs wrongly on purpose, to see whether it is refused',
    ),
  ],
  quickbooks: () => [
    plain('quickbooks-cloudevents', {
      header: 'intuit-signature',
      encoding: 'base64',
      body: text([
        {
          specversion: '1.0',
          id: '88cd52aa',
          type: 'qbo.customer.created.v1',
          time: '2026-11-19T10:00:00Z',
          intuitentityid: '4',
        },
      ]),
    }),
    plain('quickbooks-entities', {
      header: 'intuit-signature',
      encoding: 'base64',
      body: text({
        eventNotifications: [
          {
            realmId: '1185883450',
            dataChangeEvent: {
              entities: [
                { name: 'Customer', id: '1', operation: 'Create', lastUpdated: '2026-11-19T10:00:00.000Z' },
                { name: 'Vendor', id: '1', operation: 'Create', lastUpdated: '2026-11-19T10:00:00.000Z' },
              ],
            },
          },
        ],
      }),
    }),
  ],
  'adyen-platforms': () => {
    const secret = 'A1B2C3D4'.repeat(8);
    const plan = {
      header: 'hmacsignature',
      encoding: 'base64',
      secret,
      headers: { protocol: 'HmacSHA256' },
      body: text({
        type: 'balancePlatform.transfer.created',
        environment: 'test',
        timestamp: '2026-11-19T10:00:00+01:00',
        data: { id: '1VVF0D5V3709DX6D' },
      }),
    } as const;
    return [
      plain('adyen-platforms-transfer', { ...plan, key: Buffer.from(secret, 'hex') }),
      wrong(plain('adyen-platforms-key-as-text', plan), 'the key is what its hex stands for'),
    ];
  },
  airtable: () => [
    {
      ...plain('airtable-ping', {
        header: 'x-airtable-content-mac',
        prefix: 'hmac-sha256=',
        secret: airtableKey.toString('base64'),
        key: airtableKey,
        body: text({ base: { id: 'app1' }, webhook: { id: 'ach1' }, timestamp: '2026-11-19T10:00:00.663Z' }),
      }),
      answer: '',
    },
    wrong(
      plain('airtable-key-as-text', {
        header: 'x-airtable-content-mac',
        prefix: 'hmac-sha256=',
        secret: airtableKey.toString('base64'),
        body: '{}',
      }),
      'the key is what its base64 stands for',
    ),
  ],
  segment: () => [
    plain('segment-track', {
      header: 'x-signature',
      algorithm: 'sha1',
      body: text({
        type: 'track',
        event: 'Order Completed',
        messageId: 'ajs-1',
        timestamp: '2026-11-19T10:00:00.000Z',
      }),
    }),
  ],
  launchdarkly: () => [
    plain('launchdarkly-flag', {
      header: 'x-ld-signature',
      body: text({ _id: '57c0a8e2', date: 1700000000123, kind: 'flag', titleVerb: 'turned on the flag', accesses: [] }),
    }),
  ],
  sentry: () => [
    plain('sentry-issue', {
      header: 'sentry-hook-signature',
      headers: {
        'request-id': '0b2c7f6e3c',
        'sentry-hook-resource': 'issue',
        'sentry-hook-timestamp': '1700000000',
      },
      body: text({ action: 'created', data: { issue: { title: 'Zoë' } } }),
    }),
  ],
  vercel: () => [
    plain('vercel-deployment', { ...vercel, algorithm: 'sha1' }),
    wrong(plain('vercel-sha256', vercel), 'what some libraries take it for'),
  ],
  woocommerce: () => [
    plain('woocommerce-order', {
      header: 'x-wc-webhook-signature',
      encoding: 'base64',
      headers: {
        'x-wc-webhook-topic': 'order.created',
        'x-wc-webhook-delivery-id': '2d4b1a7c',
        'x-wc-webhook-id': '3',
      },
      body: text({ id: 727, status: 'processing', date_modified_gmt: '2026-11-19T10:00:00' }),
    }),
  ],
  gocardless: () => [
    plain('gocardless-mandate', {
      header: 'webhook-signature',
      body: text({
        events: [{ id: 'EV1', created_at: '2026-11-19T10:00:00.000Z', action: 'created', resource_type: 'mandates' }],
        meta: { webhook_id: 'WB1' },
      }),
    }),
  ],
  razorpay: () => [
    plain('razorpay-payment', {
      header: 'x-razorpay-signature',
      headers: { 'x-razorpay-event-id': 'Gb5kMCdcAZ8jJ8' },
      body: text({ entity: 'event', event: 'payment.captured', created_at: 1700000000, payload: {} }),
    }),
  ],
  line: () => [
    plain('line-message', {
      header: 'x-line-signature',
      encoding: 'base64',
      body: text({
        destination: 'U1',
        events: [
          {
            type: 'follow',
            webhookEventId: '01FZ74A0TDDPYRVKNK77XKC3ZR',
            deliveryContext: { isRedelivery: false },
            timestamp: 1700000000123,
          },
        ],
      }),
    }),
    plain('line-verify', {
      header: 'x-line-signature',
      encoding: 'base64',
      body: text({ destination: 'U1', events: [] }),
    }),
  ],
  lemonsqueezy: () => [
    plain('lemonsqueezy-order', {
      header: 'x-signature',
      headers: { 'x-event-name': 'order_created' },
      body: text({
        meta: { event_name: 'order_created' },
        data: { type: 'orders', id: '1', attributes: { updated_at: '2026-11-19T10:00:00.000000Z' } },
      }),
    }),
  ],
  intercom: () => [
    plain('intercom-contact', { ...intercom, algorithm: 'sha1', prefix: 'sha1=' }),
    wrong(plain('intercom-sha256', { ...intercom, prefix: 'sha256=' }), 'Intercom signs with SHA-1'),
  ],
};
