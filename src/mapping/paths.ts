/** The paths of the body that a mapping reads, from its syntax tree: for `try --explain` and "fields it ignores". */
import jsonata from 'jsonata';

type Node = {
  readonly type?: string;
  readonly value?: unknown;
  readonly steps?: readonly Node[];
  readonly [member: string]: unknown;
};

/** Far more than anyone wants to read. */
const PATHS_MAX = 1_000;

/** Sorted by where they first stand in the text; `$headers."x-id"` is `$headers.x-id`. Throws what JSONata throws. */
export function readPaths(text: string): string[] {
  const found = new Set<string>();
  visit(jsonata(text).ast() as unknown as Node, [], found);
  return [...found].slice(0, PATHS_MAX);
}

/** `base` is the path of the context (`$`) that names are looked up in. */
function visit(node: unknown, base: readonly string[], found: Set<string>): void {
  if (Array.isArray(node)) {
    for (const item of node) visit(item, base, found);
    return;
  }
  if (node === null || typeof node !== 'object' || node instanceof RegExp) return;
  const typed = node as Node;
  if (typed.type === 'path' && typed.steps !== undefined) {
    visitPath(typed, base, found);
    return;
  }
  for (const member of Object.values(typed)) {
    if (typeof member === 'object') visit(member, base, found);
  }
}

function visitPath(path: Node, base: readonly string[], found: Set<string>): void {
  let at: readonly string[] = base;
  const named: string[] = [];
  const rest: Array<readonly [unknown, readonly string[]]> = [];
  for (const [index, step] of (path.steps ?? []).entries()) {
    const name = stepName(step, index);
    if (name === null) {
      // A step that is itself an expression (`items.{…}`, `items.(…)`) reads from where the path has come to.
      rest.push([step, at]);
      continue;
    }
    if (name.length > 0) {
      at = name[0]?.startsWith('$') ? name : [...at, ...name];
      named.push(...name);
    }
    for (const member of ['predicate', 'stages', 'group'] as const) rest.push([step[member], at]);
  }
  if (named.length > 0) found.add(at.join('.'));
  rest.push([path.group, at]);
  for (const [node, context] of rest) visit(node, context, found);
}

/** Null: not a plain step. Empty: `$`, the context itself. */
function stepName(step: Node, index: number): readonly string[] | null {
  if (step.type === 'name' || step.type === 'string') return [String(step.value)];
  if (step.type === 'wildcard') return ['*'];
  if (step.type === 'descendant') return ['**'];
  if (step.type === 'variable' && index === 0) return step.value === '' || step.value === '$' ? [] : [`$${step.value}`];
  return null;
}
