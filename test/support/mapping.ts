/** For test/mapping: deliveries, sources, and a folder of mappings that is gone after the test. */
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Clock, systemClock } from '../../src/clock.ts';
import { shapeOutput } from '../../src/destinations/mixpanel/shape.ts';
import { type MapResult, programOf } from '../../src/mapping/program.ts';
import type { MapInput, MapTask, Runner } from '../../src/mapping/runner.ts';
import type { Shape } from '../../src/mapping/turn-to-events.ts';
import type { Delivery, Source } from '../../src/model.ts';

export const NORMAL = '{"event": type, "properties": {"amount": data.amount}}';

export const shape: Shape = (output, context) => shapeOutput(output, context);

export function delivery(body: unknown, more: Partial<Delivery> = {}): Delivery {
  return {
    id: 'dlv_1',
    position: 1,
    identity: 'dlv_1',
    source: 'acme',
    provider: 'custom',
    key: null,
    type: null,
    receivedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    query: {},
    body: Buffer.from(JSON.stringify(body)),
    ...more,
  };
}

export function task(text: string, body: unknown = { type: 'paid', data: { amount: 3 } }, more = {}): MapTask {
  return { program: programOf(text), delivery: delivery(body, more) satisfies MapInput };
}

export async function mapOne(runner: Pick<Runner, 'map'>, text: string, body?: unknown, more = {}): Promise<MapResult> {
  const [result] = await runner.map([task(text, body, more)]);
  if (result === undefined) throw new Error('no result');
  return result;
}

export function source(name: string, more: Partial<Source> = {}): Source {
  return {
    name,
    provider: 'custom',
    secrets: ['s'],
    missing: [],
    url: null,
    toleranceMs: null,
    destinations: ['mixpanel'],
    keep: 'full',
    answer: null,
    limits: { accept: { count: 60_000, windowMs: 60_000 }, forward: null },
    fields: {},
    verify: { kind: 'none' },
    deliveryId: null,
    ...more,
  };
}

export type TestFolder = AsyncDisposable & {
  readonly dir: string;
  write(files: Readonly<Record<string, string>>): Promise<void>;
  remove(path: string): Promise<void>;
};

export async function testFolder(): Promise<TestFolder> {
  const dir = await mkdtemp(join(tmpdir(), 'mappings-'));
  return {
    dir,
    write: async (files) => {
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(dir, path)), { recursive: true });
        await writeFile(join(dir, path), text);
      }
    },
    remove: (path) => rm(join(dir, path), { recursive: true, force: true }),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

/** Real processes and files take their own time: ask until it is so, or the bound is reached. */
export async function eventually(isSo: () => boolean, boundMs = 10_000): Promise<void> {
  const until = systemClock.monotonic() + boundMs;
  while (!isSo()) {
    if (systemClock.monotonic() > until) throw new Error(`it never became so: ${isSo}`);
    await systemClock.wait(10);
  }
}

/** False for one that has ended and was not yet buried. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** A clock whose time stands still until it is moved; waits end when it has passed them. */
export function movedClock(start = Date.UTC(2026, 0, 1)): Clock & { move(ms: number): void } {
  let now = start;
  const waiting = new Set<{ readonly until: number; readonly end: () => void }>();
  return {
    now: () => now,
    monotonic: () => now,
    random: () => 0.5,
    wait: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const entry = {
          until: now + ms,
          end: () => {
            waiting.delete(entry);
            signal?.removeEventListener('abort', entry.end);
            resolve();
          },
        };
        waiting.add(entry);
        signal?.addEventListener('abort', entry.end, { once: true });
      }),
    move: (ms) => {
      now += ms;
      for (const entry of [...waiting]) if (entry.until <= now) entry.end();
    },
  };
}
