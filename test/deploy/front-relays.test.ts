/** Real relays behind the real nginx: killed under load, lied to about addresses, given bodies of every size. */
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { settingRow } from '../../src/config/settings-table.ts';
import { composeFile } from '../support/deploy-files.ts';
import { Journey, SECRET } from '../support/journey.ts';
import { startNginx } from '../support/nginx.ts';
import { type RunningRelay, serve, temporaryFolder, until } from '../support/program.ts';
import { Crowd, portOf } from '../support/senders.ts';

const bodyBytesMax = Number(settingRow('RELAY_MAX_BODY_BYTES').default);
const { RELAY_TRUST_PROXY } = composeFile().services.relays?.environment ?? {};

/** Two relays with folders of their own, which is all that many relays on one Redis are to a load balancer. */
async function twoRelays(name: string) {
  const stack = new AsyncDisposableStack();
  const journey = stack.use(await Journey.open(name, { env: { RELAY_TRUST_PROXY: String(RELAY_TRUST_PROXY) } }));
  const folder = stack.use(temporaryFolder(`${name}-other`));
  const one = await journey.start();
  const other = stack.use(await serve({ ...journey.environment, RELAY_DATA_DIR: folder.path }));
  const front = stack.use(await startNginx({ relays: [portOf(one.publicUrl), portOf(other.publicUrl)] }));
  return { journey, one, other, front, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

it('a relay killed under load costs no sender its 200, and no webhook its event', { timeout: 60_000 }, async () => {
  await using set = await twoRelays('front');
  const { journey, front } = set;
  const { oracle } = journey;
  const crowd = new Crowd({ port: front.port, connections: 16, secret: SECRET, restMs: 5, ...oracle.load('numbered') });
  await until(() => oracle.owed > 200, 'load');
  const owed = oracle.owed;
  await journey.stop('SIGKILL');
  await until(() => oracle.owed > owed + 200, 'load after the kill');
  await crowd.stop();
  expect(oracle.statuses).toEqual({ 200: oracle.owed });
  // What it had kept and not sent is on its disk.
  await journey.start();
  await journey.arrived();
});

describe('an address that a sender claims to come from', () => {
  const forged = { 'x-forwarded-for': '203.0.113.9', 'x-hub-signature-256': 'sha256=00' };
  const addressAt = async (relay: RunningRelay) => {
    const { items } = await relay.api<{ items: { address: string }[] }>('/api/refused');
    return items.map(({ address }) => address);
  };

  it('is not believed behind nginx, and would be by a relay that is published itself', async () => {
    await using set = await twoRelays('forged');
    const post = (url: string) => fetch(`${url}/hooks/numbered`, { method: 'POST', body: '{}', headers: forged });
    expect((await post(set.front.url)).status).toBe(401);
    expect([...(await addressAt(set.one)), ...(await addressAt(set.other))]).toEqual(['127.0.0.1']);
    expect((await post(set.other.publicUrl)).status).toBe(401);
    expect(await addressAt(set.other)).toContain('203.0.113.9');
  });
});

describe('a body', () => {
  const post = (url: string, bytes: number) => {
    const body = `"${'x'.repeat(bytes - 2)}"`;
    const signature = createHmac('sha256', SECRET).update(body).digest('hex');
    const headers = {
      'content-type': 'application/json',
      'x-github-event': 'numbered',
      'x-github-delivery': `b${bytes}`,
    };
    return fetch(`${url}/hooks/numbered`, {
      method: 'POST',
      body,
      headers: { ...headers, 'x-hub-signature-256': `sha256=${signature}` },
    });
  };

  it('of RELAY_MAX_BODY_BYTES is accepted; one byte more is refused by nginx as by the relay', async () => {
    await using set = await twoRelays('bodies');
    expect((await post(set.front.url, bodyBytesMax)).status).toBe(200);
    const refused = [await post(set.front.url, bodyBytesMax + 1), await post(set.one.publicUrl, bodyBytesMax + 1)];
    for (const answer of refused) {
      expect(answer.status).toBe(413);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
    }
    const [byNginx, byRelay] = await Promise.all(refused.map((answer) => answer.json()));
    expect(byNginx).toEqual(byRelay);
  });
});
