/**
 * Several destinations from destinations.yaml: a source goes to one or to several, each event is settled for each, and one
 * that is down costs the others nothing.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createSandbox } from '../../src/destinations/sandbox/sandbox.ts';
import { Journey } from '../support/journey.ts';
import { serve, until } from '../support/program.ts';

const crm = createSandbox({ clock: systemClock });
afterAll(() => crm[Symbol.asyncDispose]());

type Part = { readonly status: string; readonly waiting: number };

async function destinationsOf(journey: Journey): Promise<Record<string, Part>> {
  const answer = await fetch(`${journey.relay.adminUrl}/health`);
  return ((await answer.json()) as { destinations: Record<string, Part> }).destinations;
}

it('an event goes to each destination of its source, and one that is down delays no other', {
  timeout: 60_000,
}, async () => {
  const address = await crm.listen('127.0.0.1', 0);
  await using journey = await Journey.open('destinations', {
    sources: { numbered: { yaml: 'destination: [product, crm]\n' }, only: { yaml: 'destination: product\n' } },
    // Nothing of the environment describes a destination now.
    env: { MIXPANEL_TOKEN: '', PRODUCT_TOKEN: 'token-of-product', CRM_URL: address.url },
  });
  const file = `destinations:
  product: { type: mixpanel, token: "\${PRODUCT_TOKEN}", base_url: "${journey.environment.MIXPANEL_API_URL}" }
  crm: { type: mixpanel, token: "token-of-crm", base_url: "\${CRM_URL}" }
`;
  writeFileSync(join(journey.mappingsDir, 'destinations.yaml'), file);
  crm.faults.order({ status: 503, body: 'down', times: 1_000 });
  await journey.start();
  await journey.sendMany(20);
  await journey.sendMany(5, 2, 'only');
  await until(() => journey.sandbox.state().events.distinct === 25, 'all events at the destination that is up');
  await until(async () => (await destinationsOf(journey)).crm?.waiting === 20, 'health to count what waits');
  const { product, crm: failing } = await destinationsOf(journey);
  expect(product).toMatchObject({ status: 'pass', waiting: 0 });
  expect(failing?.status).not.toBe('pass');
  expect(crm.state().events.distinct).toBe(0);
  crm.faults.clear();
  await until(() => crm.state().events.distinct === 20, 'the others after healing');
  await until(async () => (await destinationsOf(journey)).crm?.status === 'pass', 'health to see it');
  const tokens = new Set(crm.deduped().map(({ record }) => (record.properties as { token?: string }).token));
  expect([...tokens]).toEqual(['token-of-crm']);
});

it('a source that names no destination must, when none is called mixpanel', { timeout: 30_000 }, async () => {
  await using journey = await Journey.open('destinations-named', { env: { MIXPANEL_TOKEN: '' } });
  const two = 'destinations: { a: { type: sandbox }, b: { type: sandbox } }\n';
  writeFileSync(join(journey.mappingsDir, 'destinations.yaml'), two);
  await journey.start();
  const health = (await (await fetch(`${journey.relay.adminUrl}/health`)).json()) as { sources: unknown };
  expect(JSON.stringify(health.sources)).toContain('destination is missing: there are a, b');
});

it('a mistake in the file stops the start with its place', async () => {
  await using journey = await Journey.open('destinations-wrong', { env: { MIXPANEL_TOKEN: '' } });
  writeFileSync(
    join(journey.mappingsDir, 'destinations.yaml'),
    `destinations: { a: { type: mixpanel, token: "\${NOT_SET_ANYWHERE}" } }\n`,
  );
  await expect(serve(journey.environment)).rejects.toThrow(
    /destinations\.yaml:1:\d+ token needs a variable.*NOT_SET_ANYWHERE/,
  );
});
