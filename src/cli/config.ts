/** `config`: every setting, its value, where it came from, what it means; what is wrong with them on stderr (exit 1). */
import { describeSettings, type SettingLine } from '../config/describe.ts';
import { environment } from '../config/environment.ts';
import { readSettings } from '../config/settings.ts';
import { UsageError } from '../errors.ts';
import { type Output, table } from './output.ts';
import type { Context } from './program.ts';

export function showConfig({ output, json }: Context): number {
  const env = environment();
  const lines = describeSettings(env);
  if (json) output.json(lines);
  else for (const line of table([headOf(output), ...lines.map((one) => rowOf(one, output))])) output.result(line);
  const problems = problemsOf();
  for (const problem of problems) output.say(`trackrelay: ${problem}`);
  if (!json && problems.length === 0)
    output.say('All of them come from the environment; a secret also from NAME_FILE.');
  return problems.length === 0 ? 0 : 1;
}

function headOf(output: Output): string[] {
  return ['NAME', 'VALUE', 'FROM', 'MEANING'].map((title) => output.style('dim', title));
}

function rowOf(line: SettingLine, output: Output): string[] {
  const given = line.from !== 'default';
  const value = line.from === 'problem' ? '[problem]' : (line.value ?? '–');
  return [line.name, given ? output.style('bold', value) : value, line.from, line.meaning];
}

function problemsOf(): readonly string[] {
  try {
    readSettings(environment());
    return [];
  } catch (error) {
    if (error instanceof UsageError) return error.problems;
    throw error;
  }
}
