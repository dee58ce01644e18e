import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { type Library, type LibraryChange, openLibrary } from '../../src/mapping/library.ts';
import type { ParseSource } from '../../src/mapping/load.ts';
import { programOf } from '../../src/mapping/program.ts';
import { createRunner } from '../../src/mapping/runner.ts';
import { eventually, NORMAL, shape, source, type TestFolder, testFolder } from '../support/mapping.ts';

const runner = createRunner({ clock: systemClock });
afterAll(() => runner[Symbol.asyncDispose]());

/** source.yaml of these tests: `bad` is refused, anything else is a source. */
const parse: ParseSource = (text, { name, file }) =>
  text.startsWith('bad')
    ? { ok: false, problems: [{ file, line: 2, column: 3, message: 'this is wrong' }] }
    : { ok: true, source: source(name, text.startsWith('id') ? { deliveryId: text.slice(3) } : {}), warnings: [] };

let folder: TestFolder;
let library: Library;
const quiet = { info: () => {}, warn: () => {} };

async function open(watch = false): Promise<Library> {
  library = await openLibrary({ dir: folder.dir, parse, runner, shape, clock: systemClock, watch, log: quiet });
  return library;
}

beforeEach(async () => {
  folder = await testFolder();
});
afterEach(async () => {
  await library[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const good = {
  'acme/source.yaml': 'provider: custom',
  'acme/mapping.jsonata': NORMAL,
  'acme/cases/paid.payload.json': '{"type": "paid", "data": {"amount": 3}}',
  'acme/cases/paid.expected.json': '[{"event": "paid", "properties": {"amount": 3}}]',
};
const changed = NORMAL.replace('"amount"', '"total"');

describe('a folder', () => {
  it('is a source when it compiles and passes its cases', async () => {
    await folder.write(good);
    await open();
    expect(library.get('acme')).toMatchObject({ status: 'pass', caseCount: 1, program: programOf(NORMAL) });
    expect(library.problems()).toEqual([]);
  });

  it('is ignored when its name begins with _ or ., and complained of when it is no name', async () => {
    await folder.write({ '_x/source.yaml': 'x', '.y/source.yaml': 'x', 'Not_One/source.yaml': 'x', 'a-file': 'x' });
    await open();
    expect(library.all()).toEqual([]);
    expect(library.problems()).toMatchObject([{ file: 'Not_One' }]);
  });

  it('with a source.yaml that is wrong is no source, and says where', async () => {
    await folder.write({ ...good, 'acme/source.yaml': 'bad' });
    await open();
    expect(library.get('acme')).toBeNull();
    expect(library.problems()).toMatchObject([{ source: 'acme', file: 'acme/source.yaml', line: 2, column: 3 }]);
  });

  it('with a mapping that never compiled takes webhooks but has no program', async () => {
    await folder.write({ ...good, 'acme/mapping.jsonata': '{\n"event": type,,}' });
    await open();
    expect(library.get('acme')).toMatchObject({ status: 'warn', program: null });
    expect(library.problems()).toMatchObject([{ file: 'acme/mapping.jsonata', line: 2, column: 15, code: 'S0211' }]);
  });

  it.each([
    ['a mapping over 32 KB', { 'acme/mapping.jsonata': `"${'x'.repeat(33_000)}"` }, 'acme/mapping.jsonata'],
    [
      'a case over 1 MiB',
      { 'acme/cases/paid.payload.json': `"${'x'.repeat(1_100_000)}"` },
      'acme/cases/paid.payload.json',
    ],
    ['expected events that are no JSON', { 'acme/cases/paid.expected.json': '[' }, 'acme/cases/paid.expected.json'],
    ['a delivery_id that does not compile', { 'acme/source.yaml': 'id $headers.' }, 'acme/source.yaml'],
  ])('with %s is refused', async (_name, files, file) => {
    await folder.write({ ...good, ...files });
    await open();
    expect(library.problems()).toMatchObject([{ source: 'acme', file }]);
  });

  it('whose mapping hangs in a case is refused for it', async () => {
    const hanging = '$contains("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", /^(a+)+$/)';
    await folder.write({ ...good, 'acme/mapping.jsonata': hanging });
    await open();
    expect(library.problems()).toMatchObject([{ case: 'paid', message: expect.stringContaining('too long') }]);
  });
});

describe('a change', () => {
  const changes: LibraryChange[] = [];

  async function openAndListen(): Promise<void> {
    await folder.write(good);
    await open(true);
    changes.length = 0;
    library.onChange((change) => changes.push(change));
  }

  it('that is good replaces the old mapping, without being asked to', async () => {
    await openAndListen();
    const expected = '[{"event": "paid", "properties": {"total": 3}}]';
    await folder.write({ 'acme/mapping.jsonata': changed, 'acme/cases/paid.expected.json': expected });
    await eventually(() => library.get('acme')?.program?.text === changed);
    expect(library.get('acme')?.status).toBe('pass');
  });

  it('that differs in a case is refused: the old mapping goes on and the difference is named, until it is mended', async () => {
    await openAndListen();
    await folder.write({ 'acme/mapping.jsonata': changed });
    await eventually(() => library.get('acme')?.status === 'warn');
    expect(library.get('acme')?.program).toEqual(programOf(NORMAL));
    expect(library.mappingOf('acme')?.program).toEqual(programOf(NORMAL));
    expect(library.problems()).toMatchObject([
      {
        source: 'acme',
        file: 'acme/cases/paid.expected.json',
        case: 'paid',
        differences: [
          { path: '0.properties.amount', expected: '3', got: 'nothing' },
          { path: '0.properties.total', expected: 'nothing', got: '3' },
        ],
      },
    ]);
    await folder.write({ 'acme/mapping.jsonata': NORMAL });
    await eventually(() => library.get('acme')?.status === 'pass');
    expect(library.problems()).toEqual([]);
    expect(changes.map(({ kind }) => kind)).toEqual(['refused', 'mended']);
  });

  it('that does not compile is refused, and the old mapping goes on', async () => {
    await openAndListen();
    await folder.write({ 'acme/mapping.jsonata': '{' });
    await eventually(() => library.get('acme')?.status === 'warn');
    expect(library.get('acme')?.program).toEqual(programOf(NORMAL));
  });

  it('that brings a new folder adds a source', async () => {
    await openAndListen();
    await folder.write({ 'other/source.yaml': 'x', 'other/mapping.jsonata': NORMAL });
    await eventually(() => library.get('other')?.status === 'pass');
  });

  it('that removes the folder closes the door, but what was accepted is still mapped', async () => {
    await openAndListen();
    await folder.remove('acme');
    await eventually(() => library.get('acme') === null);
    expect(library.mappingOf('acme')).toMatchObject({ destinations: ['mixpanel'], program: programOf(NORMAL) });
    expect(library.mappingOf('never-was')).toBeNull();
  });

  it('is read on demand, too', async () => {
    await folder.write(good);
    await open();
    await folder.write({ 'acme/mapping.jsonata': '{' });
    await library.reload();
    expect(library.get('acme')?.status).toBe('warn');
  });
});
