/**
 * What a mapping can read of a webhook at most, told from its syntax tree without running it: for `keep: masked` and for
 * saved cases. Sound rather than sharp: a text that can change what the mapping gives is never left out. What is only asked
 * whether it is there (`x ? …`, `$exists(x)`, `x != null`, `$keys(x)`) is not read: masking leaves that as it is.
 */
import jsonata from 'jsonata';
import { callBuiltin } from './reads-functions.ts';
import {
  addReads,
  childOf,
  GaveUp,
  made,
  type Root,
  type Scope,
  type SyntaxNode,
  united,
  type Value,
  valueAt,
  type Walk,
} from './reads-values.ts';

/** A path of names, with `*` (any name) and `**` (any depth). `below`: with everything under it, else the text there alone. */
export type ReadPath = { readonly names: readonly string[]; readonly below: boolean };

export type Reads =
  | { readonly known: true; readonly body: readonly ReadPath[]; readonly headers: ReadNames; readonly query: ReadNames }
  /** Everything may be read, and why nobody can say more. */
  | { readonly known: false; readonly why: string };
/** Null: all of them. */
export type ReadNames = readonly string[] | null;

/** A mapping of 12,000 parts has each looked at a few times; lambdas are looked at for each call. */
const STEPS_MAX = 200_000;
const CALLS_DEEP_MAX = 40;
/** Of lists: these look at no text. */
const ARITHMETIC = new Set(['+', '-', '*', '/', '%', '..']);

export function readsOf(text: string): Reads {
  const read = new Map<string, { readonly root: Root; readonly path: ReadPath }>();
  const walk: Walk = { read, steps: 0, deep: 0, active: new Set(), evaluate, consume, call };
  try {
    const root = valueAt('body');
    const scope: Scope = { context: root, variables: new Map(), outer: null };
    for (const name of ['headers', 'query', 'delivery'] as const) scope.variables.set(name, valueAt(name));
    scope.variables.set('$', root);
    consume(evaluate(jsonata(text).ast() as SyntaxNode, scope, walk), walk);
  } catch (error) {
    return { known: false, why: error instanceof GaveUp ? error.message : 'the mapping cannot be followed' };
  }
  const all = [...read.values()];
  const body = all.filter(({ root }) => root === 'body').map(({ path }) => path);
  if (body.some(({ names, below }) => below && names.every((name) => name === '**'))) {
    return { known: false, why: 'the mapping takes the body as a whole' };
  }
  return { known: true, body, headers: namesOf('headers', all), query: namesOf('query', all) };
}

function namesOf(wanted: Root, all: readonly { readonly root: Root; readonly path: ReadPath }[]): ReadNames {
  const names = all.filter(({ root }) => root === wanted).map(({ path }) => path.names[0] ?? '*');
  return names.some((name) => name.startsWith('*')) ? null : [...new Set(names)];
}

/** Every text in it may be read: `leaf`, only where it is itself a text. Functions in it may be called with anything. */
function consume(value: Value, walk: Walk, leaf = false): void {
  addReads(value, walk, leaf);
  for (const lambda of value.lambdas) {
    consume(call({ ...value, refs: [], lambdas: [lambda], made: false }, [], walk), walk);
  }
}

function evaluate(node: SyntaxNode | undefined, scope: Scope, walk: Walk): Value {
  if (node === undefined || node === null) return made;
  if (++walk.steps > STEPS_MAX) throw new GaveUp('the mapping is too large to be followed');
  if (node.focus !== undefined || node.ancestor !== undefined) throw new GaveUp('`@` and `%` cannot be followed');
  const value = plainValue(node, scope, walk);
  return node.type === 'path' ? value : filtered(value, node, scope, walk);
}

