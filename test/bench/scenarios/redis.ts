/**
 * Relays on one Redis: accepting beside a relay on its own disk, and the whole path of one relay beside that of two. All of it is on the
 * same two cores, Redis, load and sandbox included: what relays with cores of their own would do is reckoned from processor time.
 */
import type { Bench, Scenario } from '../bench.ts';
import { type Figure, median } from '../figures.ts';
import { type Processor, processorOf } from '../proc.ts';
import { arrivedAt, type Relay } from '../programs.ts';
import { type BenchRedis, startRedis, weightOf } from '../redis-server.ts';
import { keptInRedis } from './redis-kept.ts';

const SETTLE_MAX_MS = 120_000;
/** Of each of the two load generators. */
const CONNECTIONS = 64;
const SECOND_MICROS = 1_000_000;

type Place = { readonly redis: BenchRedis; readonly sandbox: { readonly url: string } };
/** Events a second, and processor time of one in microseconds: Redis', a relay's main thread, all of the relays. */
type Round = { readonly perSecond: number; readonly redis: number; readonly main: number; readonly relays: number };

/** `micros`: processor time of a webhook to its end, of all that it takes. */
type Taken = { readonly perSecond: number; readonly micros: number };

const allOf = ({ main, threads, children }: Processor) => main + threads + children;

function relayOn(bench: Bench, { redis, sandbox }: Place): Promise<Relay> {
  const { programs, mappings } = bench;
  return programs.relay({ folder: bench.folder(), mappings, destination: sandbox.url, redis: redis.url });
}

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

/** As many webhooks as are taken in some seconds, until the last event has arrived. */
async function wholePath(bench: Bench, place: Place, count: number): Promise<Round> {
  const { programs } = bench;
  const seconds = bench.quick ? 2 : 4;
  await using first = await relayOn(bench, place);
  await using second = count === 1 ? null : await relayOn(bench, place);
  const relays = second === null ? [first] : [first, second];
  // Each compiles before it is measured.
  await Promise.all(relays.map(({ port }) => bench.burst({ port, seconds: 1, rate: 1_000 })));
  await programs.settled(first, SETTLE_MAX_MS);
  const used = () => relays.map(({ pid }) => processorOf(pid));
  const [before, redisBefore] = [used(), (await weightOf(place.redis)).micros];
  const { distinct: earlier } = await arrivedAt(place.sandbox);
  const startedAt = performance.now();
  const loads = await Promise.all(
    [first, second ?? first].map(({ port }) => bench.burst({ port, seconds, connections: CONNECTIONS })),
  );
  const ok = loads.reduce((sum, load) => sum + load.ok, 0);
  const all = async () => (await arrivedAt(place.sandbox)).distinct - earlier >= ok;
  await programs.until(all, `${ok} events to arrive`, SETTLE_MAX_MS, 50);
  const perSecond = (ok / (performance.now() - startedAt)) * 1_000;
  const redis = ((await weightOf(place.redis)).micros - redisBefore) / ok;
  const parts = used().map((now, at) => {
    const then = before[at] ?? now;
    return { main: now.main - then.main, all: allOf(now) - allOf(then) };
  });
  const sum = (of: (part: { main: number; all: number }) => number) =>
    parts.reduce((total, part) => total + of(part), 0) / ok;
  return { perSecond, redis, main: sum(({ main }) => main), relays: sum(({ all }) => all) };
}

async function paths(bench: Bench, place: Place): Promise<Figure[]> {
  const pairs = bench.quick ? 1 : 3;
  const ones: Round[] = [];
  const twos: Round[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    // Turn about, as above.
    for (const count of pair % 2 === 0 ? [1, 2] : [2, 1])
      (count === 1 ? ones : twos).push(await wholePath(bench, place, count));
    const [one, two] = [ones.at(-1)?.perSecond ?? 0, twos.at(-1)?.perSecond ?? 0];
    bench.say(`redis: whole path of one relay ${Math.round(one)}/s, of two ${Math.round(two)}/s`);
  }
  const of = (rounds: readonly Round[], part: keyof Round) => median(rounds.map((round) => round[part]));
  const ratios = ones.map((one, pair) => (twos[pair]?.perSecond ?? Number.NaN) / one.perSecond);
  const shard = SECOND_MICROS / of(twos, 'redis');
  const relay = SECOND_MICROS / of(ones, 'relays');
  return [
    {
      name: 'redis: whole path, one relay',
      value: of(ones, 'perSecond'),
      unit: 'events/s',
      target: null,
      note: `processor time of an event: Redis ${of(ones, 'redis').toFixed(0)} µs, the relay ${of(ones, 'relays').toFixed(0)} (main thread ${of(ones, 'main').toFixed(0)})`,
    },
    {
      name: 'redis: whole path of two relays on the same cores, of one',
      value: median(ratios),
      unit: '×',
      target: null,
      note: `${Math.round(of(twos, 'perSecond'))}/s; ${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}; processor time of an event: Redis ${of(twos, 'redis').toFixed(0)} µs, the relays ${of(twos, 'relays').toFixed(0)}`,
    },
    {
      name: 'redis: the same with a core for each of the three, reckoned',
      value:
        Math.min(shard, (2 * SECOND_MICROS) / of(twos, 'relays')) / Math.min(SECOND_MICROS / of(ones, 'redis'), relay),
      unit: '×',
      target: { atLeast: 1.3 },
      note: `one relay ${Math.round(relay)}/s; Redis itself ends at ${Math.round(shard)}/s`,
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
