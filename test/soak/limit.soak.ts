/**
 * The whole program against a sandbox that takes so many events a second, with Mixpanel's own waits and in real time: what
 * it takes in the second minute, and again in the second minute after the limit has doubled and halved.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { writeBenchSource } from '../bench/bench-source.ts';
import { Programs, root } from '../bench/programs.ts';

type State = { readonly events: { readonly raw: number }; readonly statuses: Readonly<Record<string, number>> };

const FIRST = 600;
const FACTORS = [1, 2, 0.5];
/** More than is taken in all that time. */
const BACKLOG = 400_000;
const SETTLE_MS = 60_000;
const LOOK_MS = 60_000;

async function stateOf(url: string): Promise<State> {
  return (await (await fetch(`${url}/__state`)).json()) as State;
}

async function allow(url: string, eventsPerSecond: number): Promise<void> {
  const answer = await fetch(`${url}/__control`, {
    method: 'POST',
    body: JSON.stringify({ rateLimit: { eventsPerSecond } }),
  });
  expect(answer.status).toBe(200);
}

it('finds a limit within a minute, and again when it doubles and halves', { timeout: 600_000 }, async () => {
  mkdirSync(join(root, 'data'), { recursive: true });
  const folder = mkdtempSync(join(root, 'data/limit-soak-'));
  const programs = new Programs({ before: [], relayFlags: [], over: new AbortController().signal });
  try {
    await programs.run('fill.ts', [join(folder, 'data'), String(BACKLOG)]);
    await using sandbox = await programs.sandbox();
    let limit = FIRST;
    await allow(sandbox.url, limit);
    await using _relay = await programs.relay({ folder, mappings: writeBenchSource(folder), destination: sandbox.url });
    for (const factor of FACTORS) {
      limit *= factor;
      await allow(sandbox.url, limit);
      await after(SETTLE_MS);
      const [from, startedAt] = [await stateOf(sandbox.url), performance.now()];
      await after(LOOK_MS);
      const [to, seconds] = [await stateOf(sandbox.url), (performance.now() - startedAt) / 1000];
      const between = (status: string) => (to.statuses[status] ?? 0) - (from.statuses[status] ?? 0);
      const taken = (to.events.raw - from.events.raw) / seconds / limit;
      const refused = between('429') / (between('429') + between('200'));
      const told = `of ${limit} events/s ${(taken * 100).toFixed(1)} % were taken, ${(refused * 100).toFixed(2)} % of requests refused`;
      process.stdout.write(`${told}\n`);
      // One wait of 3 to 7 s is mostly in it; two may be.
      expect(taken, told).toBeGreaterThan(0.85);
      expect(refused, told).toBeLessThan(0.01);
    }
  } finally {
    programs.killAll();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
});