/** What stands in brackets behind it, and `{…}` that groups it. */
function filtered(value: Value, node: SyntaxNode, scope: Scope, walk: Walk): Value {
  const inside = { ...scope, context: value };
  for (const stage of [...(node.predicate ?? []), ...(node.stages ?? [])]) {
    if (stage.type === 'filter') evaluate(stage.expr, inside, walk);
  }
  return node.group === undefined ? value : object(node.group.lhs, inside, walk);
}

function plainValue(node: SyntaxNode, scope: Scope, walk: Walk): Value {
  switch (node.type) {
    case 'string':
    case 'number':
    case 'value':
    case 'regex':
    case 'operator':
      return made;
    case 'name':
      return childOf(scope.context, String(node.value));
    case 'wildcard':
      return childOf(scope.context, '*');
    case 'descendant':
      return childOf(scope.context, '**');
    case 'variable':
      return variable(String(node.value), scope) ?? made;
    case 'path':
      return path(node, scope, walk);
    case 'block':
      return block(node, scope, walk);
    case 'bind':
      return bind(node, scope, walk);
    case 'condition':
      evaluate(node.condition, scope, walk);
      return united([evaluate(node.then, scope, walk), evaluate(node.else, scope, walk)]);
    case 'lambda':
      if (node.thunk) return evaluate(node.body as SyntaxNode, scope, walk);
      return { refs: [], lambdas: [{ node, scope }], made: false };
    case 'function':
      return callNode(node, [], scope, walk);
    case 'apply':
      return apply(node, scope, walk);
    case 'partial':
      for (const argument of node.arguments ?? []) consume(evaluate(argument, scope, walk), walk);
      consume(evaluate(node.procedure, scope, walk), walk);
      return made;
    case 'unary':
      return unary(node, scope, walk);
    case 'binary':
      return binary(node, scope, walk);
    case 'transform':
      for (const part of [node.pattern, node.update, node.delete]) {
        consume(evaluate(part, { ...scope, context: made }, walk), walk);
      }
      return made;
    default:
      throw new GaveUp(`a part of the mapping (${node.type}) cannot be followed`);
  }
}

/** Null: not bound; then it is one of JSONata's own functions, or nothing. */
function variable(name: string, scope: Scope): Value | null {
  if (name === '') return scope.context;
  for (let at: Scope | null = scope; at !== null; at = at.outer) {
    const bound = at.variables.get(name);
    if (bound !== undefined) return bound;
  }
  return null;
}

function builtinName(node: SyntaxNode | undefined, scope: Scope): string | null {
  const name = node?.type === 'variable' ? String(node.value) : null;
  return name !== null && variable(name, scope) === null ? name : null;
}

function path(node: SyntaxNode, scope: Scope, walk: Walk): Value {
  let at = scope.context;
  for (const [index, step] of (node.steps ?? []).entries()) {
    const inside = { ...scope, context: at };
    if (step.type === 'sort') {
      for (const { expression } of step.terms ?? []) consume(evaluate(expression, inside, walk), walk, true);
    } else if (step.type === 'string') at = filtered(childOf(at, String(step.value)), step, scope, walk);
    else at = evaluate(step, index === 0 ? scope : inside, walk);
  }
  return node.group === undefined ? at : object(node.group.lhs, { ...scope, context: at }, walk);
}

function block(node: SyntaxNode, outer: Scope, walk: Walk): Value {
  const scope: Scope = { context: outer.context, variables: new Map(), outer };
  let last = made;
  for (const expression of node.expressions ?? []) last = evaluate(expression, scope, walk);
  return last;
}

/** A variable may be bound again, or in one branch only: it is all it ever was. */
function bind(node: SyntaxNode, scope: Scope, walk: Walk): Value {
  const name = String((node.lhs as SyntaxNode).value);
  const value = evaluate(node.rhs, scope, walk);
  const before = variable(name, scope);
  scope.variables.set(name, before === null ? value : united([before, value]));
  return value;
}

