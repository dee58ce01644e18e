/** What `reads.ts` follows through a mapping: values that stand for places of the webhook, and where they are bound. */
import type { ReadPath } from './reads.ts';

export type Root = 'body' | 'headers' | 'query' | 'delivery';

/** As JSONata's parser gives it; only what is looked at. */
export type SyntaxNode = {
  readonly type?: string;
  readonly value?: unknown;
  readonly steps?: readonly SyntaxNode[];
  readonly expressions?: readonly SyntaxNode[];
  readonly arguments?: readonly SyntaxNode[];
  readonly procedure?: SyntaxNode;
  readonly body?: unknown;
  readonly thunk?: boolean;
  readonly signature?: { readonly definition?: string };
  readonly expression?: SyntaxNode;
  readonly lhs?: unknown;
  readonly rhs?: SyntaxNode;
  readonly condition?: SyntaxNode;
  readonly then?: SyntaxNode;
  readonly else?: SyntaxNode;
  readonly pattern?: SyntaxNode;
  readonly update?: SyntaxNode;
  readonly delete?: SyntaxNode;
  readonly terms?: readonly { readonly expression: SyntaxNode }[];
  readonly predicate?: readonly Stage[];
  readonly stages?: readonly Stage[];
  readonly group?: { readonly lhs: readonly (readonly [SyntaxNode, SyntaxNode])[] };
  readonly focus?: unknown;
  readonly ancestor?: unknown;
};
type Stage = { readonly type?: string; readonly expr?: SyntaxNode };

/** A place of the webhook, lists on the way left out. */
type Ref = { readonly root: Root; readonly names: readonly string[]; readonly key: string };
type Lambda = { readonly node: SyntaxNode; readonly scope: Scope };

/**
 * All it may be: any of these places, any of these functions, or something `made` (also nothing, and JSONata's own functions),
 * whose making was already counted.
 */
export type Value = { readonly refs: readonly Ref[]; readonly lambdas: readonly Lambda[]; readonly made: boolean };

export type Scope = {
  readonly context: Value;
  readonly variables: Map<string, Value>;
  readonly outer: Scope | null;
};

export type Walk = {
  readonly read: Map<string, { readonly root: Root; readonly path: ReadPath }>;
  steps: number;
  deep: number;
  /** Functions whose calls are being followed. */
  readonly active: Set<SyntaxNode>;
  readonly evaluate: (node: SyntaxNode | undefined, scope: Scope, walk: Walk) => Value;
  readonly consume: (value: Value, walk: Walk, leaf?: boolean) => void;
  readonly call: (callee: Value, values: readonly Value[], walk: Walk) => Value;
};

export class GaveUp extends Error {}

/** Places that one value may be, and paths in all: more is no mapping of a person's. */
const REFS_MAX = 500;
const READS_MAX = 5_000;
/** Bodies are 64 deep at most. */
const NAMES_MAX = 66;

export const made: Value = { refs: [], lambdas: [], made: true };

export function valueAt(root: Root): Value {
  return { refs: [refOf(root, [])], lambdas: [], made: false };
}

function refOf(root: Root, names: readonly string[]): Ref {
  if (names.length > NAMES_MAX) throw new GaveUp('the mapping goes too deep to be followed');
  return { root, names, key: JSON.stringify([root, ...names]) };
}

/** Where a step by that name leads; `**` and then `**` is the same place. */
export function childOf(value: Value, name: string): Value {
  if (value.refs.length === 0) return made;
  const next = ({ root, names }: Ref) =>
    name === '**' && names.at(-1) === '**' ? refOf(root, names) : refOf(root, [...names, name]);
  return { refs: value.refs.map(next), lambdas: [], made: value.made };
}

export function united(values: readonly Value[]): Value {
  const [first = made, ...rest] = values;
  if (rest.length === 0) return first;
  const refs = new Map<string, Ref>();
  const lambdas = new Map<SyntaxNode, Lambda[]>();
  for (const value of [first, ...rest]) {
    for (const ref of value.refs) refs.set(ref.key, ref);
    for (const lambda of value.lambdas) {
      const same = lambdas.get(lambda.node) ?? [];
      if (!same.some(({ scope }) => scope === lambda.scope)) lambdas.set(lambda.node, [...same, lambda]);
    }
  }
  if (refs.size > REFS_MAX) throw new GaveUp('a value may be too many things to be followed');
  const anyMade = values.some((value) => value.made);
  return { refs: [...refs.values()], lambdas: [...lambdas.values()].flat(), made: anyMade };
}

export function addReads({ refs }: Value, { read }: Walk, leaf: boolean): void {
  for (const { root, names, key } of refs) {
    const known = read.get(key);
    if (known === undefined || !leaf)
      read.set(key, { root, path: { names, below: !leaf || known?.path.below === true } });
  }
  if (read.size > READS_MAX) throw new GaveUp('the mapping reads too much to be followed');
}
