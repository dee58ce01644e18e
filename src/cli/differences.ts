/** How two lists of events differ, place by place: `check` (expected, got) and `diff` (before, after) say it in one form. */
import { isDeepStrictEqual } from 'node:util';
import { differencesIn } from '../mapping/cases.ts';
import { clean } from '../observe/clean.ts';
import { type Output, table } from './output.ts';

export type Difference = { readonly path: string; readonly before: string; readonly after: string };

/** `event[0].properties.amount  before 4200  after 42`. */
export function differenceLines(
  differences: readonly Difference[],
  [before, after]: readonly [string, string],
  output: Output,
  indent: string,
): string[] {
  const rows = differences.map((one) => [
    clean(one.path.replace(/^(\d+)/, 'event[$1]')),
    `${before} ${output.style('green', clean(one.before))}`,
    `${after} ${output.style('red', clean(one.after))}`,
  ]);
  return table(rows, indent);
}

/** Events are the same one when their `$insert_id` is; the rest go in their order. Paths count from 0, as those of cases. */
export function differencesOf(before: readonly unknown[], after: readonly unknown[]): readonly Difference[] {
  const left = before.filter((one) => !after.some((other) => isDeepStrictEqual(one, other)));
  const places = after.flatMap((one, index) => (before.some((other) => isDeepStrictEqual(one, other)) ? [] : [index]));
  const found: Difference[] = [];
  const unpaired: number[] = [];
  for (const index of places) {
    const id = insertId(after[index]);
    const at = id === null ? -1 : left.findIndex((one) => insertId(one) === id);
    if (at === -1) unpaired.push(index);
    else found.push(...compared(index, left.splice(at, 1)[0], after[index]));
  }
  for (const index of unpaired) found.push(...compared(index, left.shift(), after[index]));
  for (const [index, one] of left.entries()) found.push(...compared(after.length + index, one, undefined));
  return found;
}

function compared(index: number, before: unknown, after: unknown): Difference[] {
  return differencesIn(`${index}`, before, after).map(({ path, expected, got }) => ({
    path,
    before: expected,
    after: got,
  }));
}

function insertId(event: unknown): string | null {
  const { properties } = (event ?? {}) as { properties?: { $insert_id?: unknown } };
  return typeof properties?.$insert_id === 'string' ? properties.$insert_id : null;
}
