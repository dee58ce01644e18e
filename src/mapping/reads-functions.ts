/** What JSONata's own functions, and ours, read of what they are given. What is not in a table here reads all of it. */
import { childOf, made, type Scope, united, type Value, type Walk } from './reads-values.ts';

/** They look whether something is there, how much of it, or how it is called. */
const READ_NO_TEXT = new Set(['exists', 'count', 'boolean', 'not', 'type', 'keys']);
/** They give what they were given, in another order or form. */
const GIVE_ALL = new Set(['reverse', 'append', 'merge', 'spread', 'shuffle']);
/** Nothing but their arguments; all others take the context where an argument is missing. */
const WITHOUT_CONTEXT = new Set([
  ...['sum', 'count', 'max', 'min', 'average', 'join', 'random', 'map', 'zip', 'filter', 'single', 'reduce', 'append'],
  ...['exists', 'merge', 'reverse', 'error', 'assert', 'type', 'sort', 'shuffle', 'distinct', 'now', 'millis'],
]);
/** With fewer arguments the context comes first, and as a whole. */
const ARGUMENTS_NEEDED: Readonly<Record<string, number>> = {
  ...{ string: 1, boolean: 1, not: 1, keys: 1, spread: 1, clone: 1, lookup: 2, sift: 2, each: 2, redact: 2 },
};

/** `literal`: the second argument where it is a text that stands in the mapping. */
export function callBuiltin(
  name: string,
  given: readonly Value[],
  scope: Scope,
  walk: Walk,
  literal: string | null = null,
): Value {
  const needed = ARGUMENTS_NEEDED[name];
  const values = needed !== undefined && given.length < needed ? [scope.context, ...given] : given;
  // Only a text can stand for a missing text.
  if (needed === undefined && !WITHOUT_CONTEXT.has(name)) walk.consume(scope.context, walk, true);
  if (READ_NO_TEXT.has(name)) return made;
  if (GIVE_ALL.has(name)) return united(values);
  const [first = made, second = made] = values;
  if (name === 'lookup') {
    walk.consume(second, walk);
    return childOf(first, values === given && literal !== null ? literal : '*');
  }
  if (second.lambdas.length > 0) {
    const byFunction = callWith(name, first, second, walk);
    if (byFunction !== null) return byFunction;
  }
  for (const value of values) walk.consume(value, walk);
  return made;
}

/** Functions that call a function for each item. */
function callWith(name: string, items: Value, callee: Value, walk: Walk): Value | null {
  switch (name) {
    case 'map':
      return walk.call(callee, [items, made, items], walk);
    case 'filter':
    case 'single':
      walk.call(callee, [items, made, items], walk);
      return items;
    case 'sort':
      walk.call(callee, [items, items], walk);
      return items;
    case 'sift':
      walk.call(callee, [childOf(items, '*'), made, items], walk);
      return items;
    case 'each':
      return walk.call(callee, [childOf(items, '*'), made, items], walk);
    default:
      return null;
  }
}
