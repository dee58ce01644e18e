/**
 * `check`: every source as `serve` would load it, without serving: source.yaml, mapping, cases. Exit 1 when something
 * is wrong. A secret that is not set here is no problem: where this runs is seldom where the relay runs.
 */
import { basename, dirname, join, resolve } from 'node:path';
import { systemClock } from '../clock.ts';
import { destinationsOf } from '../config/destinations-file.ts';
import { UsageError } from '../errors.ts';
import { type LoadedFolder, loadFolder } from '../mapping/load.ts';
import type { Problem } from '../mapping/problem.ts';
import { KEY_OF_CASES } from '../mapping/pseudonym.ts';
import { createRunner } from '../mapping/runner.ts';
import { shapeOf } from '../wiring/destinations.ts';
import { type CheckedSource, checkedJson, speakChecked, speakTotal } from './check-report.ts';
import { kindOf, namesIn } from './files.ts';
import type { Context } from './program.ts';
import { settingsHere } from './settings.ts';
import { caseFiles, isSandbox, parserFor } from './sources.ts';

export async function check(folder: string | null, { output, json }: Context): Promise<number> {
  const given = settingsHere();
  const { dir, names } = await foldersOf(folder ?? given.mappingsDir);
  const settings = { ...given, mappingsDir: dir };
  // Cases have a key of their own: what matters is only whether the relay would have one.
  const pseudonymKey = settings.pseudonymKey ?? (isSandbox(settings) ? KEY_OF_CASES : null);
  await using runner = createRunner({ clock: systemClock, pseudonymKey });
  const parse = parserFor(settings, 'environment');
  const shape = shapeOf(destinationsOf(settings, 'names'));
  const checked: CheckedSource[] = [];
  const width = Math.max(...names.map((name) => name.length));
  for (const name of names) {
    const loaded = await loadFolder(name, { dir, parse, runner, shape, clock: systemClock });
    const one = await withRemarks(name, dir, loaded);
    checked.push(one);
    if (!json) await speakChecked(one, width, output);
  }
  if (json) output.json(checkedJson(checked));
  else speakTotal(checked, output);
  return checked.some(({ problems }) => problems.length > 0) ? 1 : 0;
}

/** The folders of a mappings folder, or the one source that the folder itself is. */
async function foldersOf(folder: string): Promise<{ readonly dir: string; readonly names: readonly string[] }> {
  if ((await kindOf(folder)) !== 'folder') throw new UsageError([`${folder} is no folder`]);
  const entries = await namesIn(folder);
  if (entries.includes('source.yaml') || entries.includes('mapping.jsonata')) {
    const name = basename(resolve(folder));
    // `.` has its name only when it is resolved; otherwise files are shown as they were named.
    return { dir: dirname(basename(folder) === name ? folder : resolve(folder)), names: [name] };
  }
  const candidates = entries.filter((name) => !/^[_.]/.test(name));
  const kinds = await Promise.all(candidates.map((name) => kindOf(join(folder, name))));
  const names = candidates.filter((_, index) => kinds[index] === 'folder');
  if (names.length === 0) throw new UsageError([`${folder} holds no sources`], 1);
  return { dir: folder, names };
}

async function withRemarks(name: string, dir: string, loaded: LoadedFolder): Promise<CheckedSource> {
  const placed = (problem: Problem): Problem => ({ ...problem, file: join(dir, problem.file) });
  const files = await caseFiles(join(dir, name));
  const remark = (file: string, message: string): Problem => ({ source: name, file, line: 1, column: 1, message });
  const unproven = files
    .filter(({ expected }) => expected === null)
    .map((one) => remark(one.payload, `case ${one.name} has no ${one.name}.expected.json: it proves little`));
  const bare =
    files.length === 0 ? [remark(join(dir, name, 'cases'), 'there are no cases: nothing proves the mapping')] : [];
  return {
    name,
    source: loaded.source,
    cases: loaded.cases,
    problems: loaded.problems.map(placed),
    warnings: [...loaded.warnings.map(placed), ...bare, ...unproven],
  };
}
