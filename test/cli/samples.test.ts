import { describe, expect, it } from 'vitest';
import { matchArrivals } from '../../src/cli/arrivals.ts';
import { freshenId, freshLike } from '../../src/cli/fresh-id.ts';
import { contentTypeOf, openPayload, readAssignment, readPath, setAt } from '../../src/cli/payload.ts';
import { redate, redateText, shiftTo } from '../../src/cli/redate.ts';
import { expectedEvents, updateAsEvent } from '../../src/cli/sample.ts';
import type { Source } from '../../src/model.ts';

const source = (provider: string, deliveryId: string | null = null) => ({ provider, deliveryId }) as Source;
const json = (text: string) => openPayload(Buffer.from(text), 'application/json; charset=utf-8');
const none = new Set<string>();
const now = Date.parse('2026-11-22T10:00:00Z');

describe('a payload', () => {
  it('keeps the digits of numbers that JavaScript would round', () => {
    const payload = json('{"id":12345678901234567890,"amount":1.10,"a":1}');
    setAt(payload?.value, ['a'], 2);
    expect(payload?.render().toString()).toBe('{"id":12345678901234567890,"amount":1.10,"a":2}');
  });

  it('is left alone when it is neither JSON nor a form', () => {
    expect(openPayload(Buffer.from('<a/>'), 'application/xml')).toBeNull();
    expect(json('{"a":')).toBeNull();
  });

  it('is the JSON inside a form of the single field payload', () => {
    const payload = openPayload(Buffer.from('payload=%7B%22a%22%3A1%7D'), 'application/x-www-form-urlencoded');
    setAt(payload?.value, ['a'], 'b c');
    expect(new URLSearchParams(payload?.render().toString()).get('payload')).toBe('{"a":"b c"}');
  });

  it('keeps repeated fields of a form', () => {
    const payload = openPayload(Buffer.from('a=1&b=2&a=3'), 'application/x-www-form-urlencoded');
    expect(payload?.value).toEqual({ a: ['1', '3'], b: '2' });
    expect(payload?.render().toString()).toBe('a=1&a=3&b=2');
  });

  it('is changed at paths, through lists, making objects on the way', () => {
    const value = { items: [{ id: 1 }] };
    setAt(value, readPath('items[0].price.amount'), 5);
    setAt(value, readPath('items.1'), 'new');
    expect(value).toEqual({ items: [{ id: 1, price: { amount: 5 } }, 'new'] });
  });

  it.each([
    [['items', '7'], 'is a list of 1'],
    [['items', 'x'], 'is a list of 1'],
    [['name', 'x'], 'name is no object'],
  ])('is not changed at %j', (path, why) => {
    expect(() => setAt({ items: [1], name: 'n' }, path, 1)).toThrow(why);
  });

  it('takes values as JSON where they are JSON, otherwise as text', () => {
    expect(readAssignment('a.b=4200').value).toBe(4200);
    expect(readAssignment('a.b=null').value).toBeNull();
    expect(readAssignment('a.b=charge.failed').value).toBe('charge.failed');
    expect(readAssignment('a.b="4200"').value).toBe('4200');
    expect(readAssignment('a=b=c')).toEqual({ path: ['a'], value: 'b=c' });
  });

  it.each(['=1', 'x', 'a..b=1', '__proto__.x=1'])('takes no assignment %j', (text) => {
    expect(() => readAssignment(text)).toThrow('--set');
  });

  it('has the content type of its ending, else of its looks', () => {
    expect(contentTypeOf('x.form', Buffer.from('{}'))).toBe('application/x-www-form-urlencoded');
    expect(contentTypeOf('-', Buffer.from(' {"a":1}'))).toBe('application/json');
    expect(contentTypeOf('-', Buffer.from('token=1&text=%7B'))).toBe('application/x-www-form-urlencoded');
  });
});

describe('times of a sample', () => {
  const anchorMs = Date.parse('2024-03-01T12:00:00Z');
  const shift = { anchorMs, byMs: shiftTo(anchorMs, now) };

  it('move together, in every form they are written in', () => {
    const value = {
      created: anchorMs / 1000,
      updated_at: anchorMs - 60_000,
      paid: '2024-03-01T13:00:00.123+01:00',
      event_ts: `${anchorMs / 1000}.000200`,
      items: [{ period_end: anchorMs / 1000 + 3600 }],
    };
    redate(value, shift);
    expect(value).toEqual({
      created: now / 1000,
      updated_at: now - 60_000,
      paid: '2026-11-22T11:00:00.123+01:00',
      event_ts: `${now / 1000}.000200`,
      items: [{ period_end: now / 1000 + 3600 }],
    });
  });

  it('are not what only looks like one', () => {
    const value = {
      id: anchorMs / 1000,
      amount: 1_709_000_000,
      created: 42,
      at: '2024-03-01',
      text: 'on 2024-03-01T12:00:00Z',
    };
    const before = structuredClone(value);
    redate(value, shift);
    expect(value).toEqual(before);
    expect(redateText('1999-01-01T00:00:00Z', shift)).toBe('1999-01-01T00:00:00Z');
  });
});

