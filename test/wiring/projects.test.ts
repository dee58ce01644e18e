/** Real relays on one Redis and several Mixpanel projects: each has one sender, they are shared out, and those of a dead one go over. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ClusterJourney } from '../support/cluster-journey.ts';
import { until } from '../support/program.ts';

const projects = ['a', 'b', 'c', 'd'];
/** Four seconds, as `sendership.ts` promises, and what a busy machine takes. */
const takenOverMs = 6_000;
/** Nothing is given up to a relay that has just come (`steadyMsUsual`): as if all had been here for ten seconds more. */
const agedScript = `
for _, relay in ipairs(redis.call('HKEYS', KEYS[1])) do
  local since, rest = string.match(redis.call('HGET', KEYS[1], relay), '^(%d+)( .*)$')
  redis.call('HSET', KEYS[1], relay, string.format('%.0f', since - 10000) .. rest)
end
return 1`;

let cluster: ClusterJourney;
beforeAll(async () => {
  cluster = await ClusterJourney.open('projects', {
    relays: 2,
    sources: Object.fromEntries(projects.map((name) => [name, { yaml: `destination: ${name}\n` }])),
    destinations: `destinations:\n${projects
      .map((name) => `  ${name}: { type: mixpanel, token: "token-of-${name}", base_url: "\${MIXPANEL_API_URL}" }\n`)
      .join('')}`,
    env: { MIXPANEL_TOKEN: '' },
  });
}, 60_000);
afterAll(() => cluster[Symbol.asyncDispose]());

/** Those that a relay says it sends to itself. */
async function sentToBy(index: number): Promise<string[]> {
  const { destinations } = await cluster.health(index);
  return projects.filter((name) => destinations[name]?.sender === 'this relay');
}
const linesOf = (index: number, line: string) =>
  cluster
    .relay(index)
    .seen.out.split('\n')
    .filter((text) => text.includes(`"msg":"${line}"`))
    .map((text) => (JSON.parse(text) as { destination: string }).destination);
/** Some of each source, to the relays in turn; a busy machine makes one refuse, and then another webhook is sent. */
async function sendTo(indexes: readonly number[]): Promise<void> {
  for (const name of projects) {
    for (let count = 0; count < 3; count++) {
      for (const index of indexes)
        await until(async () => (await cluster.sendFresh(index, name)).status === 200, 'a webhook to be taken');
    }
  }
}
async function arrivedOnce(index: number): Promise<void> {
  await cluster.arrived();
  await cluster.settled(index);
  const { raw, distinct } = cluster.sandbox.state().events;
  expect(raw).toBe(distinct);
}

it('each project has one sender, which both name, and each relay sends to two of the four', async () => {
  expect(await cluster.redis.ask('EVAL', agedScript, '1', '{relay:0}:relays')).toBe(':1\r\n');
  await until(async () => {
    const held = await Promise.all([0, 1].map(sentToBy));
    return held.every(({ length }) => length === 2) && new Set(held.flat()).size === 4;
  }, 'the projects to be shared out');
  const ids = await Promise.all([0, 1].map(async (index) => (await cluster.health(index)).relay));
  const [held = [], others = []] = await Promise.all([0, 1].map(sentToBy));
  await until(async () => {
    const { destinations } = await cluster.health(0);
    return others.every((name) => destinations[name]?.sender === ids[1]);
  }, 'one to name the other');
  const metrics = await (await fetch(`${cluster.relay(0).adminUrl}/metrics`)).text();
  for (const name of projects)
    expect(metrics).toContain(`relay_destination_sender{destination="${name}"} ${held.includes(name) ? 1 : 0}`);
});

it('what comes to either relay is sent by the one that sends to its project, once', async () => {
  const held = await Promise.all([0, 1].map(sentToBy));
  await sendTo([0, 1]);
  await arrivedOnce(0);
  for (const index of [0, 1])
    await expect.poll(() => [...new Set(linesOf(index, 'batch.sent'))].sort()).toEqual(held[index]);
});

it('the projects of a relay that dies are sent to by the other one, and nothing goes twice', async () => {
  const gone = await sentToBy(0);
  await cluster.stop(0, 'SIGKILL');
  await sendTo([1]);
  await until(async () => (await sentToBy(1)).length === 4, 'the other one to take over', takenOverMs);
  await arrivedOnce(1);
  await expect.poll(() => linesOf(1, 'destination.taken_over').slice(-gone.length).sort()).toEqual(gone);
});
