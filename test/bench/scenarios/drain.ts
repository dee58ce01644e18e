/** A backlog, filled before, drains to the sandbox as fast as it can; nothing else comes in. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, Scenario } from '../bench.ts';
import { memoryOf, processorEach, processorOf } from '../proc.ts';
import { arrivedAt } from '../programs.ts';

const DRAIN_MAX_MS = 120_000;
const MB = 1024 * 1024;

async function run(bench: Bench) {
  const { programs } = bench;
  const backlog = bench.quick ? 60_000 : 1_000_000;
  const folder = bench.folder();
  bench.say(`drain: filling ${backlog} events`);
  await programs.run('fill.ts', [join(folder, 'data'), String(backlog)]);
  await using sandbox = await programs.sandbox();
  await using relay = await programs.relay({ folder, mappings: bench.mappings, destination: sandbox.url });
  // From the moment it is ready: what it sent before then counts against nobody, so it is taken off.
  const startedAt = performance.now();
  const usedBefore = processorOf(relay.pid);
  const early = (await arrivedAt(sandbox)).raw;
  let arrived = await arrivedAt(sandbox);
  const all = async () => {
    arrived = await arrivedAt(sandbox);
    return arrived.raw >= backlog;
  };
  await programs.until(all, `${backlog} events to arrive`, DRAIN_MAX_MS, 50);
  const seconds = (performance.now() - startedAt) / 1_000;
  const peakBytes = memoryOf(relay.pid).ownPeak;
  const each = processorEach(usedBefore, processorOf(relay.pid), backlog - early);
  await relay.stop();
  rmSync(folder, { recursive: true });
  return [
    {
      name: 'drain: events sent from a backlog',
      value: (backlog - early) / seconds,
      unit: 'events/s',
      // Mixpanel's ceiling, which the relay keeps; a short burst makes up for the start.
      target: { atLeast: 30_000 },
      note: `${backlog} events, ${early} of them before it was ready, the rest in ${seconds.toFixed(1)} s; processor time of each: main thread ${each.main.toFixed(0)} µs, store and other threads ${each.threads.toFixed(0)} µs`,
    },
    {
      name: 'drain: peak of resident memory of the relay',
      value: peakBytes / MB,
      unit: 'MB',
      target: { atMost: 300 },
    },
    {
      name: 'drain: waited and not arrived',
      value: backlog - arrived.distinct,
      unit: '',
      target: { atMost: 0 },
      note: `${arrived.raw - arrived.distinct} copies`,
    },
  ];
}

export const drain: Scenario = { name: 'drain', about: 'a backlog drains to the sandbox', run };
