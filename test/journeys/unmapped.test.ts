/** What falls through a real relay: the same counts in health, in the API, in the metrics and for the command. */
import { createHmac, randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { Journey, SECRET } from '../support/journey.ts';
import { run, until } from '../support/program.ts';

/** Skips pushes, fails on pings, maps issues; GitHub's type is header and action. */
const mapping = `
  $headers."x-github-event" = "ping" ? $error("no ping here")
  : $headers."x-github-event" = "issues" ? { "event": "Issue", "properties": { "n": n } }
  : []
`;

type Unmapped = { type: string; skipped: number; failed: number; last_delivery: string; last_at: string };
type Health = {
  readonly sources: Readonly<Record<string, { skipped: number; map_failed: number; unmapped: Unmapped[] }>>;
};

async function send(journey: Journey, type: string): Promise<string> {
  const body = JSON.stringify({ n: 1 });
  const response = await fetch(`${journey.relay.publicUrl}/hooks/tool`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-github-event': type,
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
    },
  });
  return ((await response.json()) as { delivery: string }).delivery;
}

const health = async (journey: Journey) => (await journey.relay.api<Health>('/health')).sources.tool;
const settled = (journey: Journey, deliveries: number) =>
  until(async () => {
    const tool = await health(journey);
    return tool !== undefined && tool.skipped + tool.map_failed === deliveries;
  }, `${deliveries} deliveries to fall through`);

it('shows skipped and failed types with their counts and last delivery everywhere, and no type that was mapped', async () => {
  await using journey = await Journey.open('unmapped', { sources: { tool: { mapping } } });
  await journey.start();
  const { adminUrl } = journey.relay;
  await send(journey, 'issues');
  const pushes = [await send(journey, 'push'), await send(journey, 'push')];
  const ping = await send(journey, 'ping');
  await settled(journey, 3);
  const expected = [
    expect.objectContaining({ type: 'push', skipped: 2, failed: 0, last_delivery: pushes[1] }),
    expect.objectContaining({ type: 'ping', skipped: 0, failed: 1, last_delivery: ping }),
  ];
  expect((await health(journey))?.unmapped).toEqual(expected);
  const { items } = await journey.relay.api<{ items: { name: string; unmapped: Unmapped[] }[] }>('/api/sources');
  expect(items.find(({ name }) => name === 'tool')?.unmapped).toEqual(expected);

  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  expect(metrics.match(/^relay_unmapped_deliveries\{.*$/gm)).toEqual([
    'relay_unmapped_deliveries{source="tool",type="push",state="skipped"} 2',
    'relay_unmapped_deliveries{source="tool",type="ping",state="failed"} 1',
  ]);

  const { code, out } = await run(['check', '--unmapped', 'tool', '--json', '--url', adminUrl]);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual(expected);
  expect(JSON.parse(out)[0]).toMatchObject({ source: 'tool' });
  const asked = await run(['check', '--unmapped'], { RELAY_ADMIN_PORT: new URL(adminUrl).port });
  expect(asked.out).toMatch(new RegExp(`tool +push +2 +0 +${pushes[1]}`));
  expect(asked.out).not.toContain('issues');
  expect(await (await fetch(adminUrl)).text()).toContain('What falls through');

  // Counts are of the folder, not of this run.
  await journey.stop();
  await journey.start();
  const newest = await send(journey, 'push');
  await settled(journey, 4);
  expect((await health(journey))?.unmapped[0]).toMatchObject({ type: 'push', skipped: 3, last_delivery: newest });
});

it('stays bounded when a sender invents types', async () => {
  await using journey = await Journey.open('unmapped-many', { sources: { tool: { mapping: '[]' } } });
  await journey.start();
  for (let from = 0; from < 300; from += 50)
    await Promise.all(Array.from({ length: 50 }, (_, at) => send(journey, `made-up-${from + at}`)));
  await settled(journey, 300);
  const shown = (await health(journey))?.unmapped ?? [];
  expect(shown).toHaveLength(50);
  // The others are together, and nothing is lost: 200 have a count of their own.
  expect(shown[0]).toMatchObject({ type: '(other)', skipped: 100 });
  const metrics = await (await fetch(`${journey.relay.adminUrl}/metrics`)).text();
  expect(metrics.match(/^relay_unmapped_deliveries\{/gm)).toHaveLength(50);
});
