/** `send` for providers that sign in a way of their own: in sandbox mode each works at once, with nothing set. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeMappings } from '../support/cli-folders.ts';
import { type RunningRelay, run, serve, temporaryFolder } from '../support/program.ts';

const folder = temporaryFolder('send-special');
const like = (name: string, payload: string, more = '') => ({
  [`${name}/source.yaml`]: `provider: ${name}\nsecret: \${${name.toUpperCase().replace(/-/g, '_')}_SECRET}\n${more}`,
  [`${name}/mapping.jsonata`]: '{ "event": "Came" }',
  [`${name}/cases/one.payload.${payload.startsWith('<') ? 'xml' : payload.startsWith('Sms') ? 'form' : 'json'}`]:
    payload,
  [`${name}/cases/one.expected.json`]: '[{"event":"Came"}]',
});
const mappings = writeMappings(folder.path, {
  ...like('twilio', 'SmsStatus=received&MessageSid=SM12345678'),
  ...like('sendgrid', '[{"event":"open","sg_event_id":"abcdefgh"}]'),
  ...like('monday', '{"event":{"type":"create_pulse","triggerUuid":"abcdefgh1234"}}'),
  ...like('contentful', '{"sys":{"id":"abcdefgh"}}'),
  ...like('mandrill', '[{"event":"open","_id":"abcdefgh","ts":1}]'),
  ...like('braintree', '<notification><kind>check</kind></notification>', 'public_key: public_1\n'),
  ...like('adyen', '{"notificationItems":[{"NotificationRequestItem":{"pspReference":"abcdefgh"}}]}'),
});
const env = { RELAY_MAPPINGS_DIR: mappings, RELAY_DATA_DIR: join(folder.path, 'data') };
let relay: RunningRelay;

beforeAll(async () => {
  relay = await serve(env);
});
afterAll(async () => {
  await relay?.stop();
  folder[Symbol.dispose]();
});

const send = (...args: string[]) =>
  run(['send', ...args, '--json'], { ...env, RELAY_PORT: new URL(relay.publicUrl).port });
const names = ['twilio', 'sendgrid', 'monday', 'contentful', 'mandrill', 'braintree', 'adyen'];

describe.concurrent('trackrelay send', { timeout: 30_000 }, () => {
  it.each(names)('is believed by %s', async (name) => {
    const { out, err } = await send(name);
    expect(JSON.parse(out), err).toMatchObject({ source: name, status: 200 });
  });

  it('is refused with a bad signature, also where not any text is a key', async () => {
    const { out, err } = await send('sendgrid', '--bad-signature');
    expect(JSON.parse(out), err).toMatchObject({ status: 401 });
  });
});