describe('a fresh delivery id', () => {
  it.each(['evt_1QTest1008RelayCase', 'Ev0CASE1000', '72d3162e-cc78-11e3-81ab-4c9367dc0958', 'ab_1', '17', 'x'])(
    'looks like %s and is another',
    (old) => {
      const fresh = freshLike(old, now);
      expect(fresh).not.toBe(old);
      expect(freshLike(old, now)).not.toBe(fresh);
      if (old.includes('_')) expect(fresh).toMatch(new RegExp(`^${old.split('_')[0]}_\\w{8,}$`));
      if (/^\d+$/.test(old)) expect(Number.isSafeInteger(Number(fresh))).toBe(true);
    },
  );

  it('stands in the body where the provider has it there', () => {
    const sample = { headers: {}, value: { id: 'evt_1QTest1008', type: 'charge.succeeded' } };
    expect(freshenId(source('stripe'), sample, none, now)).toEqual({ changed: true, old: ['evt_1QTest1008'] });
    expect(sample.value).toMatchObject({ type: 'charge.succeeded', id: expect.stringMatching(/^evt_\w{8,}$/) });
    expect(sample.value.id).not.toBe('evt_1QTest1008');
  });

  it('does not take the place of one that was set by hand', () => {
    const sample = { headers: {}, value: { id: 'evt_mine' } };
    expect(freshenId(source('stripe'), sample, new Set(['id']), now).changed).toBe(true);
    expect(sample.value.id).toBe('evt_mine');
  });

  it('stands in the header where the provider has it there, and never in the topic', () => {
    const github = { headers: { 'x-github-event': 'push' } as Record<string, string>, value: {} };
    freshenId(source('github'), github, none, now);
    expect(github.headers['x-github-delivery']).toMatch(/^msg_/);
    const shopify = { headers: { 'x-shopify-topic': 'orders/paid' } as Record<string, string>, value: {} };
    freshenId(source('shopify'), shopify, none, now);
    expect(shopify.headers['x-shopify-topic']).toBe('orders/paid');
    expect(shopify.headers['x-shopify-webhook-id']).toMatch(/^msg_/);
  });

  it('keeps the family of headers that a sample has', () => {
    const sample = { headers: { 'svix-id': 'msg_2abcdefgh' } as Record<string, string>, value: {} };
    freshenId(source('standard-webhooks'), sample, none, now);
    expect(Object.keys(sample.headers)).toEqual(['svix-id']);
    expect(sample.headers['svix-id']).not.toBe('msg_2abcdefgh');
  });

  it('follows a custom expression that is one header or one path, and says when it cannot', () => {
    const sample = () => ({
      headers: { 'x-acme-id': 'abcdefgh1234' } as Record<string, string>,
      value: { a: { id: 'n_12345678' } },
    });
    const byHeader = sample();
    expect(freshenId(source('custom', '$headers."x-acme-id"'), byHeader, none, now).changed).toBe(true);
    expect(byHeader.headers['x-acme-id']).not.toBe('abcdefgh1234');
    const byPath = sample();
    expect(freshenId(source('custom', 'a.id'), byPath, none, now).changed).toBe(true);
    expect(byPath.value.a.id).not.toBe('n_12345678');
    for (const text of ['body', '$string(a) & "x"', null]) {
      expect(freshenId(source('custom', text), sample(), none, now).changed).toBe(false);
    }
  });
});

describe('arrivals', () => {
  const place = { source: 's', case: 'c', anchorMs: now, oldIds: ['evt_old12345'] };
  const awaited = (properties: Record<string, unknown>) => ({ ...place, event: 'Paid', properties });
  const came = (properties: Record<string, unknown>) => ({ event: 'Paid', properties });

  it('are matched but for times and ids, each once', () => {
    const one = awaited({ time: 1, distinct_id: 'u', until: '2026-11-22T10:00:00Z', from: 'evt_old12345', list: [1] });
    const got = came({
      time: 2,
      distinct_id: 'u',
      until: '2027-01-01T00:00:00Z',
      from: 'evt_new',
      list: [1],
      token: 't',
    });
    expect(matchArrivals([one], [got]).missing).toEqual([]);
    expect(matchArrivals([one, one], [got]).missing).toEqual([one]);
  });

  it('are missing when a property differs', () => {
    expect(matchArrivals([awaited({ amount: 42 })], [came({ amount: '42' })]).missing).toHaveLength(1);
    expect(
      matchArrivals([awaited({ amount: 42 })], [{ event: 'Other', properties: { amount: 42 } }]).missing,
    ).toHaveLength(1);
  });

  it('of updates are matched by their operator and all that they hold', () => {
    const update = { $distinct_id: 'u', $set: { Plan: 'pro', Since: '2026-11-22T10:00:00Z' } };
    const [expected] = expectedEvents(Buffer.from(JSON.stringify([update, { nothing: 1 }])));
    if (expected === undefined) throw new Error('no update');
    const one = { ...place, ...expected };
    const later = { $distinct_id: 'u', $set: { Plan: 'pro', Since: '2027-01-01T00:00:00Z' } };
    expect(matchArrivals([one, one], [updateAsEvent(later)]).missing).toEqual([one]);
    const others = [
      { ...update, $distinct_id: 'v' },
      { ...update, $set: { Plan: 'pro' } },
    ];
    expect(matchArrivals([one], others.map(updateAsEvent)).missing).toEqual([one]);
  });
});
