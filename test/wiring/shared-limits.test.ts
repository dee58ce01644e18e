/** Real relays with one REDIS_URL count together at the door. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Journey, SECRET } from '../support/journey.ts';
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
async function countedTogether(key: string, ask: (relay: RunningRelay) => Promise<unknown>, answer: number) {
  let asked = 0;
  const look = async () => {
    for (const relay of relays) expect(await ask(relay)).toBe(answer);
    asked += relays.length;
    return asked >= 10 && (await countOf(key)) > 0.75 * asked;
  };
  await until(look, `${key} to be counted`);
}

it('counts the webhooks of a source over all relays', async () => {
  const send = async (relay: RunningRelay) =>
    (await sendOne(portOf(relay.publicUrl), journey.oracle.make('numbered'), SECRET)).status;
  await countedTogether('source:numbered:60000:numbered', send, 200);
});

it('counts what an address was refused over all relays', async () => {
  const forge = async (relay: RunningRelay) =>
    (await fetch(`${relay.publicUrl}/hooks/nobody`, { method: 'POST' })).status;
  await countedTogether('address:60000:127.0.0.1', forge, 404);
});
