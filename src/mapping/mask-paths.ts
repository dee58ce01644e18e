/** Where in a body a walk is, among the paths that are read: the branches of their tree that may go on here. */
import type { ReadPath } from './reads.ts';

/** Paths as a tree: the branch of each name. `deep`: it stands for any number of names. */
export type Branch = { readonly names: Map<string, Branch>; readonly deep: boolean; below: boolean; leaf: boolean };

export function branchesOf(paths: readonly ReadPath[]): readonly Branch[] {
  const branch = (name: string): Branch => ({ names: new Map(), deep: name === '**', below: false, leaf: false });
  const root = branch('');
  for (const { names, below } of paths) {
    let at = root;
    for (const name of names) {
      const next = at.names.get(name) ?? branch(name);
      at.names.set(name, next);
      at = next;
    }
    if (below) at.below = true;
    else at.leaf = true;
  }
  return atAnyDepth([root]);
}

/**
 * `**` may be no step at all. Neither need `*` be one: of a list it gives the items, and what was gathered on the way to it is a
 * list too.
 */
function atAnyDepth(branches: readonly Branch[]): readonly Branch[] {
  const loose = branches.flatMap(({ names }) => [names.get('**') ?? [], names.get('*') ?? []].flat());
  const more = loose.filter((branch) => !branches.includes(branch));
  return more.length === 0 ? branches : atAnyDepth([...new Set([...branches, ...more])]);
}

export function under(branches: readonly Branch[], name: string): readonly Branch[] {
  const next = branches.flatMap((branch) => {
    const found = [
      branch.names.get(name),
      branch.names.get('*'),
      branch.names.get('**'),
      branch.deep ? branch : undefined,
    ];
    return found.filter((one) => one !== undefined);
  });
  return atAnyDepth([...new Set(next)]);
}

export const isKept = (branches: readonly Branch[]) => branches.some(({ below, leaf }) => below || leaf);
