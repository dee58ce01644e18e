/**
 * From "events stopped" to the broken line, the mended mapping and the second chance, with the commands as README has them:
 * what failed is delivered once, nothing else is sent, a dry run changes nothing, a cancelled replay can be run again.
 */
import { expect, it } from 'vitest';
import { Journey } from '../support/journey.ts';
import { numberedMapping } from '../support/oracle.ts';
import { run, until } from '../support/program.ts';

const FAILED = 1_000;
const broken = `(\n  $size := $uppercase($length(filler));\n  ${numberedMapping}\n)`;

async function failing(count: number): Promise<Journey> {
  const sources = { numbered: { mapping: broken }, fine: { mapping: numberedMapping } };
  const journey = await Journey.open('second-chance', { sources });
  await journey.start();
  await journey.sendMany(50, 8, 'fine');
  await journey.sendMany(count, 16, 'numbered');
  const failed = async () => (await journey.health()).sources.numbered?.map_failed === count;
  await until(failed, `${count} deliveries to fail`, 60_000);
  return journey;
}

const at = (journey: Journey, ...args: readonly string[]) =>
  run([...args, '--url', journey.relay.adminUrl], { ...journey.environment });

/** Everything that a list of the API shows. */
async function all(journey: Journey, path: string): Promise<unknown[]> {
  const items: unknown[] = [];
  for (let after = ''; ; ) {
    const url = `/api/${path}?limit=500${after === '' ? '' : `&after=${after}`}`;
    const page = await journey.relay.api<{ items: unknown[]; next: string | null }>(url);
    items.push(...page.items);
    if (page.next === null) return items;
    after = page.next;
  }
}

const kept = async (journey: Journey) => {
  const { numbered, fine } = (await journey.health()).sources;
  const lists = await Promise.all(['deliveries', 'dead-letters', 'replays'].map((path) => all(journey, path)));
  return JSON.stringify({ numbered, fine, lists });
};

async function mend(journey: Journey): Promise<void> {
  journey.write('numbered', {});
  const loaded = () => (journey.relay.seen.out.match(/"source.loaded"/g) ?? []).length >= 3;
  await until(loaded, 'the mended mapping to be loaded');
}

it('a mapping that failed for a thousand deliveries is found, mended, looked at and replayed, each delivery once', async () => {
  await using journey = await failing(FAILED);
  const [letter] = (await all(journey, 'dead-letters')) as { delivery: string; reason: string }[];
  const explained = await at(journey, 'explain', letter?.delivery ?? '');
  expect(explained).toMatchObject({ code: 1 });
  expect(explained.out).toMatch(/mapping\.jsonata:2:\d+/);
  expect(explained.out).toContain('$size := $uppercase($length(filler))');

  journey.write('numbered', {});
  const diff = await at(journey, 'diff', 'numbered', '--last', '20', '--json');
  const { looked, differ } = JSON.parse(diff.out) as { looked: number; differ: number };
  expect({ code: diff.code, looked, differ }).toEqual({ code: 0, looked: 20, differ: 20 });
  await mend(journey);

  const before = await kept(journey);
  const dry = await at(journey, 'replay', '--source', 'numbered', '--reason', 'mapping_error', '--dry-run');
  expect(dry.out).toContain('1000 deliveries would be mapped again.');
  expect(dry.code).toBe(0);
  expect(await kept(journey)).toBe(before);

  const rawBefore = journey.sandbox.state().events.raw;
  const replayed = await at(journey, 'replay', '--source', 'numbered', '--reason', 'mapping_error');
  expect(replayed.out).toMatch(/^rpl_\S+ {2}done {2}1000 of 1000: 1000 delivered\n$/);
  expect(replayed.code).toBe(0);
  await journey.settled();
  const { raw, distinct } = journey.sandbox.state().events;
  expect({ raw, distinct }).toEqual({ raw: distinct, distinct: journey.oracle.eventsOwed });
  expect(rawBefore).toBeLessThan(raw);
  expect(await all(journey, 'dead-letters')).toEqual([]);

  const again = await at(journey, 'replay', '--source', 'numbered', '--reason', 'mapping_error');
  expect(again.err).toContain('0 deliveries would be mapped again.');
  const nothing = await at(journey, 'replay', '--source', 'numbered', '--state', 'mapped');
  expect(nothing.code).toBe(0);
  expect(journey.sandbox.state().events.raw).toBe(raw);
}, 120_000);

it('a replay that is cancelled half way leaves the rest as it was, and run again delivers exactly that', async () => {
  await using journey = await failing(FAILED);
  await mend(journey);
  const begun = await at(journey, 'replay', '--source', 'numbered', '--state', 'failed', '--no-wait', '--yes');
  const id = begun.out.trim();
  const cancelled = await fetch(`${journey.relay.adminUrl}/api/replays/${id}`, { method: 'DELETE' });
  expect([200, 409]).toContain(cancelled.status);
  const shown = await at(journey, 'replay', 'show', id, '--json');
  const record = JSON.parse(shown.out) as { state: string; done: number };
  const left = (await all(journey, 'dead-letters')).length;
  if (record.state === 'cancelled') expect(left).toBe(FAILED - record.done);

  const again = await at(journey, 'replay', '--source', 'numbered', '--state', 'failed', '--yes');
  expect(again.code).toBe(0);
  await journey.settled();
  const { raw, distinct } = journey.sandbox.state().events;
  expect({ raw, distinct }).toEqual({ raw: distinct, distinct: journey.oracle.eventsOwed });
}, 120_000);
