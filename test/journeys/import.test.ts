/** Old events and per-record answers through the real program, and a token that nobody knows. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Page } from '../../src/buffer/contract.ts';
import type { DeadLetter } from '../../src/model.ts';
import { Journey } from '../support/journey.ts';
import { until } from '../support/program.ts';

const DAY_MS = 86_400_000;
const dated = { dated: { mapping: '{"event": "Dated", "properties": {"distinct_id": who, "time": at, "n": n}}' } };
const day = (n: number, daysAgo: number, who = `user-${n}`) => ({
  source: 'dated',
  id: `${n}`,
  body: JSON.stringify({ n, who, at: Date.now() - daysAgo * DAY_MS }),
});

const arrivals = (journey: Journey) =>
  journey.sandbox.copies().map(({ endpoint, record }) => `${endpoint} ${String(record.properties.n)}`);
const counts = async (journey: Journey) => (await journey.health()).sources.dated;
const letters = async (journey: Journey) => (await journey.relay.api<Page<DeadLetter>>('/api/dead-letters')).items;

type Part = {
  readonly status: string;
  readonly state: string;
  readonly waiting: number;
  readonly last_error: { message: string } | null;
};
async function mixpanelOf(journey: Journey): Promise<Part | undefined> {
  const answer = await fetch(`${journey.relay.adminUrl}/health`);
  return ((await answer.json()) as { destinations: Record<string, Part> }).destinations.mixpanel;
}

it('an event of six days ago arrives by /import, a fresh one by /track', { timeout: 30_000 }, async () => {
  await using journey = await Journey.open('import', { sources: dated });
  await journey.start();
  for (const one of [day(1, 6), day(2, 0), day(3, 4.4), day(4, 4.6)])
    expect((await journey.sendThis(one)).status).toBe(200);
  await until(async () => (await counts(journey))?.delivered === 4, 'all four');
  expect(arrivals(journey).sort()).toEqual(['import 1', 'import 4', 'track 2', 'track 3']);
  const imported = journey.sandbox.copies().find(({ endpoint }) => endpoint === 'import')?.record.properties;
  expect(imported).toMatchObject({ distinct_id: 'user-1', ip: '0', $import: true });
  expect(JSON.stringify(imported)).not.toContain('token-of-the-journeys');
  expect(await letters(journey)).toEqual([]);
});

it('with MIXPANEL_IMPORT=never it is a dead letter that says why, and /import gets no event', {
  timeout: 30_000,
}, async () => {
  await using journey = await Journey.open('import-never', { sources: dated, env: { MIXPANEL_IMPORT: 'never' } });
  await journey.start();
  for (const one of [day(1, 6), day(2, 0)]) await journey.sendThis(one);
  await until(
    async () => (await counts(journey))?.waiting === 0 && (await counts(journey))?.accepted === 2,
    'both to be settled',
  );
  expect(arrivals(journey)).toEqual(['track 2']);
  expect(await letters(journey)).toMatchObject([{ reason: 'too_old', destination: 'mixpanel' }]);
});

it('one bad record in an import becomes a dead letter, and its siblings are delivered once', {
  timeout: 30_000,
}, async () => {
  await using journey = await Journey.open('import-partial', {
    sources: dated,
    env: { MIXPANEL_IMPORT: 'always', RELAY_BATCH_LINGER: '500ms' },
  });
  journey.sandbox.faults.order({ scenario: 'poisonRecord', index: 3 });
  await journey.start();
  await Promise.all(Array.from({ length: 10 }, (_, n) => journey.sendThis(day(n, 0))));
  await until(
    async () => (await counts(journey))?.waiting === 0 && (await counts(journey))?.accepted === 10,
    'all to be settled',
  );
  expect(await counts(journey)).toMatchObject({ delivered: 9, dead: 1 });
  expect(await letters(journey)).toMatchObject([
    { reason: 'rejected', message: "400: 'properties' is invalid", attempts: 1 },
  ]);
  expect(journey.sandbox.state().events).toMatchObject({ raw: 9, distinct: 9 });
});

it('a token that nobody knows is a paused destination in health, and its events wait until it is known', {
  timeout: 60_000,
}, async () => {
  await using journey = await Journey.open('token', { sources: dated });
  journey.sandbox.faults.order({ scenario: 'tokenRevoked' });
  await journey.start();
  await until(async () => (await mixpanelOf(journey))?.state === 'paused', 'health to tell');
  await journey.sendThis(day(1, 0));
  await until(async () => (await mixpanelOf(journey))?.waiting === 1, 'the event to wait');
  const part = await mixpanelOf(journey);
  expect(part).toMatchObject({ status: 'warn', state: 'paused', waiting: 1 });
  expect(part?.last_error?.message).toMatch(/^401: Invalid credentials.*region/);
  const { out } = await journey.stop();
  expect(out).toContain('destination.paused');
  expect(out).not.toContain('token-of-the-journeys');
  journey.sandbox.faults.clear();
  await journey.start();
  await until(async () => (await counts(journey))?.delivered === 1, 'the event after the token was mended');
  expect((await mixpanelOf(journey))?.status).toBe('pass');
  expect(journey.sandbox.state().events.distinct).toBe(1);
});

it('a destination that does not answer at all says nothing of the token and does not hold up the start', {
  timeout: 30_000,
}, async () => {
  await using journey = await Journey.open('token-silent', { sources: dated });
  await journey.destinationGoes();
  await journey.start();
  expect((await journey.sendThis(day(1, 0))).status).toBe(200);
  await until(async () => (await mixpanelOf(journey))?.state === 'failing', 'health to say that it fails');
  await journey.destinationComes();
  await until(async () => (await counts(journey))?.delivered === 1, 'the event');
});

it('identities are merged only where the destination says so', { timeout: 30_000 }, async () => {
  await using journey = await Journey.open('identity', {
    sources: {
      dated: {
        mapping: '{"event": "$merge", "properties": {"$distinct_ids": [who, "other"]}}',
        yaml: 'destination: [old, new]\n',
      },
    },
    env: { MIXPANEL_TOKEN: '' },
  });
  const to = (more: string) =>
    `{ type: mixpanel, token: t-of-all, base_url: "${journey.environment.MIXPANEL_API_URL}"${more} }`;
  writeFileSync(
    join(journey.mappingsDir, 'destinations.yaml'),
    `destinations:\n  old: ${to(', identity: original')}\n  new: ${to('')}\n`,
  );
  await journey.start();
  await journey.sendThis(day(1, 0));
  await until(async () => (await counts(journey))?.delivered === 1, 'the merge');
  expect(journey.sandbox.copies().map(({ endpoint, record }) => [endpoint, record.event])).toEqual([
    ['import', '$merge'],
  ]);
  expect(await letters(journey)).toMatchObject([
    { reason: 'invalid_event', destination: 'new', message: expect.stringContaining('identity_event') },
  ]);
});
