/**
 * Durably accepted webhooks a second, beside what a bare Express 5 answers for the same requests on the same machine a
 * moment before or after. Every burst starts with an empty buffer; mapping and sending go on behind it.
 */
import type { Bench, Scenario } from '../bench.ts';
import { median } from '../figures.ts';
import { type Processor, processorEach, processorOf } from '../proc.ts';
import { countsOf } from '../programs.ts';

const WARM_SECONDS = 2;
const SETTLE_MAX_MS = 120_000;

async function run(bench: Bench) {
  const { programs } = bench;
  const pairs = bench.quick ? 2 : 5;
  const seconds = bench.quick ? 2 : 3;
  await using sandbox = await programs.sandbox();
  await using echo = await programs.echo();
  await using relay = await programs.relay({
    folder: bench.folder(),
    mappings: bench.mappings,
    destination: sandbox.url,
  });
  await bench.burst({ port: echo.port, seconds: WARM_SECONDS / 2 });
  await bench.burst({ port: relay.port, seconds: WARM_SECONDS });
  const rounds: { echo: number; relay: number; behind: number; each: Processor }[] = [];
  const echoed = async () => (await bench.burst({ port: echo.port, seconds })).perSecond;
  const accepted = async () => {
    await programs.settled(relay, SETTLE_MAX_MS);
    const before = await countsOf(relay);
    const usedBefore = processorOf(relay.pid);
    const { perSecond, ok } = await bench.burst({ port: relay.port, seconds });
    const after = await countsOf(relay);
    const mapped = after.accepted - before.accepted - after.deliveriesWaiting;
    await programs.settled(relay, SETTLE_MAX_MS);
    return { perSecond, behind: mapped / ok, each: processorEach(usedBefore, processorOf(relay.pid), ok) };
  };
  for (let pair = 0; pair < pairs; pair++) {
    // Turn about, so that a machine that gets slower or faster meanwhile favours neither.
    const first = pair % 2 === 0 ? await echoed() : null;
    const { perSecond, behind, each } = await accepted();
    rounds.push({ echo: first ?? (await echoed()), relay: perSecond, behind, each });
    bench.say(`accept: relay ${Math.round(perSecond)}/s, echo ${Math.round(rounds.at(-1)?.echo ?? 0)}/s`);
  }
  const ratios = rounds.map((round) => round.relay / round.echo);
  const micros = (part: keyof Processor) => Math.round(median(rounds.map((round) => round.each[part])));
  const mappedShare = median(rounds.map((round) => round.behind));
  return [
    {
      name: 'accept: of a bare Express 5 echo',
      value: median(ratios),
      unit: '×',
      target: { atLeast: 0.8 },
      note: `median of ${pairs} pairs of ${seconds} s: ${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}`,
    },
    {
      name: 'accept: signed webhooks, fsynced',
      value: median(rounds.map((round) => round.relay)),
      unit: '/s',
      target: null,
      note: `echo ${Math.round(median(rounds.map((round) => round.echo)))}/s; ${Math.round(mappedShare * 100)} % were mapped when the burst ended`,
    },
    {
      name: 'accept: processor time of a webhook, to its end',
      value: micros('main') + micros('threads') + micros('children'),
      unit: 'µs',
      target: null,
      note: `main thread ${micros('main')}, store and other threads ${micros('threads')}, evaluators ${micros('children')}`,
    },
  ];
}

export const accept: Scenario = { name: 'accept', about: 'durably accepted webhooks beside an Express echo', run };
