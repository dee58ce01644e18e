/**
 * From "events stopped" to the broken line, the mended mapping and the second chance, with the commands as README has them:
 * what failed is delivered once, nothing else is sent, a dry run changes nothing, a cancelled replay can be run again.
 */
import { expect, it } from 'vitest';
import { Journey } from '../support/journey.ts';
import { numberedMapping } from '../support/oracle.ts';
import { run, until } from '../support/program.ts';

const FAILED = 1_000;
const OTHERS = 50;
/** Of src/replay/engine.ts: so many events of a source wait when a replay queues no more. */
const WINDOW = 500;
type Letter = { readonly delivery: string };
type Replay = Readonly<Record<'count' | 'done' | 'delivered' | 'waiting', number>> & { readonly state: string };
const broken = `(\n  $size := $uppercase($length(filler));\n  ${numberedMapping}\n)`;

async function failing(count: number): Promise<Journey> {
  const sources = { numbered: { mapping: broken }, fine: { mapping: numberedMapping } };
  const journey = await Journey.open('second-chance', { sources });
  await journey.start();
  await journey.sendMany(OTHERS, 8, 'fine');
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

it('a replay that is cancelled half way leaves the rest as it was, and run again delivers exactly that, each once', async () => {
  await using journey = await failing(FAILED);
  const fine = async () => (await journey.health()).sources.fine?.delivered === OTHERS;
  await until(fine, 'what did not fail to be delivered');
  await mend(journey);
  const failed = async () => ((await all(journey, 'dead-letters')) as Letter[]).map(({ delivery }) => delivery).sort();
  const before = await failed();

  // Behind a destination that is away a replay queues one window of events, and stands there until it is back.
  await journey.destinationGoes();
  const begun = await at(journey, 'replay', '--source', 'numbered', '--state', 'failed', '--no-wait', '--yes');
  const id = begun.out.trim();
  const recordOf = (replay: string) => journey.relay.api<Replay>(`/api/replays/${replay}`);
  await until(async () => (await recordOf(id)).waiting >= WINDOW, 'a window of replayed events to wait');
  const cancelled = await at(journey, 'replay', 'cancel', id, '--json');
  const { state, count, done, delivered } = JSON.parse(cancelled.out) as Replay;
  expect({ code: cancelled.code, state, count, delivered }).toEqual({
    ...{ code: 0, state: 'cancelled', count: FAILED, delivered: 0 },
  });
  expect(done).toBeGreaterThanOrEqual(WINDOW);
  expect(done).toBeLessThan(FAILED);

  const left = await failed();
  expect(left).toHaveLength(FAILED - done);
  expect(before).toEqual(expect.arrayContaining(left));
  const told = async () => (await journey.health()).sources.numbered;
  await until(async () => (await told())?.map_failed === FAILED - done, 'health to count the rest as failed');
  expect(await told()).toMatchObject({ waiting: done, delivered: 0 });

  // What it had queued goes on, and nothing else.
  await journey.destinationComes();
  await until(async () => (await recordOf(id)).delivered === done, 'what was queued to be delivered', 60_000);
  expect(journey.sandbox.state().events).toMatchObject({ raw: OTHERS + done, distinct: OTHERS + done });
  expect(await failed()).toEqual(left);

  const again = await at(journey, 'replay', '--source', 'numbered', '--state', 'failed', '--yes', '--json');
  expect(again.code).toBe(0);
  expect(JSON.parse(again.out)).toMatchObject({ state: 'done', count: FAILED - done, delivered: FAILED - done });
  await journey.settled();
  const { raw, distinct } = journey.sandbox.state().events;
  expect({ raw, distinct }).toEqual({ raw: distinct, distinct: OTHERS + FAILED });
  expect(await failed()).toEqual([]);
}, 120_000);
