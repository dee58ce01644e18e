/** How long a sender waits for its answer at 2,000 webhooks a second, counted from when each was due. */
import type { Bench, Scenario } from '../bench.ts';

const RATE = 2_000;
const CONNECTIONS = 128;

async function run(bench: Bench) {
  const { programs } = bench;
  await using sandbox = await programs.sandbox();
  await using relay = await programs.relay({
    folder: bench.folder(),
    mappings: bench.mappings,
    destination: sandbox.url,
  });
  await bench.burst({ port: relay.port, seconds: 2, rate: RATE, connections: CONNECTIONS });
  const seconds = bench.quick ? 5 : 10;
  const load = await bench.burst({ port: relay.port, seconds, rate: RATE, connections: CONNECTIONS });
  return [
    {
      name: `latency: ack p99 at ${RATE} webhooks/s`,
      value: load.p99Ms,
      unit: 'ms',
      target: { atMost: 25 },
      note: `${seconds} s; the generator's own clock ticks in ms, which is in it`,
    },
    {
      name: 'latency: ack p50',
      value: load.p50Ms,
      unit: 'ms',
      target: null,
      note: `longest ${load.maxMs.toFixed(1)} ms`,
    },
  ];
}

export const latency: Scenario = { name: 'latency', about: 'how long a sender waits for its answer', run };
