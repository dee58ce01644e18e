/**
 * Writes README's tables from the tables in code, between `<!-- BEGIN name -->` and `<!-- END name -->`, and
 * docs/providers.md whole:
 *
 *   node scripts/readme.ts            writes them
 *   node scripts/readme.ts --check    exits 1 when README differs (test/house/readme.test.ts does the same)
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { endpointsMarkdown } from '../src/admin/endpoints.ts';
import { commandTable } from '../src/cli/program.ts';
import { settingsMarkdown } from '../src/config/settings-table.ts';
import { sourceFieldRows } from '../src/config/source-fields.ts';
import { deadLetterReasons, refusals } from '../src/errors.ts';
import { metricsMarkdown } from '../src/observe/metrics-table.ts';
import { answersTable } from './answers-table.ts';
import { providersPage, providersTable } from './provider-pages.ts';

const file = new URL('../README.md', import.meta.url);
const page = new URL('../docs/providers.md', import.meta.url);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

const code = (text: string) => `\`${text}\``;

const sections: Readonly<Record<string, () => string>> = {
  commands: () =>
    table(
      ['command', 'does'],
      commandTable().map(({ usage, description }) => [code(usage), description]),
    ),
  settings: settingsMarkdown,
  source: () => table(['field', 'meaning'], sourceFieldRows()),
  refusals: () =>
    table(
      ['status', 'code', 'when, and what to do'],
      Object.entries(refusals).map(([name, { status, advice }]) => [String(status), code(name), advice]),
    ),
  'dead-letters': () =>
    table(
      ['reason', 'what it means'],
      Object.entries(deadLetterReasons).map(([name, text]) => [code(name), text]),
    ),
  api: endpointsMarkdown,
  destinations: () => table(['goes to', 'what, and when', 'answer', 'what the relay does'], answersTable()),
  providers: providersTable,
  metrics: metricsMarkdown,
};

/** README with its tables as the code has them now. */
export function withTables(readme: string): string {
  return Object.entries(sections).reduce((text, [name, section]) => {
    const [begin, end] = [`<!-- BEGIN ${name} -->`, `<!-- END ${name} -->`];
    const from = text.indexOf(begin);
    const to = text.indexOf(end);
    if (from === -1 || to < from) throw new Error(`README.md has no section ${name}`);
    return `${text.slice(0, from + begin.length)}\n${section()}\n${text.slice(to)}`;
  }, readme);
}

if (import.meta.main) {
  const before = readFileSync(file, 'utf8');
  const after = withTables(before);
  const same = before === after && readFileSync(page, 'utf8') === providersPage();
  if (process.argv.includes('--check')) process.exitCode = same ? 0 : 1;
  else {
    writeFileSync(file, after);
    writeFileSync(page, providersPage());
  }
}
