/** Providers that sign a time with the body, one signature each, straight from the vendors' pages. */
import { createHmac } from 'node:crypto';
import { made, type Signers } from '../signed-vector.ts';

const now = 1_700_000_000;
const ms = `${now}123`;
const iso = '2023-11-14T22:13:20Z';
const httpDate = 'Tue, 14 Nov 2023 22:13:20 GMT';
const json = { 'content-type': 'application/json' };
const secret = 'a secret of the vectors';
const text = (value: unknown) => JSON.stringify(value);
const digest = (signed: string, encoding: 'hex' | 'base64' | 'base64url') =>
  createHmac('sha256', secret).update(signed, 'utf8').digest(encoding);

function timed(id: string, headers: Record<string, string>, body: string) {
  return made(id, { secret, now, headers: { ...json, ...headers }, body });
}

const wrong = (vector: ReturnType<typeof made>, note: string) => ({ ...vector, valid: false, note });

const zendesk = text({
  id: 'cbe4028c',
  type: 'zen:event-type:user.created',
  time: '2026-11-19T10:00:00Z',
  zendesk_event_version: '2022-06-20',
  note: 'Zoë $& $1',
});
const zendeskHeaders = (signed: string) => ({
  'x-zendesk-webhook-signature': digest(signed, 'base64'),
  'x-zendesk-webhook-signature-timestamp': iso,
  'x-zendesk-webhook-invocation-id': '01G17WKS74YPHMEP4EV8C35XKJ',
});

const calendly = text({
  event: 'invitee.created',
  created_at: '2026-11-19T10:00:00.000000Z',
  payload: { uri: 'https://api.calendly.com/scheduled_events/1/invitees/2' },
});
const linear = (time: number) => text({ type: 'Issue', action: 'create', createdAt: iso, webhookTimestamp: time });
const linearHeaders = (body: string) => ({
  'linear-delivery': '234d1a4e',
  'linear-event': 'Issue',
  'linear-signature': digest(body, 'hex'),
});

const workos = text({ id: 'event_1', event: 'user.created', created_at: '2026-11-19T10:00:00.000Z', data: {} });
const webflow = text({ triggerType: 'collection_item_changed', payload: { id: '1', lastUpdated: iso } });
const form = text({ triggerType: 'form_submission', payload: { id: '2', submittedAt: iso } });
const webflowHeaders = (body: string) => ({
  'x-webflow-timestamp': ms,
  'x-webflow-signature': digest(`${ms}:${body}`, 'hex'),
});

const sanity = text({ _id: 'a', _type: 'post', title: 'Zoë' });
const sanityHeaders = (signature: string) => ({
  'sanity-webhook-signature': `t=${ms},v1=${signature}`,
  'idempotency-key': '5d8a0b7e',
  'sanity-operation': 'create',
});
/** The same bytes to a lenient reader: only bits that are dropped differ. */
const lenient = (signature: string) => {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return signature.slice(0, -1) + letters[letters.indexOf(signature.at(-1) as string) + 1];
};

const customerio = text({
  event_id: '01E4C4CT6YDC7Y5M7FE1GWWPQJ',
  object_type: 'email',
  metric: 'opened',
  timestamp: now,
});
const klaviyo = text({
  data: [{ external_id: 'e1', topic: 'event:klaviyo.email_delivered', payload: {} }],
  meta: { klaviyo_account_id: 'A1', klaviyo_webhook_id: 'w1', timestamp: '2023-11-14T22:13:20+00:00' },
});
const klaviyoHeaders = (signed: string, time: string) => ({
  'klaviyo-signature': digest(signed, 'hex'),
  'klaviyo-timestamp': time,
  'klaviyo-webhook-id': 'w1',
});

const twitchTime = '2023-11-14T22:13:20.634234626Z';
function twitch(id: string, kind: string, body: string, more: Partial<ReturnType<typeof made>> = {}) {
  const headers = {
    'twitch-eventsub-message-id': 'befa7b53-d79d-478f-86b9-120f112b044e',
    'twitch-eventsub-message-timestamp': twitchTime,
    'twitch-eventsub-message-type': kind,
    'twitch-eventsub-subscription-type': 'channel.follow',
  };
  const signed = `befa7b53-d79d-478f-86b9-120f112b044e${twitchTime}${body}`;
  const signature = { 'twitch-eventsub-message-signature': `sha256=${digest(signed, 'hex')}` };
  return { ...timed(id, { ...headers, ...signature }, body), ...more };
}

