/**
 * The whole path of one relay on a Redis beside that of two: on the same two cores, Redis, load and sandbox included, where what relays with
 * cores of their own would do is reckoned from processor time; and measured, with a part of a core for each.
 */
import type { Bench } from '../bench.ts';
import { type Figure, median } from '../figures.ts';
import { allOf, processorOf } from '../proc.ts';
import { arrivedAt, type Relay } from '../programs.ts';
import { Quota } from '../quota.ts';
import { type BenchRedis, startRedis, weightOf } from '../redis-server.ts';

export const SETTLE_MAX_MS = 120_000;
/** Of each of the two load generators. */
const CONNECTIONS = 64;
/** With a part of a core more of them would wait for longer than a webhook may. */
const SLOW_CONNECTIONS = 16;
const SECOND_MICROS = 1_000_000;
/** Three of these leave half of two cores to load and sandbox. */
const OWN_CORE = 0.3;

export type Place = { readonly redis: BenchRedis; readonly sandbox: { readonly url: string } };
/** Events a second, and processor time of one in microseconds: Redis', a relay's main thread, all of the relays. */
type Round = { readonly perSecond: number; readonly redis: number; readonly main: number; readonly relays: number };

export function relayOn(bench: Bench, { redis, sandbox }: Place): Promise<Relay> {
  const { programs, mappings } = bench;
  return programs.relay({ folder: bench.folder(), mappings, destination: sandbox.url, redis: redis.url });
}

/** As many webhooks as are taken in some seconds, until the last event has arrived. `quotas`: of each relay. */
async function wholePath(bench: Bench, place: Place, count: number, quotas: readonly Quota[] = []): Promise<Round> {
  const { programs } = bench;
  const seconds = bench.quick ? 2 : 4;
  const connections = quotas.length > 0 ? SLOW_CONNECTIONS : CONNECTIONS;
  await using first = await relayOn(bench, place);
  await using second = count === 1 ? null : await relayOn(bench, place);
  const relays = second === null ? [first] : [first, second];
  for (const [at, { pid }] of relays.entries()) quotas[at]?.hold(pid);
  // Each compiles before it is measured.
  await Promise.all(relays.map(({ port }) => bench.burst({ port, seconds: 1, rate: 1_000, connections })));
  await programs.settled(first, SETTLE_MAX_MS);
  const used = () => relays.map(({ pid }) => processorOf(pid));
  const [before, redisBefore] = [used(), (await weightOf(place.redis)).micros];
  const { distinct: earlier } = await arrivedAt(place.sandbox);
  const startedAt = performance.now();
  const loads = await Promise.all(
    [first, second ?? first].map(({ port }) => bench.burst({ port, seconds, connections })),
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

type Pairs = { readonly ones: readonly Round[]; readonly twos: readonly Round[]; readonly ratios: readonly number[] };

async function inPairs(bench: Bench, place: Place, where: string, quotas?: readonly Quota[]): Promise<Pairs> {
  const pairs = bench.quick ? 1 : 3;
  const ones: Round[] = [];
  const twos: Round[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    // Turn about, so that a machine that gets slower or faster meanwhile favours neither.
    for (const count of pair % 2 === 0 ? [1, 2] : [2, 1])
      (count === 1 ? ones : twos).push(await wholePath(bench, place, count, quotas));
    const [one, two] = [ones.at(-1)?.perSecond ?? 0, twos.at(-1)?.perSecond ?? 0];
    bench.say(`redis: whole path ${where} of one relay ${Math.round(one)}/s, of two ${Math.round(two)}/s`);
  }
  return { ones, twos, ratios: ones.map((one, pair) => (twos[pair]?.perSecond ?? Number.NaN) / one.perSecond) };
}

const shownRatios = (ratios: readonly number[]) => ratios.map((ratio) => ratio.toFixed(2)).join(' ');
const of = (rounds: readonly Round[], part: keyof Round) => median(rounds.map((round) => round[part]));

/** Each relay and Redis with a slow core of its own; load and sandbox have the rest of the machine. */
async function withOwnCores(bench: Bench, sandbox: Place['sandbox']): Promise<Figure[]> {
  using first = Quota.of('relay-1', OWN_CORE);
  using second = Quota.of('relay-2', OWN_CORE);
  using engine = Quota.of('redis', OWN_CORE);
  if (!first || !second || !engine) {
    bench.say(
      'redis: no part of a core can be given to a program here: what two relays with their own do is not measured',
    );
    return [];
  }
  await using redis = await startRedis(bench.programs, bench.folder());
  engine.hold(redis.pid);
  const { ones, twos, ratios } = await inPairs(bench, { redis, sandbox }, `with ${OWN_CORE} of a core each`, [
    first,
    second,
  ]);
  return [
    {
      name: `redis: whole path of two relays, of one, ${OWN_CORE} of a core for each and for Redis`,
      value: median(ratios),
      unit: '×',
      target: { atLeast: 1.3 },
      note: `${Math.round(of(twos, 'perSecond'))}/s beside ${Math.round(of(ones, 'perSecond'))}/s; ${shownRatios(ratios)}`,
    },
  ];
}

export async function paths(bench: Bench, place: Place): Promise<Figure[]> {
  const { ones, twos, ratios } = await inPairs(bench, place, 'on the same cores');
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
      note: `${Math.round(of(twos, 'perSecond'))}/s; ${shownRatios(ratios)}; processor time of an event: Redis ${of(twos, 'redis').toFixed(0)} µs, the relays ${of(twos, 'relays').toFixed(0)}`,
    },
    {
      name: 'redis: the same with a core for each of the three, reckoned',
      value:
        Math.min(shard, (2 * SECOND_MICROS) / of(twos, 'relays')) / Math.min(SECOND_MICROS / of(ones, 'redis'), relay),
      unit: '×',
      target: { atLeast: 1.3 },
      note: `one relay ${Math.round(relay)}/s; Redis itself ends at ${Math.round(shard)}/s`,
    },
    ...(await withOwnCores(bench, place.sandbox)),
  ];
}
