/** What the bench says: figures beside their targets, as a table or as JSON. */

export type Target = { readonly atLeast: number } | { readonly atMost: number };

export type Figure = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Null: told for orientation, nothing was promised. */
  readonly target: Target | null;
  readonly note?: string;
};

/** Null: there is no target. A figure that could not be measured reaches nothing. */
export function reached({ value, target }: Figure): boolean | null {
  if (target === null) return null;
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The value below which so much of all lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Three figures that count, thousands apart. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const digits = Number.isInteger(value) || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

const verdicts = new Map([
  [true, 'yes'],
  [false, 'NO'],
]);

function row(figure: Figure): string[] {
  const { name, value, unit, target, note } = figure;
  const wanted =
    target === null ? '' : 'atLeast' in target ? `≥ ${shown(target.atLeast)}` : `≤ ${shown(target.atMost)}`;
  const verdict = reached(figure);
  return [
    name,
    unit === '' ? shown(value) : `${shown(value)} ${unit}`,
    wanted,
    verdict === null ? '' : (verdicts.get(verdict) ?? ''),
    note ?? '',
  ];
}

export function tableOf(figures: readonly Figure[]): string {
  const rows = [['figure', 'measured', 'target', 'reached', ''], ...figures.map(row)];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows
    .map((cells) =>
      cells
        .map((cell, column) => (column === 1 ? cell.padStart(widths[1] ?? 0) : cell.padEnd(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
