import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { providersPage } from '../../scripts/provider-pages.ts';
import { withTables } from '../../scripts/readme.ts';
import { commandTable } from '../../src/cli/program.ts';
import { root } from './source-tree.ts';

const readme = readFileSync(join(root, 'README.md'), 'utf8');

it('README has the tables that the code has (node scripts/readme.ts writes them)', () => {
  expect(withTables(readme)).toBe(readme);
});

it('docs/providers.md is what the code knows of the providers (node scripts/readme.ts writes it)', () => {
  expect(readFileSync(join(root, 'docs/providers.md'), 'utf8')).toBe(providersPage());
});

it('notices when a table in README is not what the code has', () => {
  const changed = readme.replace('| `unverified` |', '| `unproven` |');
  expect(changed).not.toBe(readme);
  expect(withTables(changed)).toBe(readme);
});

it('README names only npm scripts and commands that exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const called = [...readme.matchAll(/npm (?:run )?(start|test|demo|check|bench|soak|[a-z]+)\b/g)].map(
    (match) => match[1] as string,
  );
  const builtIn = new Set(['install', 'registry', 'and', 's']);
  expect(called.filter((name) => !builtIn.has(name) && !(name in scripts))).toEqual([]);
  const commands = new Set(commandTable().map(({ usage }) => usage.split(' ')[1]));
  const used = [...readme.matchAll(/(?:npx trackrelay|src\/main\.ts) ([a-z]+)/g)].map((match) => match[1] as string);
  expect(used.length).toBeGreaterThan(3);
  expect(used.filter((name) => !commands.has(name))).toEqual([]);
});

it('the documents link only to files that exist', () => {
  for (const name of ['README.md', 'ARCHITECTURE.md', 'SECURITY.md', 'CHANGELOG.md']) {
    const text = readFileSync(join(root, name), 'utf8');
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1] as string);
    expect(links.filter((link) => !existsSync(join(root, link)))).toEqual([]);
  }
});
