import { array, assert, integer, oneof, property, record, string } from 'fast-check';
import { expect, test } from 'vitest';
import { classifyImport } from '../../../src/destinations/mixpanel/classify-import.ts';

const now = Date.UTC(2026, 2, 1, 12);
const answer = (status: number, body: unknown, records: number) =>
  classifyImport(
    { status, body: typeof body === 'string' ? body : JSON.stringify(body), retryAfter: null, records },
    now,
  );

const partly = (imported: number | undefined, failed: readonly unknown[]) => ({
  ...{ code: 400, error: 'some data points in the request failed validation', status: 'Bad Request' },
  ...(imported === undefined ? null : { num_records_imported: imported }),
  failed_records: failed,
});
const failed = (index: unknown, message = `bad ${String(index)}`) => ({ index, insert_id: 'x', field: 'f', message });
/** d: delivered, a letter for each event: r rejected, ? again. */
const letters = (outcome: ReturnType<typeof classifyImport>) =>
  outcome.kind === 'partial'
    ? outcome.verdicts.map(({ kind }) => ({ delivered: 'd', dead: 'r', retry: '?' })[kind]).join('')
    : outcome.kind;

test('row 5: as many imported as were sent is delivered', () => {
  expect(answer(200, { code: 200, num_records_imported: 3, status: 'OK' }, 3)).toEqual({ kind: 'delivered' });
  expect(answer(200, { code: 200, num_records_imported: 3, status: 1, failed_records: [] }, 3).kind).toBe('delivered');
});

test.each([200, 400])('row 6: %i with failed records settles each by its index, with its words', (status) => {
  const outcome = answer(status, partly(2, [failed(1, 'no time')]), 3);
  expect(outcome).toEqual({
    kind: 'partial',
    verdicts: [
      { kind: 'delivered' },
      { kind: 'dead', reason: 'rejected', message: `${status}: no time` },
      { kind: 'delivered' },
    ],
  });
});

test('row 6: without a number the list alone counts, and an id that is not ours is not looked at', () => {
  const named = { index: 2, $insert_id: 'of-the-first', message: 'm' };
  expect(letters(answer(400, partly(undefined, [named]), 3))).toBe('ddr');
  expect(letters(answer(400, partly(0, [failed(0), failed(1)]), 2))).toBe('rr');
});

test('row 7: 400 that names nobody is split, so that the bad one is found', () => {
  for (const body of [
    { code: 400, error: 'no', status: 'Bad Request' },
    partly(1, []),
    '<html>no</html>',
    '',
    partly(2, [failed(9), failed('1')]),
  ]) {
    expect(answer(400, body, 3)).toMatchObject({ kind: 'split', reason: 'rejected', tooLarge: false });
  }
});

test('row 8: when the numbers do not add up, the named are refused and the others go once more', () => {
  expect(letters(answer(400, partly(1, [failed(1)]), 3))).toBe('?r?');
  expect(letters(answer(200, { code: 200, num_records_imported: 2, status: 'OK' }, 3))).toBe('???');
  expect(letters(answer(200, { code: 200, num_records_imported: 4, status: 'OK' }, 3))).toBe('???');
  const outcome = answer(400, partly(1, [failed(1)]), 3);
  expect(outcome.kind === 'partial' && outcome.verdicts[0]).toEqual({
    kind: 'retry',
    reason: 'unreadable_answer',
    attemptsMax: 2,
    message: '400: the numbers do not add up: 1 imported, 1 refused by name, of 3',
  });
});

test('an index named twice counts once, with its first words', () => {
  const outcome = answer(400, partly(2, [failed(1, 'first'), failed(1, 'second')]), 3);
  expect(letters(outcome)).toBe('drd');
  expect(outcome.kind === 'partial' && outcome.verdicts[1]).toMatchObject({ message: '400: first' });
});

test.each([[3], [-1], [1.5], ['1'], [null], [undefined]])(
  'an index of %j names nobody: without a number that says otherwise the others are not taken for stored',
  (index) => {
    expect(letters(answer(400, partly(undefined, [failed(0), failed(index)]), 3))).toBe('r??');
    expect(letters(answer(400, partly(2, [failed(0), failed(index)]), 3))).toBe('rdd');
  },
);

test('a refused record without words still gets some, and long ones are cut', () => {
  const words = (entry: unknown) => {
    const outcome = answer(400, partly(0, [entry]), 1);
    const [verdict] = outcome.kind === 'partial' ? outcome.verdicts : [];
    return verdict?.kind === 'dead' ? verdict.message : '';
  };
  expect(words({ index: 0 })).toBe('400: Refused without a reason.');
  expect(words({ index: 0, field: '$insert_id' })).toBe('400: $insert_id was refused.');
  expect(words({ index: 0, message: 'x'.repeat(9000) }).length).toBeLessThan(600);
});

test.each([
  ['1', 'delivered'],
  ['{"status":"OK","code":200}', 'delivered'],
  ['0', 'split'],
  ['{"error":"data, missing or empty","status":0}', 'split'],
  ['{"error":"token, missing or empty","status":0}', 'pause'],
  ['<html>Welcome</html>', 'retry'],
  ['null', 'retry'],
  ['', 'retry'],
])('200 with %j, which speaks of no record, is as at /track: %s', (body, kind) => {
  expect(answer(200, body, 2).kind).toBe(kind);
});

test.each([
  [401, 'pause'],
  [403, 'pause'],
  [404, 'pause'],
  [413, 'split'],
  [429, 'retry'],
  [500, 'retry'],
  [503, 'retry'],
])('%i is as at /track, whatever its body says of records', (status, kind) => {
  expect(answer(status, partly(2, [failed(1)]), 3).kind).toBe(kind);
});

test('for any answer there is a verdict for each record, and none is delivered that was named', () => {
  const entry = oneof(record({ index: integer({ min: -2, max: 12 }), message: string() }), record({ index: string() }));
  const check = property(
    integer({ min: 1, max: 10 }),
    integer({ min: -1, max: 12 }),
    array(entry, { maxLength: 14 }),
    (records, imported, list) => {
      const outcome = answer(400, partly(imported < 0 ? undefined : imported, list), records);
      if (outcome.kind !== 'partial') {
        expect(['split', 'delivered']).toContain(outcome.kind);
        return;
      }
      expect(outcome.verdicts).toHaveLength(records);
      const named = new Set(list.map(({ index }) => index));
      for (const [index, verdict] of outcome.verdicts.entries()) expect(verdict.kind === 'dead').toBe(named.has(index));
      const delivered = outcome.verdicts.filter(({ kind }) => kind === 'delivered').length;
      if (delivered > 0 && imported >= 0) expect(delivered).toBe(imported);
    },
  );
  assert(check);
});
