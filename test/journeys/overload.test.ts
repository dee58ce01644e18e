/** More than the relay can or may take: it says so and stays small, and what it took arrives (R13). */
import { readFileSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Journey } from '../support/journey.ts';

const SECONDS = 4;

it('takes what it can from 400 senders that never rest, within its memory', { timeout: 60_000 }, async () => {
  await using journey = await Journey.open('overload');
  const { oracle, sandbox } = journey;
  await journey.start();
  const crowd = journey.crowd(400);
  await after(SECONDS * 1_000);
  const memory = memoryBytes(journey.relay.pid);
  await crowd.stop();
  await journey.arrived();
  expect(oracle.differences(sandbox)).toEqual([]);
  expect(oracle.owed).toBeGreaterThan(1_000);
  expect(Object.keys(oracle.statuses).filter((status) => !['200', '429', '503'].includes(status))).toEqual([]);
  expect(oracle.p99Ms()).toBeLessThan(2_000);
  expect(memory).toBeLessThan(512 * 1024 ** 2);
});

it('refuses what is over limits.accept with 429 and Retry-After, and keeps nothing of it', async () => {
  const yaml = 'limits: { accept: 100/s }\n';
  await using journey = await Journey.open('limited', { sources: { numbered: { yaml }, other: {} } });
  const { oracle, sandbox } = journey;
  await journey.start();
  const crowd = journey.crowd(16);
  const others = journey.crowd(2, 'other', { restMs: 10 });
  await after(2_500);
  await crowd.stop();
  await others.stop();
  await journey.arrived();
  expect(oracle.differences(sandbox)).toEqual([]);
  expect(Object.keys(oracle.statuses).sort()).toEqual(['200', '429']);
  // Windows of one second, of which 2.5 s touch four at most.
  expect(oracle.owedOf('numbered')).toBeGreaterThanOrEqual(100);
  expect(oracle.owedOf('numbered')).toBeLessThanOrEqual(400);
  expect(oracle.owedOf('other')).toBeGreaterThan(50);
  for (const { head, text } of oracle.answers) {
    expect(head).toMatch(/retry-after: \d+/i);
    expect(head).toMatch(/ratelimit/i);
    expect(JSON.parse(text)).toMatchObject({ code: 'limited', status: 429 });
  }
});

function memoryBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}
