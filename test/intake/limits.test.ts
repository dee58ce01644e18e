import { expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { wholeWindow } from '../../src/intake/limits.ts';
import { WindowStore } from '../../src/intake/window-store.ts';
import { openDoor, post, signed, source } from './door.ts';

/** Only the monotonic hand moves. */
function movable() {
  let at = 1000;
  return { clock: { ...systemClock, monotonic: () => at }, move: (ms: number) => (at += ms) };
}

it('refuses a source its webhooks over limits.accept with 429 and draft-8 headers, and takes them again later', async () => {
  const { clock, move } = movable();
  const limits = { accept: { count: 2, windowMs: 60_000 }, forward: null };
  await using door = await openDoor({ clock, sources: [source({ limits })] });
  const answers = [await post(door, '{}'), await post(door, '{}'), await post(door, '{}')];
  expect(answers.map((answer) => answer.status)).toEqual([200, 200, 429]);
  expect(answers[2]?.body.code).toBe('limited');
  expect(answers[2]?.headers.get('retry-after')).toBe('60');
  expect(answers[2]?.headers.get('ratelimit')).toBe('"acme"; r=0; t=60');
  expect(answers[2]?.headers.get('ratelimit-policy')).toMatch(/^"acme"; q=2; w=60; pk=:[\w+/=]+:$/);
  expect(answers[0]?.headers.get('ratelimit')).toBeNull();
  expect(door.kept).toHaveLength(2);
  move(60_001);
  expect((await post(door, '{}')).status).toBe(200);
});

it('does not let forged webhooks use up what a source may send', async () => {
  const limits = { accept: { count: 1, windowMs: 60_000 }, forward: null };
  await using door = await openDoor({ sources: [source({ limits })] });
  for (let at = 0; at < 5; at++) expect((await post(door, '{}', signed('{ }'))).status).toBe(401);
  expect((await post(door, '{}')).status).toBe(200);
});

it('stops reading an address after too many refusals, good webhooks included, until the window ends', async () => {
  const { clock, move } = movable();
  await using door = await openDoor({ clock, refusedPerAddress: { count: 3, windowMs: 60_000 } });
  for (let at = 0; at < 3; at++) expect((await post(door, '{}', signed('{ }'))).status).toBe(401);
  const answer = await post(door, '{}');
  expect(answer.status).toBe(429);
  expect(Number(answer.headers.get('retry-after'))).toBe(60);
  move(60_001);
  expect((await post(door, '{}')).status).toBe(200);
});

it('never counts good webhooks on their address', async () => {
  await using door = await openDoor({ refusedPerAddress: { count: 3, windowMs: 60_000 } });
  for (let at = 0; at < 10; at++) expect((await post(door, '{}')).status).toBe(200);
});

it('believes X-Forwarded-For only from a trusted proxy', async () => {
  const refusedPerAddress = { count: 1, windowMs: 60_000 };
  const forged = (address: string) => signed('{ }', { 'x-forwarded-for': address });
  await using plain = await openDoor({ refusedPerAddress });
  expect((await post(plain, '{}', forged('203.0.113.1'))).status).toBe(401);
  expect((await post(plain, '{}', forged('203.0.113.2'))).status).toBe(429);
  await using behind = await openDoor({ refusedPerAddress, trustProxy: 1 });
  expect((await post(behind, '{}', forged('203.0.113.1'))).status).toBe(401);
  expect((await post(behind, '{}', forged('203.0.113.2'))).status).toBe(401);
  expect((await post(behind, '{}', forged('203.0.113.2'))).status).toBe(429);
});

it('counts a whole IPv6 /56 as one address', async () => {
  await using door = await openDoor({ refusedPerAddress: { count: 2, windowMs: 60_000 }, trustProxy: 1 });
  const from = (address: string) => post(door, '{}', signed('{ }', { 'x-forwarded-for': address }));
  expect((await from('2001:db8:1:1::1')).status).toBe(401);
  expect((await from('2001:db8:1:2::9')).status).toBe(401);
  expect((await from('2001:db8:1:ff::5')).status).toBe(429);
  expect((await from('2001:db8:2:1::1')).status).toBe(401);
});

it('turns any rate into whole requests in a window', () => {
  expect(wholeWindow({ count: 0.5, windowMs: 1000 })).toEqual({ limit: 1, windowMs: 2000 });
  expect(wholeWindow({ count: 2.5, windowMs: 1000 })).toEqual({ limit: 5, windowMs: 2000 });
  expect(wholeWindow({ count: 600, windowMs: 60_000 })).toEqual({ limit: 600, windowMs: 60_000 });
});

it('remembers only so many addresses and forgets the oldest first', () => {
  const store = new WindowStore({ name: 'test', windowMs: 1000, keysMax: 2, clock: systemClock });
  for (const key of ['a', 'b', 'c']) store.increment(key);
  expect([store.hits('a'), store.hits('b'), store.hits('c')]).toEqual([0, 1, 1]);
});
