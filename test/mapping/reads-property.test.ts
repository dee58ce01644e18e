import jsonata from 'jsonata';
import { expect, it } from 'vitest';
import { maskBody } from '../../src/mapping/mask-body.ts';
import { readsOf } from '../../src/mapping/reads.ts';
import { dice, randomBody, randomMapping } from '../support/random-mapping.ts';

const text = JSON.stringify(randomBody);
const MAPPINGS = 4_000;

/** JSONata writes into what it is given: each gets its own. */
async function evaluated(mapping: string, json: string): Promise<string> {
  try {
    return JSON.stringify(await jsonata(mapping).evaluate(JSON.parse(json))) ?? 'nothing';
  } catch {
    return 'an error';
  }
}

it.each([1, 2026])('any mapping whose reads are known gives the same of a masked body (seed %d)', async (seed) => {
  const roll = dice(seed);
  const different: string[] = [];
  let masked = 0;
  for (let count = 0; count < MAPPINGS; count++) {
    const mapping = randomMapping(roll, 1 + roll(4));
    const reads = readsOf(mapping);
    const bytes = maskBody({ body: Buffer.from(text), contentType: 'application/json', form: {} }, reads);
    const hidden = bytes === null ? text : Buffer.from(bytes).toString();
    if (hidden === text) continue;
    masked += 1;
    if ((await evaluated(mapping, text)) !== (await evaluated(mapping, hidden))) different.push(mapping);
  }
  expect(different).toEqual([]);
  expect(masked).toBeGreaterThan(MAPPINGS / 3);
});
