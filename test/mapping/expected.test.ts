import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { caseInput, expectedOf, runCases } from '../../src/mapping/cases.ts';
import { readFolder } from '../../src/mapping/folder.ts';
import { programOf } from '../../src/mapping/program.ts';
import { createRunner } from '../../src/mapping/runner.ts';
import { shape, source } from '../support/mapping.ts';

const runner = createRunner({ clock: systemClock, pseudonymKey: 'cases have their own' });
afterAll(() => runner[Symbol.asyncDispose]());

const root = join(import.meta.dirname, '../../mappings');
const folders = readdirSync(root, { withFileTypes: true }).filter((one) => one.isDirectory() && !/^_/.test(one.name));

it.each(folders.map(({ name }) => name))('a case saved of any webhook of %s passes', async (name) => {
  const { cases, mappingText, sourceText } = await readFolder(root, name);
  const provider = /^provider: (\S+)/m.exec(sourceText ?? '')?.[1] ?? '';
  const of = source(name, { provider });
  const program = programOf(mappingText ?? '');
  const receivedAt = systemClock.now();
  const deliveries = cases.map((one) => caseInput(one, of, receivedAt));
  const results = await runner.map(deliveries.map((delivery) => ({ program, delivery, rehearsal: true })));
  const saved = cases.map((one, index) => {
    const result = results[index];
    if (!result?.ok) throw new Error(result?.message);
    return { ...one, expected: expectedOf(result.outputs, { source: of, shape, receivedAt }) };
  });
  const checked = await runCases(saved, { source: of, program, runner, shape, clock: systemClock });
  expect(checked.filter(({ ok }) => !ok)).toEqual([]);
  expect(saved.some(({ expected }) => expected.length > 0)).toBe(true);
});
