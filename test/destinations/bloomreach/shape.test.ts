import { expect, test } from 'vitest';
import { shapeCommand } from '../../../src/destinations/bloomreach/shape.ts';
import type { ShapeContext } from '../../../src/destinations/contract.ts';
import { shapeOutput } from '../../../src/destinations/mixpanel/shape.ts';
import { FAKE_NOW } from '../../support/fake-clock.ts';

const context: ShapeContext = { source: 's', identity: 'k1', receivedAt: FAKE_NOW + 5, index: 2, now: FAKE_NOW + 10 };
const usual = { customerIdType: 'registered', endUserAddress: false };

function command(output: unknown, options: Partial<typeof usual> = {}, where: Partial<ShapeContext> = {}) {
  const shaped = shapeCommand(output, { ...context, ...where }, { ...usual, ...options });
  if (!shaped.ok) throw new Error(`${shaped.rule}: ${shaped.message}`);
  return shaped.records.map(({ json, ...rest }) => ({ ...rest, ...JSON.parse(json) }));
}

const ruleOf = (output: unknown) => {
  const shaped = shapeCommand(output, context, usual);
  return shaped.ok ? null : shaped.rule;
};
const event = (properties: object = {}) => ({ event: 'Paid', properties: { distinct_id: 'u1', ...properties } });
const update = (other: object = {}) => ({ $distinct_id: 'u1', $set: { plan: 'pro' }, ...other });

test('an event becomes a customers/events command with the time in seconds', () => {
  const [made] = command(event({ time: FAKE_NOW - 877, amount: 5, $insert_id: 'abc' }));
  expect(made).toEqual({
    time: FAKE_NOW - 877,
    name: 'customers/events',
    data: {
      customer_ids: { registered: 'u1' },
      event_type: 'Paid',
      timestamp: (FAKE_NOW - 877) / 1000,
      properties: { amount: 5, relay_event_id: 'abc' },
    },
  });
});

test('a time given in seconds or as text becomes the same timestamp, and none is when it was received', () => {
  const timestampOf = (time: unknown) => command(event({ time }))[0]?.data.timestamp;
  expect(timestampOf(FAKE_NOW / 1000 - 1)).toBe(FAKE_NOW / 1000 - 1);
  expect(timestampOf(new Date(FAKE_NOW - 1000).toISOString())).toBe(FAKE_NOW / 1000 - 1);
  expect(timestampOf(undefined)).toBe((FAKE_NOW + 5) / 1000);
});

test('the timestamp is written with at most three decimals, so that copies are equal to the letter', () => {
  const shaped = shapeCommand(event({ time: 1_772_366_399_123 }), context, usual);
  expect(shaped.ok && shaped.records[0]?.json).toContain('"timestamp":1772366399.123,');
});

test('the id type is the one that the destination names', () => {
  expect(command(event(), { customerIdType: 'cookie' })[0]?.data.customer_ids).toEqual({ cookie: 'u1' });
  expect(command(update(), { customerIdType: 'cookie' })[0]?.data.customer_ids).toEqual({ cookie: 'u1' });
});

test('an id stays as it was written, and a number becomes text', () => {
  expect(command(event({ distinct_id: 'A@X.com' }))[0]?.data.customer_ids).toEqual({ registered: 'A@X.com' });
  expect(command(event({ distinct_id: 42 }))[0]?.data.customer_ids).toEqual({ registered: '42' });
});

test.each([
  ['', 'distinct_id_missing'],
  [null, 'distinct_id_missing'],
  [undefined, 'distinct_id_missing'],
  ['undefined', 'distinct_id_placeholder'],
  ['anonymous', 'distinct_id_placeholder'],
  ['--- ---', 'distinct_id_invalid'],
  [{}, 'distinct_id_type'],
  ['x'.repeat(256), 'distinct_id_too_long'],
])('the distinct_id %j breaks the rule %s, in events and updates', (id, rule) => {
  expect(ruleOf(event({ distinct_id: id }))).toBe(rule);
  expect(ruleOf(update({ $distinct_id: id }))).toBe(rule);
});

test('an id of letters outside ASCII is one', () => {
  expect(ruleOf(event({ distinct_id: 'Žofie' }))).toBeNull();
});

test('what only means something to Mixpanel is left out, and cannot override anything', () => {
  const given = {
    token: 't',
    $ignore: true,
    bucket: 'b',
    $bucket: 'c',
    ip: '8.8.8.8',
    relay_event_id: 'mine',
    $city: 'Brno',
  };
  const [made] = command(event({ ...given, $insert_id: 'abc' }));
  expect(made?.data.properties).toEqual({ $city: 'Brno', relay_event_id: 'abc' });
});

test('an address is kept where the destination takes them, if it is public', () => {
  const ipOf = (ip: unknown) => command(event({ ip }), { endUserAddress: true })[0]?.data.properties.ip;
  expect(ipOf('10.0.0.1, 8.8.8.8')).toBe('8.8.8.8');
  expect(ipOf('192.168.0.1')).toBeUndefined();
  expect(ipOf({})).toBeUndefined();
});

test.each([undefined, 'order-17', 'evt:with:colons', 'undefined', 17])(
  'with the $insert_id %j the event has the same id here as at Mixpanel',
  (id) => {
    const output = event({ $insert_id: id });
    const there = shapeOutput(output, context);
    if (!there.ok) throw new Error(there.message);
    const { $insert_id: expected } = JSON.parse(there.records[0]?.json ?? '').properties;
    expect(command(output)[0]?.data.properties.relay_event_id).toBe(expected);
  },
);

