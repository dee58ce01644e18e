import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSandbox, type Sandbox, type SandboxOptions } from '../../../src/destinations/sandbox/sandbox.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const clock = createFakeClock();
let sandbox: Sandbox;
let url: string;

beforeEach(() => open({}));
afterEach(() => sandbox.close());

async function open(options: Partial<SandboxOptions>): Promise<void> {
  await sandbox?.close();
  sandbox = createSandbox({ clock, ...options });
  url = (await sandbox.listen('127.0.0.1', 0)).url;
}

async function post(records: unknown, path = '/engage?verbose=1&strict=1', encoding?: 'gzip') {
  const text = JSON.stringify(records);
  const headers = { 'content-type': 'application/json', ...(encoding ? { 'content-encoding': encoding } : null) };
  const answer = await fetch(url + path, { method: 'POST', headers, body: encoding ? gzipSync(text) : text });
  return [answer.status, await answer.text()] as const;
}
const person = (rest: object) => ({ $token: 't', $distinct_id: 'a', ...rest });
const good = (count: number) => [200, `{"error":null,"status":1,"num_good_events":${count}}`];
const properties = () => sandbox.profiles()[0]?.properties;

test('each operator does to a profile what it does at Mixpanel', async () => {
  const steps: readonly [object, object | undefined][] = [
    [{ $set: { Plan: 'free', N: 1 } }, { Plan: 'free', N: 1 }],
    [{ $set_once: { Plan: 'pro', First: 1 } }, { Plan: 'free', N: 1, First: 1 }],
    [{ $add: { N: 2, M: -1 } }, { Plan: 'free', N: 3, First: 1, M: -1 }],
    [{ $unset: ['First', 'M', 'Plan'] }, { N: 3 }],
    [{ $append: { List: 'x' } }, { N: 3, List: ['x'] }],
    [{ $append: { List: 'x', N: 1 } }, { N: 3, List: ['x', 'x'] }],
    [{ $union: { List: ['x', 'y'] } }, { N: 3, List: ['x', 'x', 'y'] }],
    [{ $remove: { List: 'x', N: 3 } }, { N: 3, List: ['y'] }],
    [{ $delete: '' }, undefined],
  ];
  for (const [step, expected] of steps) {
    expect(await post([person(step)])).toEqual(good(1));
    expect(properties()).toEqual(expected);
  }
  expect(sandbox.updates().map(({ record }) => record)).toEqual(
    steps.map(([step]) => ({ $distinct_id: 'a', ...step })),
  );
});

test('what is sent twice counts twice: there is no de-duplication of updates', async () => {
  for (let time = 0; time < 2; time++) await post([person({ $add: { Orders: 1 } })]);
  expect(properties()).toEqual({ Orders: 2 });
});

test('groups are apart from people, and from each other', async () => {
  const group = (id: string) => ({ $token: 't', $group_key: 'company', $group_id: id, $set: { Seats: 1 } });
  expect(await post([group('a'), group('b')], '/groups/?verbose=1&strict=1')).toEqual(good(2));
  await post([person({ $set: { Plan: 'free' } })]);
  expect(sandbox.profiles()).toMatchObject([
    { distinct_id: 'a' },
    { group_key: 'company', group_id: 'b' },
    { group_id: 'a' },
  ]);
});

test.each([
  ['no token', { $token: '', $set: {} }, 'token, missing or empty'],
  ['nobody', { $distinct_id: '', $set: {} }, '$distinct_id, missing or empty'],
  ['no operator', {}, 'an update has exactly one operator'],
  ['two operators', { $set: {}, $add: {} }, 'an update has exactly one operator'],
  ['a text to add', { $add: { N: '1' } }, "'$add' is invalid"],
  ['an empty list', { $union: { List: [] } }, "'$union' is invalid"],
  ['names that are none', { $unset: [1] }, "'$unset' is invalid"],
  ['too much', { $set: { a: 'x'.repeat(1_000_000) } }, 'the update is larger than 1 MB'],
  ['a list of 300 KB', { $set: { a: ['x'.repeat(300_000)] } }, "'a' would be larger than 256 KB"],
])('an update with %s is refused, and its neighbour is not', async (_name, given, error) => {
  const bad = person(given);
  expect(await post([bad])).toEqual([200, JSON.stringify({ error, status: 0, num_good_events: 0 })]);
  expect(await post([bad], '/engage?verbose=1')).toEqual([200, JSON.stringify({ error, status: 0 })]);
  expect(await post([bad], '/engage')).toEqual([200, '0']);
  expect(await post([bad, person({ $set: { N: 1 } })])).toEqual([
    200,
    JSON.stringify({ error, status: 1, num_good_events: 1 }),
  ]);
  expect(sandbox.state().updates).toEqual({ applied: 1, dropped: 0, invalid: 4, profiles: 1 });
});

test('compressed updates are nothing it can read', async () => {
  const answer = [200, '{"error":"data, missing or empty","status":0}'];
  expect(await post([person({ $set: { N: 1 } })], undefined, 'gzip')).toEqual(answer);
  expect(await post([])).toEqual(answer);
  expect(sandbox.profiles()).toEqual([]);
});

test('an unknown token is answered as good and discarded', async () => {
  await open({ tokens: ['known'] });
  expect(await post([person({ $set: { N: 1 } })])).toEqual(good(1));
  expect(sandbox.state().updates).toEqual({ applied: 0, dropped: 1, invalid: 0, profiles: 0 });
});

test('a fault for one endpoint leaves the others alone and waits for its own', async () => {
  expect(sandbox.faults.order({ status: 503, endpoint: 'groups' })).toBeNull();
  expect(sandbox.faults.order({ status: 503, endpoint: 'imports' })).toContain('endpoint');
  expect((await post([person({ $set: { N: 1 } })]))[0]).toBe(200);
  expect(sandbox.faults.waiting).toBe(1);
  expect((await post([], '/groups'))[0]).toBe(503);
  expect((await post([], '/groups'))[0]).toBe(200);
});

test('a connection that is cut after ingestion has been counted, one that is cut before has not', async () => {
  sandbox.faults.order({ closeAfterIngest: true });
  sandbox.faults.order({ closeBefore: true });
  for (let time = 0; time < 2; time++) await expect(post([person({ $add: { N: 1 } })])).rejects.toThrow();
  expect(properties()).toEqual({ N: 1 });
});

test('profiles and updates are shown and forgotten', async () => {
  await post([person({ $set: { N: 1 } })]);
  const items = async (path: string) => ((await (await fetch(url + path)).json()) as { items: unknown[] }).items;
  expect(await items('/__profiles')).toMatchObject([{ distinct_id: 'a', properties: { N: 1 } }]);
  expect(await items('/__updates')).toMatchObject([
    { endpoint: 'engage', record: { $distinct_id: 'a', $set: { N: 1 } } },
  ]);
  await fetch(`${url}/__events`, { method: 'DELETE' });
  expect([await items('/__profiles'), await items('/__updates')]).toEqual([[], []]);
});
