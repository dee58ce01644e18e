import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ShapeContext } from '../../../src/destinations/contract.ts';
import { shapeEvent } from '../../../src/destinations/mixpanel/shape.ts';

const now = Date.UTC(2026, 2, 1, 12);
const context: ShapeContext = { source: 'stripe', identity: 'evt_1', receivedAt: now - 5000, index: 0, now };

function properties(given: Record<string, unknown>, other: Partial<ShapeContext> = {}): Record<string, unknown> {
  const shaped = shapeEvent({ event: 'Paid', properties: given }, { ...context, ...other });
  if (!shaped.ok) throw new Error(`${shaped.rule}: ${shaped.message}`);
  return JSON.parse(shaped.json).properties;
}

function rule(output: unknown): string | null {
  const shaped = shapeEvent(output, context);
  return shaped.ok ? null : shaped.rule;
}

const ruleOf = (given: Record<string, unknown>) => rule({ event: 'Paid', properties: given });

test('what is missing is completed: time of receipt, nobody, an id of 36 hex characters', () => {
  expect(properties({})).toEqual({
    time: now - 5000,
    distinct_id: '',
    $insert_id: expect.stringMatching(/^[0-9a-f]{36}$/),
  });
});

test('an output without properties is completed the same way', () => {
  expect(shapeEvent({ event: 'Paid' }, context)).toEqual(shapeEvent({ event: 'Paid', properties: {} }, context));
});

test('the text has event before properties, no token, and ends in two braces', () => {
  const shaped = shapeEvent({ properties: { a: 1, token: 'theirs' }, event: 'Paid' }, context);
  expect(shaped.ok && shaped.json).toMatch(/^\{"event":"Paid","properties":\{"a":1,.*\}\}$/);
  expect(shaped.ok && shaped.json).not.toContain('token');
});

test.each([
  ['seconds', 1_767_225_600, 1_767_225_600_000],
  ['seconds with a fraction', 1_767_225_600.123, 1_767_225_600_123],
  ['milliseconds', 1_767_225_600_123, 1_767_225_600_123],
  ['ISO text with Z', '2026-01-01T00:00:00.123Z', 1_767_225_600_123],
  ['ISO text with a zone', '2026-01-01T02:00:00+02:00', 1_767_225_600_000],
  ['ISO text with a short zone', '2026-01-01T02:00:00+0200', 1_767_225_600_000],
  ['ISO text without a zone, which is UTC', '2026-01-01T00:00:00', 1_767_225_600_000],
  ['ISO text with a blank', '2026-01-01 00:00:00', 1_767_225_600_000],
  ['a day', '2026-01-01', 1_767_225_600_000],
  ['null, which is no time', null, now - 5000],
])('time given as %s is integer milliseconds', (_name, given, expected) => {
  expect(properties({ time: given }).time).toBe(expected);
});

test.each([
  ['text that is no time', 'yesterday', 'time_unreadable'],
  ['a number in text', '1767225600', 'time_unreadable'],
  ['a day that does not exist', '2026-02-30T00:00:00Z', 'time_unreadable'],
  ['an object', {}, 'time_unreadable'],
  ['true', true, 'time_unreadable'],
  ['before 1971', '1970-12-31T23:59:59Z', 'time_too_early'],
  ['a negative number', -5, 'time_too_early'],
  ['over an hour in the future', now + 3_600_001, 'time_in_future'],
  ['microseconds', now * 1000, 'time_in_future'],
])('time given as %s is refused', (_name, given, expected) => {
  expect(ruleOf({ time: given })).toBe(expected);
});

test('an hour in the future is still taken', () => {
  expect(ruleOf({ time: now + 3_600_000 })).toBeNull();
});

test('a number as distinct_id becomes text, a given text stays as it is', () => {
  expect(properties({ distinct_id: 42 }).distinct_id).toBe('42');
  expect(properties({ distinct_id: ' Ann ' }).distinct_id).toBe(' Ann ');
});

