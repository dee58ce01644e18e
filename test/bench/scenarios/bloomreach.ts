/**
 * A backlog, filled before, drains into the sandbox's Bloomreach, which counts requests as the vendor does: 100 in any second of one
 * address, and 429 to what is more. Nothing else comes in.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, Scenario } from '../bench.ts';
import { writeBenchDestination, writeBenchSource } from '../bench-source.ts';
import { memoryOf, processorEach, processorOf } from '../proc.ts';
import { takenByBloomreach } from '../programs.ts';

const DRAIN_MAX_MS = 120_000;
const MB = 1024 * 1024;

async function run(bench: Bench) {
  const { programs } = bench;
  // Long enough that the start, which is counted, is not most of it.
  const backlog = bench.quick ? 40_000 : 250_000;
  const folder = bench.folder();
  bench.say(`bloomreach: filling ${backlog} commands`);
  await programs.run('fill.ts', [join(folder, 'data'), String(backlog), 'bloomreach']);
  await using sandbox = await programs.sandbox();
  const mappings = writeBenchSource(folder);
  writeBenchDestination(mappings, sandbox.url);
  await using relay = await programs.relay({ folder, mappings, destination: sandbox.url });
  const startedAt = performance.now();
  const usedBefore = processorOf(relay.pid);
  const early = await takenByBloomreach(sandbox);
  let taken = early;
  const all = async () => {
    taken = await takenByBloomreach(sandbox);
    return taken.commands >= backlog;
  };
  await programs.until(all, `${backlog} commands to arrive`, DRAIN_MAX_MS, 50);
  const seconds = (performance.now() - startedAt) / 1_000;
  const [commands, requests] = [taken.commands - early.commands, taken.requests - early.requests];
  const each = processorEach(usedBefore, processorOf(relay.pid), commands);
  await programs.settled(relay, DRAIN_MAX_MS);
  const peakBytes = memoryOf(relay.pid).ownPeak;
  taken = await takenByBloomreach(sandbox);
  await relay.stop();
  rmSync(folder, { recursive: true });
  return [
    {
      name: 'bloomreach: commands taken from a backlog',
      value: commands / seconds,
      unit: 'commands/s',
      target: { atLeast: 4_500 },
      note: `${backlog} commands, ${early.commands} of them before it was ready, the rest in ${seconds.toFixed(1)} s; processor time of each: main thread ${each.main.toFixed(0)} µs, store and other threads ${each.threads.toFixed(0)} µs`,
    },
    {
      name: 'bloomreach: requests',
      value: requests / seconds,
      unit: '/s',
      // Which the vendor takes from one address; the relay stays below.
      target: { atMost: 100 },
      note: `${(commands / requests).toFixed(1)} commands in one`,
    },
    {
      name: 'bloomreach: requests answered 429',
      value: (100 * taken.refused) / taken.requests,
      unit: '%',
      target: { atMost: 1 },
      note: `${taken.refused} of ${taken.requests}`,
    },
    {
      name: 'bloomreach: peak of resident memory of the relay',
      value: peakBytes / MB,
      unit: 'MB',
      target: { atMost: 300 },
    },
    {
      name: 'bloomreach: waited and not arrived once',
      value: Math.abs(backlog - taken.commands),
      unit: '',
      target: { atMost: 0 },
    },
  ];
}

export const bloomreach: Scenario = {
  name: 'bloomreach',
  about: 'a backlog drains to Bloomreach, which takes 100 requests a second',
  run,
};
