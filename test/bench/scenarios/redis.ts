/** Relays on one Redis: accepting beside a relay on its own disk, the whole path of one relay beside that of two, and what Redis keeps. */
import type { Bench, Scenario } from '../bench.ts';
import { type Figure, median } from '../figures.ts';
import { allOf, processorOf } from '../proc.ts';
import type { Relay } from '../programs.ts';
import { startRedis, weightOf } from '../redis-server.ts';
import { keptInRedis } from './redis-kept.ts';
import { type Place, paths, relayOn, SETTLE_MAX_MS } from './redis-path.ts';

/** `micros`: processor time of a webhook to its end, of all that it takes. */
type Taken = { readonly perSecond: number; readonly micros: number };

async function accepting(bench: Bench, place: Place): Promise<Figure[]> {
  const { programs, mappings } = bench;
  const pairs = bench.quick ? 2 : 5;
  await using own = await programs.relay({ folder: bench.folder(), mappings, destination: place.sandbox.url });
  await using shared = await relayOn(bench, place);
  const accepted = async (relay: Relay, seconds = 2): Promise<Taken> => {
    const used = async () =>
      allOf(processorOf(relay.pid)) + (relay === shared ? (await weightOf(place.redis)).micros : 0);
    const before = await used();
    const { perSecond, ok } = await bench.burst({ port: relay.port, seconds });
    await programs.settled(relay, SETTLE_MAX_MS);
    return { perSecond, micros: ((await used()) - before) / ok };
  };
  await accepted(own, 1);
  await accepted(shared, 1);
  const rounds: { own: Taken; shared: Taken }[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    // Turn about, so that a machine that gets slower or faster meanwhile favours neither.
    const first = pair % 2 === 0 ? await accepted(own) : null;
    const through = await accepted(shared);
    const round = { own: first ?? (await accepted(own)), shared: through };
    rounds.push(round);
    const [many, few] = [round.shared.perSecond, round.own.perSecond].map(Math.round);
    bench.say(`redis: accepting ${many}/s, in SQLite ${few}/s`);
  }
  const ratios = rounds.map((round) => round.shared.perSecond / round.own.perSecond);
  const middle = (at: 'own' | 'shared', of: keyof Taken) => Math.round(median(rounds.map((round) => round[at][of])));
  return [
    {
      name: 'redis: accepting, of the rate in SQLite',
      value: median(ratios),
      unit: '×',
      target: { atLeast: 0.6 },
      note: `median of ${pairs} pairs: ${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}; ${middle('shared', 'perSecond')}/s beside ${middle('own', 'perSecond')}/s; processor time of a webhook to its end ${middle('shared', 'micros')} µs, Redis included, beside ${middle('own', 'micros')}`,
    },
  ];
}

async function run(bench: Bench): Promise<Figure[]> {
  const { programs } = bench;
  const kept = await keptInRedis(bench);
  await using sandbox = await programs.sandbox();
  await using redis = await startRedis(programs, bench.folder());
  const place = { redis, sandbox };
  return [...(await accepting(bench, place)), ...(await paths(bench, place)), ...kept];
}

export const redis: Scenario = { name: 'redis', about: 'relays on one Redis beside one on its disk', run };