function unary(node: SyntaxNode, scope: Scope, walk: Walk): Value {
  if (node.value === '{') return object(node.lhs as Pairs, scope, walk);
  if (node.value === '[') return united((node.expressions ?? []).map((one) => evaluate(one, scope, walk)));
  evaluate(node.expression, scope, walk);
  return made;
}

type Pairs = readonly (readonly [SyntaxNode, SyntaxNode])[];

function object(pairs: Pairs, scope: Scope, walk: Walk): Value {
  for (const pair of pairs) for (const part of pair) consume(evaluate(part, scope, walk), walk);
  return made;
}

function binary(node: SyntaxNode, scope: Scope, walk: Walk): Value {
  const operator = String(node.value);
  const sides = [evaluate(node.lhs as SyntaxNode, scope, walk), evaluate(node.rhs, scope, walk)];
  if (operator === 'and' || operator === 'or' || ARITHMETIC.has(operator)) return made;
  // Of a text it only matters whether it is empty: masking keeps that.
  const isEquality = operator === '=' || operator === '!=';
  if (isEquality && [node.lhs as SyntaxNode, node.rhs].some((side) => side !== undefined && saysNoText(side)))
    return made;
  for (const side of sides) consume(side, walk, /^[<>]/.test(operator));
  return made;
}

function saysNoText(node: SyntaxNode): boolean {
  return node.type === 'value' || node.type === 'number' || (node.type === 'string' && node.value === '');
}

function apply(node: SyntaxNode, scope: Scope, walk: Walk): Value {
  const first = evaluate(node.lhs as SyntaxNode, scope, walk);
  const { rhs } = node;
  const builtin = builtinName(node.lhs as SyntaxNode, scope);
  if (builtin === null && rhs?.type === 'function')
    return filtered(callNode(rhs, [first], scope, walk), rhs, scope, walk);
  const callee = evaluate(rhs, scope, walk);
  const name = builtinName(rhs, scope);
  if (builtin === null && name !== null && first.lambdas.length === 0) return callBuiltin(name, [first], scope, walk);
  if (builtin === null && first.lambdas.length === 0 && callee.lambdas.length > 0) return call(callee, [first], walk);
  // Two functions made one: whatever it is called with later is read.
  consume(first, walk);
  consume(callee, walk);
  return made;
}

function callNode(node: SyntaxNode, before: readonly Value[], scope: Scope, walk: Walk): Value {
  const values = [...before, ...(node.arguments ?? []).map((one) => evaluate(one, scope, walk))];
  const callee = evaluate(node.procedure, scope, walk);
  if (callee.lambdas.length > 0) return call(callee, values, walk);
  const builtin = builtinName(node.procedure, scope);
  if (builtin !== null) {
    const literal = (node.arguments ?? []).at(1 - before.length);
    return callBuiltin(builtin, values, scope, walk, literal?.type === 'string' ? String(literal.value) : null);
  }
  for (const value of values) consume(value, walk);
  return made;
}

function call(callee: Value, values: readonly Value[], walk: Walk): Value {
  // What is not one of them may be called too.
  if (callee.made || callee.refs.length > 0) for (const value of values) consume(value, walk);
  return united(
    callee.lambdas.map(({ node, scope }) => {
      if (walk.active.has(node)) throw new GaveUp('a function that calls itself cannot be followed');
      if (node.signature?.definition?.includes('-'))
        throw new GaveUp('a function that takes the context cannot be followed');
      if (++walk.deep > CALLS_DEEP_MAX) throw new GaveUp('functions call one another too deep to be followed');
      walk.active.add(node);
      const inside: Scope = { context: scope.context, variables: new Map(), outer: scope };
      const parameters = (node.arguments ?? []).map(({ value }) => String(value));
      for (const [index, name] of parameters.entries()) inside.variables.set(name, values[index] ?? made);
      const result = evaluate(node.body as SyntaxNode, inside, walk);
      walk.active.delete(node);
      walk.deep--;
      return result;
    }),
  );
}
