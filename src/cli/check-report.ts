/** What `check` says of each source, for people and as JSON. */
import { basename } from 'node:path';
import type { CaseResult } from '../mapping/cases.ts';
import type { Problem } from '../mapping/problem.ts';
import type { Source } from '../model.ts';
import { differenceLines } from './differences.ts';
import { readBytes } from './files.ts';
import type { Output } from './output.ts';
import { troubleExcerpt, troubleHead } from './trouble.ts';

export type CheckedSource = {
  readonly name: string;
  /** null: source.yaml was refused. */
  readonly source: Source | null;
  readonly cases: readonly CaseResult[];
  /** Files as the user can open them. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
};

export function checkedJson(checked: readonly CheckedSource[]) {
  return {
    sources: checked.map(({ name, source, cases, problems, warnings }) => ({
      name,
      status: problems.length === 0 ? 'pass' : 'fail',
      provider: source?.provider ?? null,
      cases: { total: cases.length, passed: passed(cases) },
      missing: source?.missing ?? [],
      problems: problems.map(problemJson),
      warnings: warnings.map(problemJson),
    })),
    ...totals(checked),
  };
}

function problemJson({ file, line, column, code, message, case: name, differences }: Problem) {
  return {
    file,
    line,
    column,
    ...(code === undefined ? {} : { code }),
    message,
    ...(name === undefined ? {} : { case: name }),
    ...(differences === undefined ? {} : { differences }),
  };
}

export async function speakChecked(one: CheckedSource, width: number, output: Output): Promise<void> {
  const { name, source, cases, problems, warnings } = one;
  const good = problems.length === 0;
  const mark = good ? output.style('green', '✓') : output.style('red', '✗');
  const words = [source?.provider ?? 'refused', casesWord(cases)].filter((word) => word !== '').join('  ');
  output.result(`${mark} ${output.style('bold', name.padEnd(width))}  ${words}`);
  for (const problem of problems) await speakProblem(problem, output);
  for (const warning of warnings) output.result(`  ${output.style('yellow', '!')} ${troubleHead(warning)}`);
  const missing = source?.missing ?? [];
  if (missing.length > 0) {
    output.result(output.style('dim', `  · not set here: ${missing.join(', ')} (the source stays closed without)`));
  }
}

function casesWord(cases: readonly CaseResult[]): string {
  const good = passed(cases);
  if (cases.length === 0) return '';
  const all = cases.length === 1 ? '1 case' : `${cases.length} cases`;
  return good === cases.length ? all : `${good} of ${all}`;
}

async function speakProblem(problem: Problem, output: Output): Promise<void> {
  const cross = output.style('red', '✗');
  if (problem.differences !== undefined && problem.case !== undefined) {
    output.result(`  ${cross} case ${output.style('bold', problem.case)}  ${output.style('dim', problem.file)}`);
    const differences = problem.differences.map(({ path, expected, got }) => ({ path, before: expected, after: got }));
    for (const line of differenceLines(differences, ['expected', 'got'], output, '      ')) output.result(line);
    return;
  }
  output.result(`  ${cross} ${troubleHead(problem)}`);
  // A source.yaml may hold a secret, so only mappings are quoted; a file that cannot be read has no place.
  const quoted = basename(problem.file) === 'mapping.jsonata' && (problem.code ?? problem.case) !== undefined;
  if (!quoted) return;
  const text = (await readBytes(problem.file)).toString('utf8');
  for (const line of troubleExcerpt(text, problem, output)) output.result(`      ${line}`);
}

export function speakTotal(checked: readonly CheckedSource[], output: Output): void {
  const { checked: count, problems } = totals(checked);
  const words = problems === 1 ? '1 problem' : `${problems} problems`;
  const style = problems === 0 ? 'green' : 'red';
  const sources = count.sources === 1 ? '1 source' : `${count.sources} sources`;
  const cases = count.cases === 1 ? '1 case' : `${count.cases} cases`;
  output.result(`Checked ${sources}, ${cases}: ${output.style(style, words)}.`);
  const different = checked.find(({ problems: list }) => list.some((problem) => problem.case !== undefined));
  const first = different?.problems.find((problem) => problem.case !== undefined)?.case;
  if (different && first) output.say(`Look closer: trackrelay try ${different.name} ${first} --explain`);
}

function totals(checked: readonly CheckedSource[]) {
  const sum = (count: (one: CheckedSource) => number) => checked.reduce((total, one) => total + count(one), 0);
  return {
    checked: { sources: checked.length, cases: sum(({ cases }) => cases.length) },
    problems: sum(({ problems }) => problems.length),
  };
}

function passed(cases: readonly CaseResult[]): number {
  return cases.filter(({ ok }) => ok).length;
}
