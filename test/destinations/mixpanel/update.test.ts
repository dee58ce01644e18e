import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shapeOutput } from '../../../src/destinations/mixpanel/shape.ts';

const now = Date.UTC(2026, 2, 1, 12);
const context = { source: 'acme', identity: 'd1', receivedAt: now, index: 0, now };

function records(output: unknown) {
  const shaped = shapeOutput(output, context);
  if (!shaped.ok) throw new Error(`${shaped.rule}: ${shaped.message}`);
  return shaped.records;
}
const sent = (output: unknown) => records(output).map(({ json }) => JSON.parse(json));
const rule = (output: unknown) => {
  const shaped = shapeOutput(output, context);
  return shaped.ok ? null : shaped.rule;
};
const person = (rest: object) => ({ $distinct_id: 'u1', ...rest });
const group = (rest: object) => ({ $group_key: 'company', $group_id: 'acme', ...rest });

test('an update of a person is sent as it was given, without a token, and says whose it is', () => {
  const [record, ...more] = records({ $set: { Plan: 'pro' }, $distinct_id: 'u1', $token: 'theirs' });
  expect(record).toEqual({
    json: '{"$distinct_id":"u1","$set":{"Plan":"pro"}}',
    time: now,
    update: { route: 'profile', key: 'profile:u1' },
  });
  expect(more).toEqual([]);
});

test('an update of a group goes to the groups, under a key that no other group has', () => {
  expect(records(group({ $set: { Seats: 12 } }))).toEqual([
    {
      json: '{"$group_key":"company","$group_id":"acme","$set":{"Seats":12}}',
      time: now,
      update: { route: 'group', key: 'group:["company","acme"]' },
    },
  ]);
  const key = ($group_key: string, $group_id: string) =>
    records({ $group_key, $group_id, $set: { a: 1 } })[0]?.update?.key;
  expect(key('a:b', 'c')).not.toBe(key('a', 'b:c'));
});

test('several operators are several updates in the order they are written, each with what stands beside them', () => {
  const output = {
    $add: { Orders: 1 },
    $distinct_id: 'u1',
    $ignore_time: true,
    $set: { Plan: 'pro' },
    $unset: ['Old'],
  };
  expect(sent(output)).toEqual([
    { $distinct_id: 'u1', $ignore_time: true, $add: { Orders: 1 } },
    { $distinct_id: 'u1', $ignore_time: true, $set: { Plan: 'pro' } },
    { $distinct_id: 'u1', $ignore_time: true, $unset: ['Old'] },
  ]);
});

test.each([
  ['$set', { a: 1 }, 'profile'],
  ['$set_once', { a: 1 }, 'profile'],
  ['$union', { a: ['x'] }, 'profile'],
  ['$remove', { a: 'x' }, 'profile'],
  ['$unset', ['a'], 'profile'],
  ['$delete', true, 'profile'],
  ['$add', { a: 1 }, 'profile_once'],
  ['$append', { a: 'x' }, 'profile_once'],
])('%s is known, and goes once only when a second time would count', (operator, value, route) => {
  expect(records(person({ [operator]: value }))[0]?.update?.route).toBe(route);
});

test('an $add to a group goes once too', () => {
  expect(records(group({ $add: { Seats: 1 } }))[0]?.update?.route).toBe('group_once');
});

test.each([
  [person({ $set: {} }), []],
  [person({ $union: { Tags: [] }, $unset: [] }), []],
  [person({ $set: {}, $add: { Orders: 1 } }), [person({ $add: { Orders: 1 } })]],
  [person({ $union: { Tags: [], More: ['x'] } }), [person({ $union: { More: ['x'] } })]],
])('what names nothing is left out: %j', (output, expected) => {
  expect(sent(output)).toEqual(expected);
});

test.each([
  [person({ $union: { Tags: 'vip' } }), person({ $union: { Tags: ['vip'] } })],
  [person({ $unset: 'Plan' }), person({ $unset: ['Plan'] })],
  [person({ $delete: true }), person({ $delete: '' })],
  [
    { $distinct_id: 42, $set: { a: 1 } },
    { $distinct_id: '42', $set: { a: 1 } },
  ],
  [person({ $time: 1_700_000_000, $set: { a: 1 } }), person({ $time: 1_700_000_000_000, $set: { a: 1 } })],
  [person({ $ip: '203.0.113.9, 10.0.0.1', $set: { a: 1 } }), person({ $ip: '203.0.113.9', $set: { a: 1 } })],
  [person({ $ip: '0', $set: { a: 1 } }), person({ $ip: '0', $set: { a: 1 } })],
  [person({ $ip: '10.0.0.1', $set: { a: 1 } }), person({ $set: { a: 1 } })],
  [person({ $latitude: 1, $longitude: 2, $set: { a: 1 } }), person({ $latitude: 1, $longitude: 2, $set: { a: 1 } })],
  [person({ $set: { a: 'cut \ud83d' } }), person({ $set: { a: 'cut \ufffd' } })],
])('%j is completed', (output, expected) => {
  expect(sent(output)).toEqual([expected]);
});

