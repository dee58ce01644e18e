/** What happens to a webhook, step by step, as `explain` says it for a file, a refused request and a kept delivery. */
import { clean } from '../observe/clean.ts';
import { type Output, table } from './output.ts';

export type ExplainedStep = {
  readonly step: string;
  /** Null: neither good nor bad, or not come so far. */
  readonly ok: boolean | null;
  readonly text: string;
};

export type Explained = {
  readonly source: string;
  /** `file`, `refused`, `delivery`, and which. */
  readonly kind: 'file' | 'refused' | 'delivery';
  readonly of: string;
  readonly verified: boolean | null;
  readonly steps: readonly ExplainedStep[];
  readonly causes: readonly { readonly cause: string; readonly advice: string; readonly certain: boolean }[];
  /** Lines around the place where the mapping fails. */
  readonly excerpt: readonly string[];
  /** The next command. */
  readonly next: readonly string[];
};

export function speakExplained({ steps, causes, excerpt, next }: Explained, output: Output): void {
  const marks = { true: output.style('green', '✓'), false: output.style('red', '✗'), null: output.style('dim', '·') };
  const rows = steps.map(({ step, ok, text }) => [`${marks[`${ok}`]} ${step}`, clean(text)]);
  for (const line of table(rows, '  ')) output.result(line);
  for (const line of excerpt) output.result(`      ${line}`);
  if (causes.length > 0) {
    output.result('');
    const certain = causes.some((one) => one.certain);
    output.result(output.style('bold', certain ? 'The cause' : causes.length === 1 ? 'Likely cause' : 'Likely causes'));
    for (const { cause, advice } of causes) {
      output.result(`  ${output.style(certain ? 'red' : 'yellow', '→')} ${clean(cause)}`);
      output.result(`    ${clean(advice)}`);
    }
  }
  for (const line of next) output.say(`Next: ${line}`);
}
