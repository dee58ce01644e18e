/**
 * The whole path: accepted, mapped by ten fields, delivered to a sandbox in its own process; webhooks come at a fixed
 * rate whatever the relay does. Sustained: what arrives is as fast as what comes, and what waits does not grow.
 */
import { setTimeout as after } from 'node:timers/promises';
import type { Bench, Scenario } from '../bench.ts';
import type { Figure } from '../figures.ts';
import { arrivedAt, countsOf, type Relay } from '../programs.ts';

const TARGET_PER_SECOND = 5_000;
const STEP_PER_SECOND = 1_000;
const RUNGS_MAX = 3;
const CONNECTIONS = 128;
/** Batches make what arrives lumpy: the last one may just not have come. */
const TOLERANCE = 0.99;
/** What waits may differ by so much of a second between the halves of the window. */
const GROWTH_SECONDS_MAX = 0.5;
const SETTLE_MAX_MS = 120_000;

type Rung = {
  rate: number;
  seconds: number;
  arrivedPerSecond: number;
  growth: number;
  waiting: number;
  sustained: boolean;
};
type Sample = { readonly at: number; readonly arrived: number; readonly waiting: number };

async function climb(bench: Bench, to: { relay: Relay; sandbox: { url: string } }, rate: number, seconds: number) {
  const { relay, sandbox } = to;
  const before = await arrivedAt(sandbox);
  const load = bench.burst({ port: relay.port, seconds, rate, connections: CONNECTIONS });
  load.catch(() => undefined);
  const samples: Sample[] = [];
  const startedAt = performance.now();
  for (let second = 1; second < seconds; second++) {
    await after(startedAt + second * 1_000 - performance.now());
    const [{ raw }, counts] = await Promise.all([arrivedAt(sandbox), countsOf(relay)]);
    samples.push({
      at: performance.now(),
      arrived: raw - before.raw,
      waiting: counts.waiting + counts.deliveriesWaiting,
    });
  }
  const { ok } = await load;
  const rung = judge(samples, rate, seconds);
  const onTime = ok >= rate * seconds * TOLERANCE;
  return { ...rung, sustained: rung.sustained && onTime };
}

/** Over the last two thirds; the first is for the relay to find its pace. */
function judge(samples: readonly Sample[], rate: number, seconds: number): Rung {
  const window = samples.slice(Math.floor(samples.length / 3));
  const [first, last] = [window[0], window.at(-1)];
  if (!first || !last || first === last) throw new Error('too short to judge');
  const arrivedPerSecond = ((last.arrived - first.arrived) / (last.at - first.at)) * 1_000;
  const half = Math.floor(window.length / 2);
  const mean = (part: readonly Sample[]) => part.reduce((sum, { waiting }) => sum + waiting, 0) / part.length;
  const growth = mean(window.slice(half)) - mean(window.slice(0, half));
  const sustained = arrivedPerSecond >= rate * TOLERANCE && growth < rate * GROWTH_SECONDS_MAX;
  return { rate, seconds, arrivedPerSecond, growth, waiting: last.waiting, sustained };
}

async function run(bench: Bench): Promise<Figure[]> {
  const { programs } = bench;
  await using sandbox = await programs.sandbox();
  await using relay = await programs.relay({
    folder: bench.folder(),
    mappings: bench.mappings,
    destination: sandbox.url,
  });
  await bench.burst({ port: relay.port, seconds: 2, rate: 2_000 });
  const rungs: Rung[] = [];
  for (let rate = TARGET_PER_SECOND; rungs.length < (bench.quick ? 1 : RUNGS_MAX) && rate > 0; ) {
    await programs.settled(relay, SETTLE_MAX_MS);
    // The promise is about 30 s; what lies above or below it is for orientation.
    const seconds = bench.quick ? 9 : rate === TARGET_PER_SECOND ? 30 : 15;
    const rung = await climb(bench, { relay, sandbox }, rate, seconds);
    rungs.push(rung);
    bench.say(
      `path: ${rate}/s in, ${Math.round(rung.arrivedPerSecond)}/s out, ${rung.waiting} waiting at the end${rung.sustained ? '' : ', not sustained'}`,
    );
    const climbing = rungs[0]?.sustained ?? false;
    if (climbing !== rung.sustained) break;
    rate += climbing ? STEP_PER_SECOND : -STEP_PER_SECOND;
  }
  await programs.settled(relay, SETTLE_MAX_MS);
  const { raw, distinct } = await arrivedAt(sandbox);
  const { accepted } = await countsOf(relay);
  const best = Math.max(0, ...rungs.filter((rung) => rung.sustained).map((rung) => rung.rate));
  const told = rungs.map((rung) => `${rung.rate} for ${rung.seconds} s: ${Math.round(rung.arrivedPerSecond)} out`);
  return [
    {
      name: 'path: highest rate sustained',
      value: best,
      unit: 'events/s',
      target: { atLeast: TARGET_PER_SECOND },
      note: told.join('; '),
    },
    {
      name: 'path: accepted and not arrived',
      value: accepted - distinct,
      unit: '',
      target: { atMost: 0 },
      note: `${accepted} accepted, ${distinct} distinct events arrived, ${raw - distinct} copies`,
    },
  ];
}

export const path: Scenario = { name: 'path', about: 'accept, map and deliver at a fixed rate', run };
