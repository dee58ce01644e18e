/** The paths of the webhook that a mapping reads, from its syntax tree: for `try --explain` and "fields it ignores". */
import jsonata from 'jsonata';

type Node = {
  readonly type?: string;
  readonly value?: unknown;
  readonly steps?: readonly Node[];
  readonly lhs?: unknown;
  readonly rhs?: unknown;
  readonly [member: string]: unknown;
};

type Path = readonly string[];

type Walk = {
  readonly found: Set<string>;
  /** What a variable stands for, when it was bound to a plain path (`$object := data.object`). */
  readonly variables: Map<string, Path>;
};

/** Far more than anyone wants to read. */
const PATHS_MAX = 1_000;
const BOUND_BY_THE_RELAY = ['headers', 'query', 'delivery'] as const;

/** In the order they stand in the text; `$headers."x-id"` is `$headers.x-id`. Throws what JSONata throws. */
export function readPaths(text: string): string[] {
  const variables = new Map<string, Path>(BOUND_BY_THE_RELAY.map((name) => [name, [`$${name}`]]));
  const walk: Walk = { found: new Set(), variables };
  visit(jsonata(text).ast(), [], walk);
  return [...walk.found].slice(0, PATHS_MAX);
}

/** `base` is the path of the context (`$`) that names are looked up in; null when nobody can say. */
function visit(node: unknown, base: Path | null, walk: Walk): void {
  if (Array.isArray(node)) {
    for (const item of node) visit(item, base, walk);
    return;
  }
  if (node === null || typeof node !== 'object' || node instanceof RegExp) return;
  const typed = node as Node;
  if (typed.type === 'path' && typed.steps !== undefined) {
    visitPath(typed, base, walk);
    return;
  }
  for (const member of Object.values(typed)) {
    if (typeof member === 'object') visit(member, base, walk);
  }
  if (typed.type === 'bind') bind(typed, base, walk);
}

function bind({ lhs, rhs }: Node, base: Path | null, walk: Walk): void {
  const name = String((lhs as Node | undefined)?.value ?? '');
  const value = rhs as Node | undefined;
  const path = value?.type === 'path' ? follow(value.steps ?? [], base, walk).at : null;
  if (path === null) walk.variables.delete(name);
  else walk.variables.set(name, path);
}

type Followed = {
  readonly at: Path | null;
  /** Expressions on the way, with the context each is in. */
  readonly inner: readonly (readonly [unknown, Path | null])[];
};

function follow(steps: readonly Node[], base: Path | null, walk: Walk): Followed {
  let at = base;
  const inner: (readonly [unknown, Path | null])[] = [];
  for (const [index, step] of steps.entries()) {
    if (step.type === 'name' || step.type === 'string') at = at === null ? null : [...at, String(step.value)];
    else if (step.type === 'wildcard') at = at === null ? null : [...at, '*'];
    else if (step.type === 'descendant') at = at === null ? null : [...at, '**'];
    else if (step.type === 'variable' && index === 0) at = variable(String(step.value), base, walk);
    else {
      // A step that is itself an expression (`items.{…}`) reads from where the path has come to, and goes who knows where.
      inner.push([step, at]);
      if (step.type !== 'sort') at = null;
    }
    for (const member of ['predicate', 'stages', 'group'] as const) inner.push([step[member], at]);
  }
  return { at, inner };
}

function variable(name: string, base: Path | null, walk: Walk): Path | null {
  if (name === '') return base;
  if (name === '$') return [];
  return walk.variables.get(name) ?? null;
}

function visitPath(path: Node, base: Path | null, walk: Walk): void {
  const { at, inner } = follow(path.steps ?? [], base, walk);
  if (at !== null && at.length > 0) walk.found.add(at.join('.'));
  for (const [node, context] of [...inner, [path.group, at] as const]) visit(node, context, walk);
}
