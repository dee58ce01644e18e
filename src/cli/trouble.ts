/** A mistake in a file, shown where it is: `file:line:column  code  sentence`, the lines around it, a caret. */
import type { Output } from './output.ts';

export type Trouble = {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly code?: string;
};

/** Longer lines are cut around the caret. */
const WIDTH_MAX = 100;

export function troubleHead(trouble: Trouble): string {
  const { file, line, column, code, message } = trouble;
  return [`${file}:${line}:${column}`, ...(code === undefined ? [] : [code]), message].join('  ');
}

/** The line before, the line itself, and a caret under the column. */
export function troubleExcerpt(text: string, { line, column }: Trouble, output: Output): string[] {
  const lines = text.split(/\r?\n/);
  const wide = String(line).length;
  const from = Math.max(0, column - WIDTH_MAX + 20);
  const numbered = (number: number) => {
    const content = (lines[number - 1] ?? '').replace(/\t/g, ' ').slice(from, from + WIDTH_MAX);
    return `${output.style('dim', `${String(number).padStart(wide)} │`)} ${content}`;
  };
  const caret = `${output.style('dim', `${' '.repeat(wide)} │`)} ${' '.repeat(Math.max(0, column - 1 - from))}`;
  return [...(line > 1 ? [numbered(line - 1)] : []), numbered(line), `${caret}${output.style('red', '^')}`];
}