test.each(['undefined', 'null', 'NULL ', '0', 'anonymous', '{}', '00000000-0000-0000-0000-000000000000'])(
  'the placeholder %j as distinct_id is refused',
  (id) => expect(ruleOf({ distinct_id: id })).toBe('distinct_id_placeholder'),
);

test.each([
  [0, 'distinct_id_placeholder'],
  [true, 'distinct_id_type'],
  [[], 'distinct_id_type'],
  [{}, 'distinct_id_type'],
])('%j as distinct_id is refused', (id, expected) => expect(ruleOf({ distinct_id: id })).toBe(expected));

test('a distinct_id of 255 bytes is taken, one of 256 is not', () => {
  expect(ruleOf({ distinct_id: `${'ü'.repeat(127)}x` })).toBeNull();
  expect(ruleOf({ distinct_id: 'ü'.repeat(128) })).toBe('distinct_id_too_long');
});

test('the default $insert_id is the same each time and differs by source, identity and output', () => {
  const id = (other: Partial<ShapeContext> = {}) => properties({}, other).$insert_id;
  expect(id()).toBe(id({ receivedAt: 1_767_225_600_000, now: now + 1 }));
  const ids = [id(), id({ index: 1 }), id({ identity: 'evt_2' }), id({ source: 'github' })];
  expect(new Set(ids).size).toBe(4);
});

test('source and identity cannot be taken for another pair', () => {
  const one = properties({}, { source: 'a', identity: 'b-1' }).$insert_id;
  const two = properties({}, { source: 'a-b', identity: '1' }).$insert_id;
  expect(one).not.toBe(two);
});

test('a given $insert_id that Mixpanel takes stays, one that breaks its rule is hashed whole', () => {
  expect(properties({ $insert_id: 'evt-1A' }).$insert_id).toBe('evt-1A');
  expect(properties({ $insert_id: 77 }).$insert_id).toBe('77');
  const long = `ajs-next:${'0'.repeat(60)}`;
  const hashed = createHash('sha256').update(long).digest('hex').slice(0, 36);
  expect(properties({ $insert_id: long }).$insert_id).toBe(hashed);
  expect(properties({ $insert_id: `${long}1` }).$insert_id).not.toBe(hashed);
});

test('a placeholder as $insert_id is no id: two outputs still get different ones', () => {
  const first = properties({ $insert_id: 'undefined' }).$insert_id;
  expect(first).toBe(properties({}).$insert_id);
  expect(first).not.toBe(properties({ $insert_id: 'undefined' }, { index: 1 }).$insert_id);
});

test('what a spread payload carries along cannot override the specials or hide the event', () => {
  const spread = { token: 'theirs', $ignore: true, bucket: 'x', $bucket: 'y', amount: 5 };
  expect(Object.keys(properties(spread))).toEqual(['amount', 'time', 'distinct_id', '$insert_id']);
});

test.each([
  ['1.2.3.4, 10.0.0.1', '1.2.3.4'],
  ['10.0.0.1, 203.0.113.9', '203.0.113.9'],
  ['2001:db8:ffff::1', '2001:db8:ffff::1'],
  ['192.168.1.1', undefined],
  ['::1', undefined],
  ['0', undefined],
  [0, undefined],
])('ip %j becomes %j', (given, expected) => {
  expect(properties({ ip: given }).ip).toBe(expected);
});

test.each(['$identify', '$create_alias', '$merge'])('%s is refused', (event) => {
  expect(rule({ event, properties: {} })).toBe('identity_event');
});

test.each([
  [{ event: 'Paid', $set: { a: 1 }, $distinct_id: 'x' }, 'event_and_update'],
  [{ properties: {} }, 'event_name'],
  [{ event: '', properties: {} }, 'event_name'],
  [{ event: 5, properties: {} }, 'event_name'],
  [{ event: 'Paid', propertys: {} }, 'unknown_field'],
  [{ event: 'Paid', properties: [] }, 'properties_not_an_object'],
  ['Paid', 'not_an_object'],
  [null, 'not_an_object'],
  [[], 'not_an_object'],
])('%j is refused by name', (output, expected) => {
  expect(rule(output)).toBe(expected);
});

