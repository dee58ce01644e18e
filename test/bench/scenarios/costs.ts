/** What the parts cost, each alone: `costs-program.ts` measures, this asks it. */
import type { Bench, Scenario } from '../bench.ts';
import type { Costs } from '../costs-program.ts';

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
    micros('checking a signature over 1 KB', costs.verify),
    { ...micros('both limits, for a good webhook', costs.limits), target: { atMost: 5 } },
  ];
}

export const costs: Scenario = { name: 'costs', about: 'what the parts cost, each alone', run };
