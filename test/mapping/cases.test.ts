import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { runCases } from '../../src/mapping/cases.ts';
import { programOf } from '../../src/mapping/program.ts';
import { createRunner } from '../../src/mapping/runner.ts';
import { shape, source } from '../support/mapping.ts';

const runner = createRunner({ clock: systemClock });
afterAll(() => runner[Symbol.asyncDispose]());

const body = { at: 1_700_000_000, user: 'u1', amount: 3 };
const mapping = '{"event": "Paid", "properties": {"time": at, "distinct_id": user, "amount": amount}}';

async function differences(expected: readonly unknown[] | null, text = mapping) {
  const one = {
    name: 'c',
    payloadFile: 'acme/cases/c.payload.json',
    expectedFile: 'acme/cases/c.expected.json',
    payload: Buffer.from(JSON.stringify(body)),
    headers: { 'content-type': 'application/json' },
    query: {},
    expected,
  };
  const [result] = await runCases([one], {
    source: source('acme'),
    program: programOf(text),
    runner,
    shape,
    clock: systemClock,
  });
  return result?.ok ? [] : (result?.problem.differences ?? result?.problem.message);
}

const paid = (properties: Record<string, unknown>) => [{ event: 'Paid', properties }];

describe('a case', () => {
  it.each([
    ['what is not named of time, distinct_id and $insert_id', paid({ amount: 3 })],
    ['time as it is completed', paid({ amount: 3, time: 1_700_000_000_000 })],
    ['time as the mapping gave it', paid({ amount: 3, time: 1_700_000_000, distinct_id: 'u1' })],
  ])('passes by %s', async (_name, expected) => {
    expect(await differences(expected)).toEqual([]);
  });

  it.each([
    ['another value', paid({ amount: '3' }), [{ path: '0.properties.amount', expected: '"3"', got: '3' }]],
    ['a property too few', paid({}), [{ path: '0.properties.amount', expected: 'nothing', got: '3' }]],
    [
      'another time',
      paid({ amount: 3, time: 5 }),
      [{ path: '0.properties.time', expected: '5', got: '1700000000000' }],
    ],
    [
      'another name',
      [{ event: 'x', properties: { amount: 3 } }],
      [{ path: '0.event', expected: '"x"', got: '"Paid"' }],
    ],
    ['nothing expected', [], [{ path: '0', expected: 'nothing' }]],
    ['one event too few', [...paid({ amount: 3 }), ...paid({})], [{ path: '1', got: 'nothing' }]],
  ])('fails by %s', async (_name, expected, found) => {
    expect(await differences(expected)).toMatchObject(found);
  });

  it('fails by an output that breaks a rule of the destination', async () => {
    expect(await differences([{}], '{"event": 5}')).toMatchObject([
      { path: '0', got: expect.stringContaining('breaks') },
    ]);
  });

  it('fails by a mapping that fails, with its place', async () => {
    expect(await differences([], '1 + "x"')).toContain('T2002 at 1:3');
  });

  it('without expected events only has to work', async () => {
    expect(await differences(null)).toEqual([]);
  });
});

describe('a case with updates', () => {
  const both = `[${mapping}, {"$distinct_id": user, "$time": at, "$set": {"Plan": "pro"}, "$add": {"Orders": 1}}]`;
  const [event] = paid({ amount: 3 });
  const set = { $distinct_id: 'u1', $time: 1_700_000_000_000, $set: { Plan: 'pro' } };
  const add = { $distinct_id: 'u1', $time: 1_700_000_000_000, $add: { Orders: 1 } };

  it('passes by one entry for each operator, beside events', async () => {
    expect(await differences([event, set, add], both)).toEqual([]);
  });

  it('passes by the time as the mapping gave it', async () => {
    expect(await differences([event, { ...set, $time: 1_700_000_000 }, add], both)).toEqual([]);
  });

  it('passes without an entry for an update that names nothing', async () => {
    expect(await differences([], '{"$distinct_id": user, "$set": {"Plan": missing}}')).toEqual([]);
  });

  it.each([
    ['both operators in one entry', [event, { ...set, ...add }], '1.$add'],
    ['another value', [event, { ...set, $set: { Plan: 'free' } }, add], '1.$set.Plan'],
    ['a time that is not named', [event, { $distinct_id: 'u1', $set: { Plan: 'pro' } }, add], '1.$time'],
    ['an update too few', [event, set], '2'],
    ['an event in its place', [event, event, add], '1.event'],
  ])('fails by %s', async (_name, expected, path) => {
    const found = await differences(expected, both);
    expect(found).toEqual(expect.arrayContaining([expect.objectContaining({ path })]));
  });

  it('fails by an update that breaks a rule', async () => {
    const found = await differences([set], '{"$distinct_id": "", "$set": {"Plan": "pro"}}');
    expect(found).toEqual([expect.objectContaining({ got: expect.stringContaining('distinct_id_missing') })]);
  });
});
