import { expect, it } from 'vitest';
import { createRefusedRing, type RefusedRequest, refusedBodyBytesMax } from '../../src/observe/refused-ring.ts';
import { stillClock } from '../support/observe-fixtures.ts';

const KB = 1024;

function refused(given: Partial<RefusedRequest> = {}): RefusedRequest {
  const request = { method: 'POST', target: '/hooks/acme', pathKey: null, query: {}, headers: {} };
  const how = { code: 'unverified', reason: 'wrong', status: 401, address: '127.0.0.1' } as const;
  return { source: 'acme', ...how, request, body: Buffer.from('{}'), proofHeaders: [], proofQuery: [], ...given };
}

it('keeps the last 200, newest first', () => {
  const ring = createRefusedRing(stillClock());
  for (let at = 0; at < 250; at++) ring.add(refused({ reason: `${at}` }));
  const { items, next } = ring.list({}, { limit: 500 });
  expect(items.map(({ reason }) => Number(reason))).toEqual(Array.from({ length: 200 }, (_, at) => 249 - at));
  expect(next).toBeNull();
});

it('gives pages that go on where the last ended, whatever came in between', () => {
  const ring = createRefusedRing(stillClock());
  for (let at = 0; at < 5; at++) ring.add(refused({ reason: `${at}` }));
  const first = ring.list({}, { limit: 2 });
  ring.add(refused({ reason: 'later' }));
  const second = ring.list({}, { limit: 2, after: first.next as string });
  const third = ring.list({}, { limit: 2, after: second.next as string });
  const reasons = [first, second, third].map(({ items }) => items.map(({ reason }) => reason).join());
  expect(reasons).toEqual(['4,3', '2,1', '0']);
  expect(third.next).toBeNull();
});

it('finds those of one source and one code', () => {
  const ring = createRefusedRing(stillClock());
  ring.add(refused({ source: 'a' }));
  ring.add(refused({ source: 'b', code: 'malformed' }));
  const sources = (filter: object) => ring.list(filter, { limit: 9 }).items.map(({ source }) => source);
  expect(sources({ source: 'a' })).toEqual(['a']);
  expect(sources({ code: 'malformed' })).toEqual(['b']);
  expect(sources({ source: 'a', code: 'malformed' })).toEqual([]);
});

it('keeps whole the newest bodies, and 16 KB of the others', () => {
  const ring = createRefusedRing(stillClock());
  for (let at = 0; at < 200; at++) ring.add(refused({ body: Buffer.alloc(512 * KB, at) }));
  const { items } = ring.list({}, { limit: 500 });
  const whole = items.filter(({ cut }) => !cut);
  expect(whole.length).toBeGreaterThanOrEqual(15);
  expect(whole).toEqual(items.slice(0, whole.length));
  expect(items.every(({ bytes }) => bytes === 512 * KB)).toBe(true);
  for (const { body } of items.slice(whole.length)) expect(body?.length).toBe(refusedBodyBytesMax);
  // Also what lies behind a view counts.
  const held = items.reduce((sum, { body }) => sum + (body?.buffer.byteLength ?? 0), 0);
  expect(held).toBeLessThanOrEqual(8 * KB * KB + 200 * refusedBodyBytesMax);
});

it('holds a copy of the body, so that nothing larger hangs on it', () => {
  const ring = createRefusedRing(stillClock());
  ring.add(refused({ body: new Uint8Array(new ArrayBuffer(64 * KB), 100, 10) }));
  expect(ring.list({}, { limit: 1 }).items[0]?.body?.buffer.byteLength).toBe(10);
});
