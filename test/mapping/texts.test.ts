/** What the evaluator is made of, piece by piece, without a process. */
import { describe, expect, it } from 'vitest';
import { KnownPrograms } from '../../src/mapping/batch.ts';
import { FrameReader, frame, frameKind } from '../../src/mapping/frames.ts';
import { readPaths } from '../../src/mapping/paths.ts';
import { outputTexts } from '../../src/mapping/plain.ts';
import { diagnosticOf, lineAndColumn } from '../../src/mapping/positions.ts';
import { type Job, programOf } from '../../src/mapping/program.ts';

describe('the paths a mapping reads', () => {
  it.each([
    ['{"event": type, "n": data.object.customer}', ['type', 'data.object.customer']],
    ['items[price > 3].sku', ['items.sku', 'items.price']],
    ['items.{"event": name, "n": $$.root}', ['items.name', 'root']],
    ['($o := data.object; $o.id & $o.total)', ['data.object', 'data.object.id', 'data.object.total']],
    ['$headers."x-id" & $query.q', ['$headers.x-id', '$query.q']],
    ['$map(items, function($i) { $i.sku })', ['items']],
    ['"constant"', []],
  ])('of %s are %j', (text, paths) => {
    expect(readPaths(text)).toEqual(paths);
  });
});

describe('a position', () => {
  it('is a line and a column from 1', () => {
    expect(lineAndColumn('ab\ncd', 0)).toEqual({ line: 1, column: 1 });
    expect(lineAndColumn('ab\ncd', 4)).toEqual({ line: 2, column: 2 });
    expect(lineAndColumn('ab', 99)).toEqual({ line: 1, column: 3 });
  });

  it('is the beginning of the token, of which JSONata tells the end', () => {
    expect(diagnosticOf('a + b', { code: 'T2001', message: 'm', position: 3, token: '+' })).toMatchObject({
      column: 3,
    });
  });

  it('comes with a message that is cut', () => {
    expect(diagnosticOf('a', { message: 'x'.repeat(10_000) }).message.length).toBeLessThan(600);
  });
});

describe('outputs', () => {
  it('share a budget that the same value spends every time', () => {
    const large = 'x'.repeat(1_000_000);
    expect(outputTexts([{ a: large }, { a: large }])).toHaveLength(2);
    expect(() => outputTexts(Array.from({ length: 9 }, () => ({ a: large })))).toThrow('larger than');
  });

  it('are refused when they nest without end', () => {
    const endless: Record<string, unknown> = {};
    endless.self = endless;
    expect(() => outputTexts(endless)).toThrow('deeper');
  });
});

describe('frames', () => {
  it('are the same however they were cut on the way', () => {
    const bytes = Buffer.concat([frame(frameKind.done, Buffer.from('one')), frame(frameKind.more, Buffer.from('two'))]);
    for (let size = 1; size <= bytes.length; size++) {
      const taken: string[] = [];
      const reader = new FrameReader((kind, payload) => taken.push(`${kind} ${payload}`));
      for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
      expect(taken).toEqual(['12 one', '11 two']);
    }
  });

  it('of a kind or a length that cannot be are refused', () => {
    const reader = () => new FrameReader(() => {});
    expect(() => reader().push(Buffer.from('garbage'))).toThrow('no frame');
    expect(() => reader().push(frame(frameKind.map, Buffer.from('x')))).toThrow('no frame');
  });
});

describe('the programs an evaluator knows', () => {
  const job = (text: string): Job => ({
    program: programOf(text),
    purpose: 'mapping',
    headers: {},
    query: {},
    delivery: {},
    contentType: null,
    bodyForm: {},
    body: Buffer.from('{}'),
    rehearsal: false,
  });
  const head = (bytes: Buffer) => JSON.parse(bytes.toString('utf8', 9, 9 + bytes.readUInt32LE(5)));

  it('are sent once', () => {
    const known = new KnownPrograms();
    expect(Object.values(head(known.encode([job('a'), job('a'), job('b')], false)).programs)).toEqual(['a', 'b']);
    expect(head(known.encode([job('a')], false))).toMatchObject({ programs: {}, forget: false });
  });

  it('are forgotten together when they are too many', () => {
    const known = new KnownPrograms();
    for (let n = 0; n < 16; n++) known.encode([job(`${n}${'x'.repeat(32_000)}`)], false);
    expect(head(known.encode([job(`z${'x'.repeat(32_000)}`)], false))).toMatchObject({ forget: true });
    expect(Object.keys(head(known.encode([job(`0${'x'.repeat(32_000)}`)], false)).programs)).toHaveLength(1);
  });
});