test('the same output is the same command to the letter, whenever it is made; another place is another event', () => {
  const made = (now: number, index = 2) => shapeCommand(event(), { ...context, now, index }, usual);
  expect(made(FAKE_NOW + 99_000)).toEqual(made(FAKE_NOW + 10));
  expect(made(FAKE_NOW + 10, 3)).not.toEqual(made(FAKE_NOW + 10));
});

test.each([
  ['no object', [], 'not_an_object'],
  ['no name', { event: '', properties: { distinct_id: 'u' } }, 'event_name'],
  ['a merge of identities', { event: '$merge', properties: { distinct_id: 'u' } }, 'identity_event'],
  ['properties that are a list', { event: 'A', properties: [] }, 'properties_not_an_object'],
  ['something beside them', { ...event(), time: 1 }, 'unknown_field'],
  ['an event and an update in one', { ...event(), $set: {} }, 'event_and_update'],
  ['a time that is none', event({ time: 'soon' }), 'time_unreadable'],
  ['a time in the future', event({ time: FAKE_NOW + 7_200_000 }), 'time_in_future'],
  ['a text of 16 KB', event({ text: 'x'.repeat(16_000) }), 'value_too_large'],
  ['a list of 16 KB', event({ list: ['x'.repeat(16_000)] }), 'value_too_large'],
  [
    '800 KB in all',
    event(Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`p${n}`, 'x'.repeat(15_000)]))),
    'command_too_large',
  ],
])('an event with %s is refused', (_what, output, rule) => {
  expect(ruleOf(output)).toBe(rule);
});

test('sizes just under the limits are fine, in bytes and not in letters', () => {
  expect(ruleOf(event({ text: 'x'.repeat(15_999) }))).toBeNull();
  expect(ruleOf(event({ text: 'ü'.repeat(7_999) }))).toBeNull();
  expect(ruleOf(event({ text: 'ü'.repeat(8_000) }))).toBe('value_too_large');
});

test('more properties and deeper ones than Mixpanel takes are no mistake here', () => {
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`p${n}`, n]));
  expect(ruleOf(event({ ...many, deep: { a: { b: { c: { d: 1 } } } } }))).toBeNull();
});

test('$set becomes a customers command that overwrites nothing newer, in a turn of its customer', () => {
  expect(command(update())).toEqual([
    {
      time: FAKE_NOW + 5,
      update: { route: 'profile', key: 'profile:u1' },
      name: 'customers',
      data: {
        customer_ids: { registered: 'u1' },
        properties: { plan: 'pro' },
        update_timestamp: (FAKE_NOW + 5.002) / 1000,
      },
    },
  ]);
});

test('of two updates in one delivery the later one is newer', () => {
  const stampOf = (index: number) => command(update(), {}, { index })[0]?.data.update_timestamp;
  expect(stampOf(1)).toBeGreaterThan(stampOf(0));
  expect(stampOf(9999)).toBeGreaterThan(stampOf(9998));
  expect(stampOf(9999) - stampOf(0)).toBeLessThan(0.011);
});

test('$time is the stamp of an update, in seconds', () => {
  expect(command(update({ $time: FAKE_NOW - 1000 }))[0]?.data.update_timestamp).toBe(FAKE_NOW / 1000 - 1);
  expect(ruleOf(update({ $time: 'soon' }))).toBe('time_unreadable');
  expect(ruleOf(update({ $time: FAKE_NOW + 7_200_000 }))).toBe('time_in_future');
});

test('an update that names nothing becomes nothing', () => {
  expect(command(update({ $set: {} }))).toEqual([]);
});

test('what steers Mixpanel beside an operator is left out', () => {
  const steering = {
    $token: 't',
    $ip: '8.8.8.8',
    $latitude: 1,
    $longitude: 2,
    $ignore_time: true,
    $ignore_alias: true,
  };
  expect(command(update(steering))).toEqual(command(update()));
});

test.each(['$set_once', '$add', '$append', '$union', '$remove', '$unset', '$delete'])(
  'the operator %s is refused, also beside $set',
  (operator) => {
    expect(ruleOf({ $distinct_id: 'u1', [operator]: { n: 1 } })).toBe('operator_not_supported');
    expect(ruleOf(update({ [operator]: { n: 1 } }))).toBe('operator_not_supported');
  },
);

test.each([
  ['a group', { $group_key: 'company', $group_id: 'acme', $set: { n: 1 } }, 'groups_not_supported'],
  ['no operator', { $distinct_id: 'u1' }, 'no_operator'],
  ['an unknown field', update({ plan: 'pro' }), 'unknown_field'],
  ['$set that is no object', update({ $set: 'pro' }), 'operator_type'],
  ['an operator inside $set', update({ $set: { $add: 1 } }), 'reserved_property'],
  ['a value of 16 KB', update({ $set: { text: 'x'.repeat(16_000) } }), 'value_too_large'],
  [
    'more properties than a customer has',
    update({ $set: Object.fromEntries(Array.from({ length: 1025 }, (_, n) => [`p${n}`, n])) }),
    'too_many_keys',
  ],
])('an update of %s is refused', (_what, output, rule) => {
  expect(ruleOf(output)).toBe(rule);
});

test('half a letter becomes a whole one', () => {
  const [made] = command(event({ text: 'a\ud83d', distinct_id: 'u\ud83d' }));
  expect([made?.data.properties.text, made?.data.customer_ids.registered]).toEqual(['a\ufffd', 'u\ufffd']);
});

test('a property of any name is carried as it is', () => {
  const output = { event: 'A', properties: JSON.parse('{"distinct_id":"u","__proto__":1,"constructor":2}') };
  const [made] = command(output);
  expect(Object.entries(made?.data.properties)).toEqual(
    expect.arrayContaining([
      ['__proto__', 1],
      ['constructor', 2],
    ]),
  );
});
