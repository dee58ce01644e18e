/** Secrets that a provider hands over, through a real relay: armed by the command, brought by a handshake, kept through a kill. */
import { createHmac } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Journey } from '../support/journey.ts';
import { run, until } from '../support/program.ts';

const ADMIN_TOKEN = 'admin-token-of-the-journey';
const authorization = `Bearer ${ADMIN_TOKEN}`;

async function open(provider: string): Promise<Journey> {
  const journey = await Journey.open(`arm-${provider}`, { sources: {}, env: { RELAY_ADMIN_TOKEN: ADMIN_TOKEN } });
  const folder = join(journey.mappingsDir, 'tool');
  mkdirSync(folder);
  writeFileSync(join(folder, 'source.yaml'), `provider: ${provider}\n`);
  writeFileSync(join(folder, 'mapping.jsonata'), '{ "event": "Came", "properties": { "distinct_id": "u" } }');
  await journey.start();
  return journey;
}

const post = (journey: Journey, body: string, headers: Record<string, string>) =>
  fetch(`${journey.relay.publicUrl}/hooks/tool`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
const handshake = (journey: Journey, secret: string) => post(journey, '{}', { 'x-hook-secret': secret });
const signed = (journey: Journey, header: string, secret: string, prefix = '') => {
  const body = JSON.stringify({ id: crypto.randomUUID(), events: [{ created_at: crypto.randomUUID() }] });
  return post(journey, body, { [header]: prefix + createHmac('sha256', secret).update(body).digest('hex') });
};
const arm = (journey: Journey, ...more: string[]) =>
  run(['arm', 'tool', '--url', journey.relay.adminUrl, ...more], { RELAY_ADMIN_TOKEN: ADMIN_TOKEN });
const stateOf = async (journey: Journey) => {
  const answer = await fetch(`${journey.relay.adminUrl}/api/sources/tool/arm`, { headers: { authorization } });
  return ((await answer.json()) as { state: string }).state;
};

it('takes the secret of the first handshake after arming, and of no other', async () => {
  await using journey = await open('asana');
  const [first, second, third] = ['first-secret-0123456789', 'second-secret-0123456789', 'third-secret-0123456789'];
  const early = await handshake(journey, second);
  expect(early.status).toBe(401);
  expect(early.headers.get('x-hook-secret')).toBeNull();

  const command = arm(journey, '--json');
  await until(async () => (await stateOf(journey)) === 'armed', 'the source to be armed');
  const answer = await handshake(journey, first);
  expect({ status: answer.status, echo: answer.headers.get('x-hook-secret') }).toEqual({ status: 200, echo: first });
  const { code, out } = await command;
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ source: 'tool', state: 'learned' });

  expect((await signed(journey, 'x-hook-signature', first)).status).toBe(200);
  expect((await handshake(journey, second)).status).toBe(401);
  expect((await signed(journey, 'x-hook-signature', second)).status).toBe(401);
  expect((await arm(journey, '--no-wait')).code).toBe(1);

  // On disk before the handshake was answered.
  await journey.stop('SIGKILL');
  await journey.start();
  expect((await signed(journey, 'x-hook-signature', first)).status).toBe(200);
  await until(() => journey.sandbox.state().events.distinct === 2, 'the events');

  expect(await arm(journey, '--forget', '--no-wait')).toMatchObject({ code: 0 });
  expect((await signed(journey, 'x-hook-signature', first)).status).toBeGreaterThanOrEqual(400);
  expect((await handshake(journey, third)).status).toBe(200);
  expect((await signed(journey, 'x-hook-signature', third)).status).toBe(200);
  expect((await signed(journey, 'x-hook-signature', first)).status).toBe(401);

  const shown = await Promise.all(
    ['/', '/health', '/metrics', '/api/sources', '/api/deliveries', '/api/sources/tool/arm'].map(async (path) =>
      (await fetch(journey.relay.adminUrl + path, { headers: { authorization } })).text(),
    ),
  );
  const said = [...shown, ...journey.outputs, journey.relay.seen.out, journey.relay.seen.err, out].join('\n');
  for (const secret of [first, second, third]) expect(said).not.toContain(secret);
});

it('takes one of many handshakes at the same time', async () => {
  await using journey = await open('asana');
  await arm(journey, '--no-wait');
  const secrets = Array.from({ length: 20 }, (_, at) => `secret-number-${at}-0123456789`);
  const statuses = await Promise.all(secrets.map(async (secret) => (await handshake(journey, secret)).status));
  expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  const winner = secrets[statuses.indexOf(200)] as string;
  const tried = await Promise.all(
    secrets.map(async (secret) => (await signed(journey, 'x-hook-signature', secret)).status),
  );
  expect(secrets.filter((_, at) => tried[at] === 200)).toEqual([winner]);
});

it('shows what is to be pasted back into the provider once, to the command alone', async () => {
  await using journey = await open('notion');
  const secret = 'secret_of-notion-0123456789';
  const command = arm(journey);
  await until(async () => (await stateOf(journey)) === 'armed', 'the source to be armed');
  expect((await post(journey, JSON.stringify({ verification_token: secret }), {})).status).toBe(200);
  const { code, out } = await command;
  expect(out).toContain(`token: ${secret}\n`);
  expect(code).toBe(0);
  const again = await arm(journey);
  expect(again.code).toBe(1);
  expect(again.out + again.err).not.toContain(secret);
  expect((await signed(journey, 'x-notion-signature', secret, 'sha256=')).status).toBe(200);
  expect(journey.relay.seen.out + journey.relay.seen.err).not.toContain(secret);
});
