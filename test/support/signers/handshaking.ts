/** Providers whose webhooks are signed plainly and whose handshakes are what is special about them. */
import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { made, type Signers } from '../signed-vector.ts';

const now = 1_700_000_000;
const json = { 'content-type': 'application/json' };
const text = (value: unknown) => JSON.stringify(value);
const hex = (secret: string, signed: string) => createHmac('sha256', secret).update(signed).digest('hex');
const whsec = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';

function standard(id: string, family: 'webhook' | 'svix', secret: string, body: string, key = secret) {
  const signature = new Webhook(key).sign('msg_1', new Date(now * 1000), body);
  const headers = {
    ...json,
    [`${family}-id`]: 'msg_1',
    [`${family}-timestamp`]: `${now}`,
    [`${family}-signature`]: signature,
  };
  return made(id, { from: 'standardwebhooks (npm) Webhook.sign', secret, now, headers, body });
}

function hubSignature(id: string, header: string, prefix: string, body: string) {
  return made(id, { secret: 'app-secret', headers: { ...json, [header]: prefix + hex('app-secret', body) }, body });
}

const zoom = text({ event: 'meeting.started', event_ts: 1700000000123, payload: {} });
const trello = text({ action: { id: '51f9424bcd6e040f3c002412', type: 'updateCard' }, model: {} });
const callback = 'https://relay.example.com/hooks/trello';
const x = text({ for_user_id: '1', follow_events: [{ type: 'follow', created_timestamp: '1700000000123' }] });
const whatsapp = text({
  object: 'whatsapp_business_account',
  entry: [
    { id: '0', changes: [{ field: 'messages', value: { messages: [{ id: 'wamid.1', timestamp: '1700000000' }] } }] },
  ],
});

export const signers: Signers = {
  svix: () => [standard('svix-event', 'svix', whsec, '{"type":"invoice.paid","data":{}}')],
  clerk: () => [standard('clerk-user', 'svix', whsec, '{"type":"user.created","timestamp":1700000000000}')],
  openai: () => [standard('openai-batch', 'webhook', whsec, '{"id":"evt_1","type":"batch.completed"}')],
  polar: () => [
    // The text of the secret is the key: another encoder of the same key has to be told so in base64.
    standard('polar-order', 'webhook', 'polar_whs_1', '{"type":"order.paid","data":{}}', btoa('polar_whs_1')),
  ],
  dropbox: () => [
    hubSignature('dropbox-change', 'x-dropbox-signature', '', '{"list_folder":{"accounts":["dbid:AAH4f99"]}}'),
  ],
  zoom: () => [
    made('zoom-meeting', {
      secret: 'zoom-token',
      now,
      headers: {
        ...json,
        'x-zm-request-timestamp': `${now}`,
        'x-zm-signature': `v0=${hex('zoom-token', `v0:${now}:${zoom}`)}`,
      },
      body: zoom,
    }),
  ],
  meta: () =>
    [
      hubSignature(
        'meta-feed',
        'x-hub-signature-256',
        'sha256=',
        '{"object":"page","entry":[{"id":"1","time":1700000000,"changes":[{"field":"feed","value":{"message":"Zo\\u00eb"}}]}]}',
      ),
    ].map((vector) => ({ ...vector, source: { verify_token: 'a verify token' } })),
  whatsapp: () =>
    [hubSignature('whatsapp-message', 'x-hub-signature-256', 'sha256=', whatsapp)].map((vector) => ({
      ...vector,
      source: { verify_token: 'a verify token' },
    })),
  asana: () => [
    hubSignature(
      'asana-task',
      'x-hook-signature',
      '',
      '{"events":[{"action":"added","resource":{"gid":"1","resource_type":"task"},"created_at":"2026-11-19T10:00:00.123Z"}]}',
    ),
  ],
  notion: () => [
    hubSignature(
      'notion-page',
      'x-notion-signature',
      'sha256=',
      '{"id":"367cba44","timestamp":"2026-11-19T10:00:00.123Z","type":"page.created"}',
    ),
  ],
  trello: () => [
    made('trello-card', {
      secret: 'app-secret',
      url: callback,
      headers: {
        ...json,
        'x-trello-webhook': createHmac('sha1', 'app-secret').update(trello).update(callback).digest('base64'),
      },
      body: trello,
    }),
  ],
  x: () => [
    made('x-follow', {
      secret: 'consumer-secret',
      headers: {
        ...json,
        'x-twitter-webhooks-signature': `sha256=${createHmac('sha256', 'consumer-secret').update(x).digest('base64')}`,
      },
      body: x,
    }),
  ],
};
