/** One folder → a source that may run, or why not: read, compile, run its cases. The same for `serve` and `check`. */
import type { Clock } from '../clock.ts';
import type { Source } from '../model.ts';
import { type CaseResult, runCases } from './cases.ts';
import { MAPPING_FILE, readFolder, SOURCE_FILE } from './folder.ts';
import { readsOfProgram } from './kept-body.ts';
import type { Problem } from './problem.ts';
import { type Diagnostic, type Program, programOf } from './program.ts';
import type { Runner } from './runner.ts';
import type { Shape } from './turn-to-events.ts';

/** What `config/source-file.ts` does, with the relay's variables and names filled in. */
export type ParseSource = (
  text: string,
  place: { readonly name: string; readonly file: string },
) =>
  | { readonly ok: true; readonly source: Source; readonly warnings: readonly FileProblem[] }
  | { readonly ok: false; readonly problems: readonly FileProblem[] };

export type FileProblem = {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly code?: string;
};

export type LoadOptions = {
  readonly dir: string;
  readonly parse: ParseSource;
  readonly runner: Pick<Runner, 'map' | 'compile'>;
  readonly shape: Shape;
  readonly clock: Clock;
};

export type LoadedFolder = {
  /** Null: source.yaml was refused. */
  readonly source: Source | null;
  /** Null: the mapping does not compile, or a case differs. */
  readonly program: Program | null;
  readonly cases: readonly CaseResult[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
};

export async function loadFolder(name: string, options: LoadOptions): Promise<LoadedFolder> {
  const folder = await readFolder(options.dir, name);
  const problems: Problem[] = [...folder.problems];
  const warnings: Problem[] = [];
  const ofSource = (one: FileProblem): Problem => ({ source: name, ...one });
  let source: Source | null = null;
  if (folder.sourceText !== null) {
    const parsed = options.parse(folder.sourceText, { name, file: `${name}/${SOURCE_FILE}` });
    if (parsed.ok) {
      source = parsed.source;
      warnings.push(...parsed.warnings.map(ofSource));
    } else problems.push(...parsed.problems.map(ofSource));
  }
  if (source?.deliveryId && source.deliveryId !== 'body') {
    problems.push(...(await compileProblems(options, source.deliveryId, name, SOURCE_FILE)));
  }
  let cases: readonly CaseResult[] = [];
  let program: Program | null = null;
  if (folder.mappingText !== null) {
    const mistakes = await compileProblems(options, folder.mappingText, name, MAPPING_FILE);
    problems.push(...mistakes);
    if (mistakes.length === 0) program = programOf(folder.mappingText);
  }
  if (program !== null && source !== null) {
    cases = await runCases(folder.cases, { ...options, source, program });
    for (const one of cases) if (!one.ok) problems.push(one.problem);
    const reads = source.keep === 'masked' ? readsOfProgram(program) : null;
    if (reads?.known === false) {
      const message = `${reads.why}: keep: masked then keeps no bodies, as none would`;
      warnings.push({ source: name, file: `${name}/${MAPPING_FILE}`, line: 1, column: 1, message });
    }
  }
  return { source, program: problems.length === 0 ? program : null, cases, problems, warnings };
}

async function compileProblems(options: LoadOptions, text: string, name: string, file: string): Promise<Problem[]> {
  const compiled = await options.runner.compile(text);
  if (compiled.ok) return [];
  // Within source.yaml the expression's own lines mean nothing; the message says which field.
  const place = ({ line, column }: Diagnostic) => (file === MAPPING_FILE ? { line, column } : { line: 1, column: 1 });
  const where = file === MAPPING_FILE ? '' : 'delivery_id: ';
  return compiled.diagnostics.map((one) => {
    const { code, message, token } = one;
    return { source: name, file: `${name}/${file}`, ...place(one), message: `${where}${message}`, code, token };
  });
}
