/**
 * A source that goes to Mixpanel and to Bloomreach, with the real program: commands of fifty, answered one by one, an event
 * that its key may not send, a customer that the mapping updates.
 */

import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createBloomreachSandbox } from '../../src/destinations/sandbox/bloomreach.ts';
import { Journey } from '../support/journey.ts';
import { until } from '../support/program.ts';

const project = { auth: { id: 'key-1', secret: 'secret-of-crm' } };
const double = createBloomreachSandbox({ clock: systemClock });
const server = createServer(double.handler);
const listening = new Promise<string>((resolve) => {
  server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
});
afterAll(() => server.close());

/** The oracle's ids end in a number to the base 36: of 120 of them, four end in 0. */
const mapping = `(
  $last := $substring(id, -1);
  [
    { "event": $last = "0" ? "secret_thing" : "purchase",
      "properties": { "distinct_id": "person-" & $last, "number": id } },
    $substringAfter(id, "-") = "3" ? { "$distinct_id": "person-3", "$set": { "plan": "gold" } }
  ]
)`;

async function letters(journey: Journey) {
  const answer = await fetch(`${journey.relay.adminUrl}/api/dead-letters?limit=100`);
  return ((await answer.json()) as { items: { reason: string; destination: string; event: unknown }[] }).items;
}

it('each event is a command, answered by itself; one that may not be sent is blocked until it may, its neighbours arrive', {
  timeout: 60_000,
}, async () => {
  await using journey = await Journey.open('bloomreach', {
    sources: { numbered: { mapping, yaml: 'destination: [product, crm]\n' } },
    env: { MIXPANEL_TOKEN: '', CRM_URL: await listening, CRM_SECRET: project.auth.secret },
  });
  const file = `destinations:
  product: { type: mixpanel, token: "token-of-product", base_url: "${journey.environment.MIXPANEL_API_URL}" }
  crm: { type: bloomreach, base_url: "\${CRM_URL}", project_token: p1, api_key_id: key-1, api_secret: "\${CRM_SECRET}" }
`;
  writeFileSync(join(journey.mappingsDir, 'destinations.yaml'), file);
  double.deny({ events: ['secret_thing'] });
  await journey.start();
  await journey.sendMany(120);
  await until(() => double.state().events.kept === 116, 'all commands but those that may not be sent');
  await until(async () => (await letters(journey)).length === 4, 'the dead letters of those');
  await until(() => double.customers().some(({ properties }) => 'plan' in properties), 'the update of a customer');
  for (const letter of await letters(journey)) expect(letter).toMatchObject({ reason: 'blocked', destination: 'crm' });
  expect(double.state().events.billed).toBe(116);
  await until(() => journey.sandbox.state().events.distinct === 120, 'all events at Mixpanel');

  double.deny({});
  const selection = { destination: 'crm', reason: 'blocked' };
  const answer = await fetch(`${journey.relay.adminUrl}/api/replays`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
    body: JSON.stringify({ mode: 'resend', selection }),
  });
  expect(answer.status).toBe(202);
  await until(() => double.state().events.kept === 120, 'what was blocked');
  await until(async () => (await letters(journey)).length === 0, 'no dead letter any more');
  expect(double.copies().filter(({ event }) => event.type === 'secret_thing')).toHaveLength(4);
  expect([double.state().events.billed, journey.sandbox.state().events.raw]).toEqual([120, 120]);
  const output = JSON.stringify(journey.relay.seen);
  expect(output).not.toContain(project.auth.secret);
});
