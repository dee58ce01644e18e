/**
 * `$redact`: a copy of a value without what stands at some paths. What no path leads to is shared with the original, which
 * stays as it was. A path goes through lists by itself; `*` is any name; a name with a dot in it stands in backticks.
 */
import { refuse } from './functions.ts';
import { isFunction } from './plain.ts';

export const PATHS_MAX = 100;
export const PATH_CHARACTERS_MAX = 500;
/** Members looked at, each path counted: the largest body a door lets in has 20,000. About 20 ms. */
export const STEPS_MAX = 200_000;

/** Paths as a tree: what to leave out, and where to look further. */
type Branch = { readonly members: Map<string, Branch>; ends: boolean };

const ANY = '*';
/** A name in backticks, or one without dots, backticks and blanks at its ends. */
const NAME = /(?:`([^`]+)`|([^.`\s](?:[^.`]*[^.`\s])?))(\.|$)/y;

export function redact(value: unknown, paths: unknown): unknown {
  if (value === undefined || value === null) return undefined;
  const root: Branch = { members: new Map(), ends: false };
  // What is not there must not mean that nothing is left out.
  const list: readonly unknown[] = Array.isArray(paths) ? paths : [paths];
  if (list.length > PATHS_MAX) refuse('redact', `${list.length} paths are more than ${PATHS_MAX}`);
  for (const path of list) {
    if (typeof path !== 'string') refuse('redact', 'the paths must be texts');
    plant(root, path);
  }
  return without(value, [root], { steps: STEPS_MAX });
}

function plant(root: Branch, path: string): void {
  if (path.length > PATH_CHARACTERS_MAX) refuse('redact', `a path is longer than ${PATH_CHARACTERS_MAX} characters`);
  let at = root;
  NAME.lastIndex = 0;
  for (;;) {
    const match = NAME.exec(path);
    if (match === null) refuse('redact', `${JSON.stringify(path)} is no path; write it like "customer.email"`);
    // A name in backticks is never the wildcard.
    const name = match[1] === undefined ? (match[2] as string) : quoted(match[1]);
    let next = at.members.get(name);
    if (next === undefined) {
      next = { members: new Map(), ends: false };
      at.members.set(name, next);
    }
    at = next;
    if (match[3] === '') break;
  }
  at.ends = true;
}

/** A member that is really called `*` is another one than any. */
function quoted(name: string): string {
  return name === ANY ? '`*`' : name;
}

function without(value: unknown, branches: readonly Branch[], budget: { steps: number }): unknown {
  if (Array.isArray(value)) return value.map((item) => without(item, branches, budget));
  if (typeof value !== 'object' || value === null || isFunction(value)) return value;
  const copy: Record<string, unknown> = Object.create(null);
  for (const [key, member] of Object.entries(value)) {
    budget.steps -= branches.length;
    if (budget.steps < 0) refuse('redact', `more than ${STEPS_MAX} members have to be looked at`);
    const next = branches.flatMap(({ members }) => [members.get(quoted(key)) ?? [], members.get(ANY) ?? []].flat());
    if (next.some(({ ends }) => ends)) continue;
    copy[key] = next.length === 0 ? member : without(member, next, budget);
  }
  return copy;
}
