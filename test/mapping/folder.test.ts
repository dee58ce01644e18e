import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readFolder } from '../../src/mapping/folder.ts';
import { temporaryFolder } from '../support/program.ts';

it('names of query fields in a case stay as they are, those of headers become lower case', async () => {
  using folder = temporaryFolder('folder');
  const cases = join(folder.path, 'shop', 'cases');
  mkdirSync(cases, { recursive: true });
  writeFileSync(join(folder.path, 'shop', 'source.yaml'), 'provider: twilio\n');
  writeFileSync(join(folder.path, 'shop', 'mapping.jsonata'), '$query');
  writeFileSync(join(cases, 'call.payload.form'), '');
  writeFileSync(join(cases, 'call.query.json'), '{"CallSid":"CA1"}');
  writeFileSync(join(cases, 'call.headers.json'), '{"X-Thing":"A"}');
  const { cases: read } = await readFolder(folder.path, 'shop');
  expect(read[0]?.query).toEqual({ CallSid: 'CA1' });
  expect(read[0]?.headers).toMatchObject({ 'x-thing': 'A' });
});