const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));

test('254 properties are taken with the four special ones in the count, 255 are not', () => {
  expect(ruleOf(keys(250))).toBeNull();
  expect(ruleOf(keys(251))).toBe('too_many_keys');
});

test('254 keys and elements within a property are taken, 255 are not', () => {
  expect(ruleOf({ a: keys(254), b: Array(254).fill(1) })).toBeNull();
  expect(ruleOf({ a: keys(255) })).toBe('too_many_keys');
  expect(ruleOf({ a: Array(255).fill(1) })).toBe('list_too_long');
});

test('objects nested three deep are taken, four deep are not, and the message says where', () => {
  expect(ruleOf({ a: { b: { c: { d: 1 } } } })).toBeNull();
  expect(ruleOf({ a: { b: { c: { d: {} } } } })).toBe('nested_too_deep');
  const shaped = shapeEvent({ event: 'Paid', properties: { a: { b: { c: { d: {} } } } } }, context);
  expect(!shaped.ok && shaped.message).toContain('"a.b.c.d"');
});

test('a list of flat objects is taken, objects within them are not, and lists in lists end at three', () => {
  expect(ruleOf({ items: [{ sku: 'a', tags: ['x'] }] })).toBeNull();
  expect(ruleOf({ items: [{ sku: { id: 1 } }] })).toBe('list_of_nested_objects');
  expect(ruleOf({ items: [{ parts: [{ id: 1 }] }] })).toBe('list_of_nested_objects');
  expect(ruleOf({ items: [[[1]]] })).toBeNull();
  expect(ruleOf({ items: [[[[1]]]] })).toBe('nested_too_deep');
});

test('an object or list of 8 KB is taken, a larger one is not; a text may be longer', () => {
  const list = (bytes: number) => ['x'.repeat(bytes - 4)];
  expect(ruleOf({ a: list(8192) })).toBeNull();
  expect(ruleOf({ a: list(8193) })).toBe('nested_too_large');
  expect(ruleOf({ a: 'x'.repeat(9000) })).toBeNull();
});

test('an event of 1.1 MB is refused, one of 0.9 MB is not', () => {
  expect(ruleOf({ a: 'x'.repeat(1_100_000) })).toBe('event_too_large');
  expect(ruleOf({ a: 'x'.repeat(900_000) })).toBeNull();
});

test('half of an emoji is mended in texts, names and ids; text that looks like its escape stays', () => {
  const mended = properties({ a: 'cut \ud83d', 'k\udc00': [{ b: '\ud800' }], distinct_id: 'u\ud83d' });
  expect(mended).toMatchObject({ a: 'cut \ufffd', 'k\ufffd': [{ b: '\ufffd' }], distinct_id: 'u\ufffd' });
  expect(properties({ a: '\\ud83d', b: '😀' })).toMatchObject({ a: '\\ud83d', b: '😀' });
});

test('whatever JSON a mapping gives, the answer is an event that parses and keeps the specials, or a named rule', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: false }), fc.dictionary(fc.string(), fc.jsonValue()), (odd, given) => {
      for (const output of [odd, { event: 'Paid', properties: given }, { event: 'Paid', properties: odd }]) {
        const plain = JSON.parse(
          JSON.stringify(output, (_key, value) => (typeof value === 'bigint' ? 0 : value)) ?? 'null',
        );
        const shaped = shapeEvent(plain, context);
        if (!shaped.ok) {
          expect(shaped.rule).toMatch(/^[a-z_]+$/);
          continue;
        }
        expect(shaped.json.endsWith('}}') && shaped.json.isWellFormed()).toBe(true);
        const { properties: sent } = JSON.parse(shaped.json);
        expect(sent).toMatchObject({ time: shaped.time, distinct_id: expect.any(String) });
        expect(sent.$insert_id).toMatch(/^[A-Za-z0-9-]{1,36}$/);
        expect(sent.token).toBeUndefined();
      }
    }),
    { numRuns: 500 },
  );
});
