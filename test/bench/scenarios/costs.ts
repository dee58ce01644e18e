/** What the parts cost, each alone: `costs-program.ts` measures, this asks it. */
import type { Bench, Scenario } from '../bench.ts';
import type { Costs } from '../costs-program.ts';
import type { VerifyCost } from '../verify-costs.ts';

async function run(bench: Bench) {
  const costs = JSON.parse(await bench.programs.run('costs-program.ts', [bench.quick ? '5000' : '20000'])) as Costs;
  const micros = (name: string, value: number, note?: string) => ({
    name: `costs: ${name}`,
    value,
    unit: 'µs',
    target: null,
    ...(note === undefined ? {} : { note }),
  });
  return [
    micros('a mapping of ten fields, in the evaluator', costs.mappingChild, 'processor time of a delivery'),
    micros('a mapping of ten fields, in the relay', costs.mappingParent, 'the same, of the thread that answers'),
    micros('shaping its event', costs.shape),
    ...checking(costs.verify),
    { ...micros('both limits, for a good webhook', costs.limits), target: { atMost: 5 } },
  ];
}

/** The middle one and the dearest: both are of one secret and a body of 2 KB. */
function checking(all: Costs['verify']) {
  const shared = all.filter(({ publicKey }) => !publicKey).sort((a, b) => a.micros - b.micros);
  const dearest = shared.at(-1);
  const middle = shared[Math.floor(shared.length / 2)];
  const figure = (name: string, cost: VerifyCost | undefined, more: { target: { atMost: number } | null }) => ({
    name: `costs: ${name}`,
    value: cost?.micros ?? Number.NaN,
    unit: 'µs',
    note: `${cost?.provider}, of ${shared.length} with one shared secret`,
    ...more,
  });
  const keys = all.filter(({ publicKey }) => publicKey);
  return [
    figure('checking a webhook of 2 KB, the median provider', middle, { target: { atMost: 15 } }),
    figure('checking a webhook of 2 KB, the dearest provider', dearest, { target: { atMost: 15 } }),
    ...keys.map(({ provider, micros }) => ({
      ...{ name: `costs: checking a webhook of 2 KB with a public key`, value: micros, unit: 'µs', target: null },
      note: provider,
    })),
  ];
}

export const costs: Scenario = { name: 'costs', about: 'what the parts cost, each alone', run };