const mux = text({ id: '3a56ac3d', type: 'video.asset.ready', created_at: iso, attempts: [] });
const buildkite = text({ event: 'build.finished', build: { id: 'b1' } });
const front = text({ type: 'inbound_received', authorization: { id: 'cmp_1' }, payload: { id: 'evt_1' } });
const frontSync = text({ type: 'sync', authorization: { id: 'cmp_1' } });
const frontHeaders = (body: string) => ({
  'x-front-request-timestamp': ms,
  'x-front-signature': digest(`${ms}:${body}`, 'base64'),
});

export const signers: Signers = {
  zendesk: () => [
    timed('zendesk-event', zendeskHeaders(iso + zendesk), zendesk),
    wrong(timed('zendesk-old-order', zendeskHeaders(zendesk + iso), zendesk), 'the order of an older page'),
  ],
  calendly: () => [
    timed(
      'calendly-invitee',
      { 'calendly-webhook-signature': `t=${now},v1=${digest(`${now}.${calendly}`, 'hex')}` },
      calendly,
    ),
  ],
  linear: () => {
    const late = linear((now - 6 * 3600) * 1000);
    return [
      timed('linear-issue', linearHeaders(linear(now * 1000)), linear(now * 1000)),
      { ...timed('linear-last-retry', linearHeaders(late), late), note: 'it comes six hours after the event' },
      wrong(timed('linear-without-time', linearHeaders('{"type":"Issue"}'), '{"type":"Issue"}'), 'no time is signed'),
    ];
  },
  workos: () => [
    timed('workos-user', { 'workos-signature': `t=${ms}, v1=${digest(`${ms}.${workos}`, 'hex')}` }, workos),
  ],
  webflow: () => [
    timed('webflow-item', webflowHeaders(webflow), webflow),
    timed('webflow-form', webflowHeaders(form), form),
  ],
  sanity: () => {
    const right = digest(`${ms}.${sanity}`, 'base64url');
    return [
      timed('sanity-post', sanityHeaders(right), sanity),
      wrong(timed('sanity-lenient', sanityHeaders(lenient(right)), sanity), 'its last bits are none of the digest'),
      wrong(
        timed('sanity-hex', sanityHeaders(digest(`${ms}.${sanity}`, 'hex')), sanity),
        'hex is another text of the same digest',
      ),
    ];
  },
  customerio: () => [
    timed(
      'customerio-opened',
      { 'x-cio-timestamp': `${now}`, 'x-cio-signature': digest(`v0:${now}:${customerio}`, 'hex') },
      customerio,
    ),
  ],
  klaviyo: () => [
    timed('klaviyo-http-date', klaviyoHeaders(klaviyo + httpDate, httpDate), klaviyo),
    timed('klaviyo-seconds', klaviyoHeaders(`${klaviyo}${now}`, `${now}`), klaviyo),
    wrong(timed('klaviyo-time-first', klaviyoHeaders(httpDate + klaviyo, httpDate), klaviyo), 'the body comes first'),
  ],
  twitch: () => [
    twitch(
      'twitch-follow',
      'notification',
      text({ subscription: { type: 'channel.follow' }, event: { user_id: '1' } }),
    ),
    twitch(
      'twitch-revocation',
      'revocation',
      text({ subscription: { type: 'channel.follow', status: 'user_removed' } }),
    ),
    twitch(
      'twitch-challenge',
      'webhook_callback_verification',
      text({ challenge: 'pogchamp-kappa-360noscope-vohiyo' }),
      {
        handshake: true,
        status: 200,
        answer: 'pogchamp-kappa-360noscope-vohiyo',
      },
    ),
  ],
  mux: () => [timed('mux-asset', { 'mux-signature': `t=${now},v1=${digest(`${now}.${mux}`, 'hex')}` }, mux)],
  buildkite: () => [
    timed(
      'buildkite-build',
      {
        'x-buildkite-event': 'build.finished',
        'x-buildkite-signature': `timestamp=${now},signature=${digest(`${now}.${buildkite}`, 'hex')}`,
      },
      buildkite,
    ),
  ],
  front: () => [
    timed('front-inbound', frontHeaders(front), front),
    {
      ...timed('front-sync', { ...frontHeaders(frontSync), 'x-front-challenge': 'a"b' }, frontSync),
      handshake: true,
      status: 200,
      answer: '{"challenge":"a\\"b"}',
    },
  ],
};
