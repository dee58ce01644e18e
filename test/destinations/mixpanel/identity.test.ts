/** Events that change who is who: refused unless the destination says so, and then by rules of their own. */
import { expect, test } from 'vitest';
import { type IdentityRules, SIMPLIFIED } from '../../../src/destinations/mixpanel/identity.ts';
import { shapeOutput } from '../../../src/destinations/mixpanel/shape.ts';

const now = Date.UTC(2026, 2, 1, 12);
const context = { source: 's', identity: 'd', receivedAt: now, index: 0, now };
const original: IdentityRules = { identity: 'original', import: 'auto' };

const shaped = (event: string, properties: object, rules: IdentityRules | undefined = original) =>
  shapeOutput({ event, properties }, context, rules);
const rule = (event: string, properties: object, rules?: IdentityRules) => {
  const one = shaped(event, properties, rules);
  return one.ok ? null : one.rule;
};
const good = {
  $identify: { $identified_id: 'cus_1', $anon_id: 'dev_1' },
  $create_alias: { distinct_id: 'cus_1', alias: 'old_1' },
  $merge: { $distinct_ids: ['cus_1', 'cus_2'] },
};

test.each(Object.entries(good))('%s is refused unless the destination says identity: original', (event, properties) => {
  expect(rule(event, properties, SIMPLIFIED)).toBe('identity_event');
  expect(shapeOutput({ event, properties }, context)).toMatchObject({
    ok: false,
    message: expect.stringContaining('identity: original'),
  });
  expect(rule(event, properties)).toBeNull();
});

test('one that is sent has a time and an $insert_id like any event, and keeps what it names', () => {
  const one = shaped('$merge', good.$merge);
  expect(one.ok && JSON.parse(one.records[0]?.json ?? '')).toEqual({
    event: '$merge',
    properties: {
      $distinct_ids: ['cus_1', 'cus_2'],
      time: now,
      distinct_id: '',
      $insert_id: expect.stringMatching(/^[0-9a-f]{36}$/),
    },
  });
});

test.each<[string, object, string]>([
  ['$identify', { $anon_id: 'dev_1' }, 'identity_id'],
  ['$identify', { $identified_id: 'cus_1' }, 'identity_id'],
  ['$identify', { $identified_id: 'cus_1', $anon_id: '' }, 'identity_id'],
  ['$identify', { $identified_id: 'undefined', $anon_id: 'dev_1' }, 'identity_id'],
  ['$identify', { $identified_id: 7, $anon_id: 'dev_1' }, 'identity_id'],
  ['$identify', { $identified_id: 'cus_1', $anon_id: 'cus_1' }, 'identity_same'],
  ['$create_alias', { alias: 'old_1' }, 'identity_id'],
  ['$create_alias', { distinct_id: 'cus_1' }, 'identity_id'],
  ['$create_alias', { distinct_id: 'cus_1', alias: 'null' }, 'identity_id'],
  ['$merge', {}, 'merge_ids'],
  ['$merge', { $distinct_ids: ['cus_1'] }, 'merge_ids'],
  ['$merge', { $distinct_ids: ['a', 'b', 'c'] }, 'merge_ids'],
  ['$merge', { $distinct_ids: ['cus_1', 'anonymous'] }, 'identity_id'],
  ['$merge', { $distinct_ids: ['cus_1', null] }, 'identity_id'],
  ['$merge', { $distinct_ids: ['cus_1', 'cus_1'] }, 'identity_same'],
])('%s with %j is refused', (event, properties, expected) => {
  expect(rule(event, properties)).toBe(expected);
});

test('a merge needs /import, the others do not', () => {
  const never: IdentityRules = { identity: 'original', import: 'never' };
  expect(rule('$merge', good.$merge, never)).toBe('merge_needs_import');
  expect(rule('$identify', good.$identify, never)).toBeNull();
});

test('an event of another name is not looked at', () => {
  expect(rule('Identified', { $anon_id: '' }, SIMPLIFIED)).toBeNull();
  expect(rule('constructor', {}, SIMPLIFIED)).toBeNull();
});
