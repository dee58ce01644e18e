import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { dearest } from '../support/dearest-first.ts';
import { root } from '../support/program.ts';

it('starts with files that are there, each once', () => {
  expect(dearest.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  expect(new Set(dearest).size).toBe(dearest.length);
});