test.each([
  [{ $set: { a: 1 } }, 'distinct_id_missing'],
  [{ $distinct_id: '', $set: { a: 1 } }, 'distinct_id_missing'],
  [{ $distinct_id: 'undefined', $set: { a: 1 } }, 'distinct_id_placeholder'],
  [{ $distinct_id: { id: 1 }, $set: { a: 1 } }, 'distinct_id_type'],
  [{ $distinct_id: 'x'.repeat(256), $set: { a: 1 } }, 'distinct_id_too_long'],
  [{ $distinct_id: 'u1' }, 'no_operator'],
  [person({ $set: 'pro' }), 'operator_type'],
  [person({ $set: null }), 'operator_type'],
  [person({ $set: { $set: { a: 1 } } }), 'reserved_property'],
  [person({ $set: { $ip: '203.0.113.9' } }), 'reserved_property'],
  [person({ $add: { a: '1' } }), 'not_a_number'],
  [person({ $add: { a: null } }), 'not_a_number'],
  [person({ $union: { a: [{}] } }), 'list_type'],
  [person({ $unset: [1] }), 'operator_type'],
  [person({ $unset: { a: 1 } }), 'operator_type'],
  [person({ $delete: false }), 'delete_value'],
  [person({ $delete: null }), 'delete_value'],
  [person({ $delete: true, $set: { a: 1 } }), 'delete_and_more'],
  [person({ $set: { a: 1 }, Plan: 'pro' }), 'unknown_field'],
  [person({ $set: { a: 1 }, properties: {} }), 'unknown_field'],
  [person({ $set: { a: 1 }, $ignore_time: 1 }), 'not_a_boolean'],
  [person({ $set: { a: 1 }, $time: 'soon' }), 'time_unreadable'],
  [person({ $set: { a: 1 }, $time: now + 7_200_000 }), 'time_in_future'],
  [person({ $set: { a: 1 }, $latitude: 1 }), 'place'],
  [person({ $set: { a: 1 }, $latitude: 91, $longitude: 1 }), 'place'],
  [person({ $group_key: 'company', $group_id: 'a', $set: { a: 1 } }), 'two_owners'],
  [{ $group_key: 'company', $set: { a: 1 } }, 'group_id_missing'],
  [{ $group_key: 'company', $group_id: 'null', $set: { a: 1 } }, 'group_id_placeholder'],
  [{ $group_id: 'acme', $set: { a: 1 } }, 'group_key_missing'],
  [group({ $append: { a: 1 } }), 'no_group_operator'],
  [group({ $set: { a: 1 }, $ip: '0' }), 'unknown_field'],
])('%j is refused by name', (output, expected) => {
  expect(rule(output)).toBe(expected);
});

test('one broken operator refuses the whole output', () => {
  expect(rule(person({ $set: { a: 1 }, $add: { b: 'x' } }))).toBe('not_a_number');
});

test('a list of 256 KB, 2,000 properties and an update just under 1 MB are taken, more is not', () => {
  const list = (bytes: number) => person({ $set: { a: ['x'.repeat(bytes - 4)] } });
  expect([rule(list(262_144)), rule(list(262_145))]).toEqual([null, 'value_too_large']);
  const many = (count: number) =>
    person({ $set: Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, at])) });
  expect([rule(many(2000)), rule(many(2001))]).toEqual([null, 'too_many_keys']);
  const text = (length: number) => person({ $set: { a: 'x'.repeat(length) } });
  expect([rule(text(999_000)), rule(text(1_000_000))]).toEqual([null, 'update_too_large']);
});

test('whatever a mapping gives, the answer is updates of one operator without a token, or a named rule', () => {
  const operator = fc.constantFrom('$set', '$set_once', '$add', '$append', '$union', '$remove', '$unset', '$delete');
  const value = fc.oneof(fc.jsonValue(), fc.dictionary(fc.string(), fc.jsonValue()));
  const output = fc
    .tuple(fc.dictionary(operator, value, { minKeys: 1 }), fc.string({ minLength: 1 }))
    .map(([given, $distinct_id]) => {
      return { ...given, $distinct_id, $token: 'theirs' };
    });
  fc.assert(
    fc.property(output, (given) => {
      const shaped = shapeOutput(given, context);
      if (!shaped.ok) {
        expect(shaped.rule).toMatch(/^[a-z_]+$/);
        return;
      }
      for (const { json, update } of shaped.records) {
        const { $distinct_id, ...rest } = JSON.parse(json);
        expect(json.endsWith('}') && json.isWellFormed()).toBe(true);
        expect(update?.key).toBe(`profile:${$distinct_id.toWellFormed()}`);
        expect(Object.keys(rest)).toHaveLength(1);
      }
    }),
    { numRuns: 500 },
  );
});
