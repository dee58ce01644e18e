/** The providers that came first, signed with nothing but Node's own crypto and the vendors' packages. */
import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { made, type Signers } from '../signed-vector.ts';

const body = '{"id":"evt_1","type":"order.created","note":"Zoë 🎈 $& $1","amount":null}';
const slackBody = '{"type":"event_callback","event_id":"Ev1","event":{"type":"team_join"}}';
const now = 1_700_000_000;
const json = { 'content-type': 'application/json' };
const hmac = (secret: string, text: string, encoding: 'hex' | 'base64') =>
  createHmac('sha256', secret).update(text).digest(encoding);

export const signers: Signers = {
  github: () => [
    made('github-event', {
      secret: 'a secret',
      headers: {
        ...json,
        'x-github-event': 'issues',
        'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
        'x-hub-signature-256': `sha256=${hmac('a secret', body, 'hex')}`,
      },
      body,
    }),
  ],
  shopify: () => [
    made('shopify-order', {
      secret: 'shpss_1',
      headers: {
        ...json,
        'x-shopify-topic': 'orders/create',
        'x-shopify-webhook-id': 'b54557e4-bdd9-4b37-8a5f-bf7d70bcd043',
        'x-shopify-hmac-sha256': hmac('shpss_1', body, 'base64'),
      },
      body,
    }),
  ],
  slack: () => [
    made('slack-event', {
      secret: '8f742231b10e8888abcd99yyyzzz85a5',
      now,
      headers: {
        ...json,
        'x-slack-request-timestamp': `${now}`,
        'x-slack-signature': `v0=${hmac('8f742231b10e8888abcd99yyyzzz85a5', `v0:${now}:${slackBody}`, 'hex')}`,
      },
      body: slackBody,
    }),
  ],
  'standard-webhooks': () => [
    made('standard-webhooks-event', {
      from: 'standardwebhooks (npm) Webhook.sign',
      secret: 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD',
      now,
      headers: {
        ...json,
        'webhook-id': 'msg_1',
        'webhook-timestamp': `${now}`,
        'webhook-signature': new Webhook('whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD').sign(
          'msg_1',
          new Date(now * 1000),
          body,
        ),
      },
      body,
    }),
  ],
};
