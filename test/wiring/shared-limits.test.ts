/** Real relays with one REDIS_URL count together at the door, and say when they cannot. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Journey, type PrivateHealth, SECRET } from '../support/journey.ts';
import { type RunningRelay, serve, until } from '../support/program.ts';
import { RedisServer } from '../support/redis-server.ts';
import { portOf, sendOne } from '../support/senders.ts';

let redis: RedisServer;
let journey: Journey;
const relays: RunningRelay[] = [];
beforeAll(async () => {
  redis = await RedisServer.start();
  const sources = { numbered: { yaml: 'limits: { accept: 1000/min }\n' } };
  journey = await Journey.open('limits', { sources, env: { REDIS_URL: redis.url } });
  relays.push(await serve({ ...journey.environment }), await serve({ ...journey.environment }));
}, 60_000);
afterAll(async () => {
  await Promise.all(relays.map((relay) => relay[Symbol.asyncDispose]()));
  await journey[Symbol.asyncDispose]();
  await redis.remove();
});

async function countOf(key: string): Promise<number> {
  const [, count = '0'] = (await redis.ask('GET', `{relay:limits}:${key}`)).split('\r\n');
  return Number(count);
}

/**
 * Until Redis has more than one relay alone was asked; a busy machine makes a relay count by itself for a while.
 */
async function countedTogether(key: string, ask: (relay: RunningRelay) => Promise<unknown>, answers: number[]) {
  let asked = 0;
  const look = async () => {
    for (const relay of relays) expect(answers).toContain(await ask(relay));
    asked += relays.length;
    return asked >= 10 && (await countOf(key)) > 0.75 * asked;
  };
  await until(look, `${key} to be counted`);
}

it('counts the webhooks of a source over all relays', async () => {
  const send = async (relay: RunningRelay) =>
    (await sendOne(portOf(relay.publicUrl), journey.oracle.make('numbered'), SECRET)).status;
  // Refused by a busy machine it was counted all the same.
  await countedTogether('source:numbered:60000:numbered', send, [200, 503]);
});

it('counts what an address was refused over all relays', async () => {
  const forge = async (relay: RunningRelay) =>
    (await fetch(`${relay.publicUrl}/hooks/nobody`, { method: 'POST' })).status;
  await countedTogether('address:60000:127.0.0.1', forge, [404]);
});

it('says while Redis does not answer that each counts alone, and is together again though nothing comes any more', async () => {
  const [relay] = relays as [RunningRelay];
  const door = async () => (await relay.api<PrivateHealth>('/health')).checks['limits:door']?.[0]?.observedValue;
  const metric = async () =>
    /^relay_limits_apart (.*)$/m.exec(await (await fetch(`${relay.adminUrl}/metrics`)).text())?.[1];
  await until(async () => (await door()) === 'together', 'the start');
  expect(await metric()).toBe('0');
  redis.freeze();
  await sendOne(portOf(relay.publicUrl), journey.oracle.make('numbered'), SECRET);
  expect([await door(), await metric()]).toEqual(['apart', '1']);
  redis.thaw();
  await until(async () => (await door()) === 'together', 'Redis to be asked again');
  expect(await metric()).toBe('0');
});
