/** What a schema has against a YAML file, in sentences with their places. None repeats a value that could be a secret. */
import type { z } from 'zod';
import { nearest } from './nearest.ts';
import { shown } from './shown.ts';
import type { Place, YamlTree } from './yaml-tree.ts';

export type Reporting = {
  readonly tree: YamlTree;
  readonly problem: (place: Place, message: string) => void;
  /** What may have been meant by an unknown key at this place. */
  readonly hint: (at: string, key: string) => string;
};

export function reportIssue(issue: z.core.$ZodIssue, base: readonly PropertyKey[], to: Reporting): void {
  const path = [...base, ...issue.path];
  const at = path.join('.');
  if (to.tree.unfilled.has(at)) return;
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) {
      const hint = to.hint(at, key);
      to.problem(to.tree.placeOfKey([...path, key]), `unknown key ${shown(key)}${at === '' ? '' : ` in ${at}`}${hint}`);
    }
    return;
  }
  if (issue.code === 'invalid_union') {
    // The branch that got past the type is the one that was meant.
    const meant = issue.errors.find((branch) =>
      branch.every((inner) => inner.code !== 'invalid_type' || inner.path.length > 0),
    );
    if (meant) for (const inner of meant) reportIssue(inner, path, to);
    else
      to.problem(
        to.tree.placeOf(path),
        `${at} ${at === 'answer' ? 'must be a 2xx status' : 'must be text or a list of texts'}`,
      );
    return;
  }
  to.problem(to.tree.placeOf(path), `${at} ${sentenceOf(issue, valueAt(to.tree.value, path))}`);
}

function sentenceOf(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'invalid_value') {
    const words = issue.values.map(String);
    const near = typeof value === 'string' ? nearest(value, words) : undefined;
    const hint = near === undefined ? '' : ` (did you mean ${near}?)`;
    return value === undefined ? `is missing: one of ${words.join(', ')}` : `must be one of ${words.join(', ')}${hint}`;
  }
  if (issue.code !== 'invalid_type') return issue.message;
  if (value === undefined) return 'is missing';
  if (value === null) return 'has no value';
  if (issue.expected === 'string') {
    return typeof value === 'object'
      ? 'must be text'
      : 'must be text: put it in quotes, so that it stays exactly as written';
  }
  return issue.expected === 'object' ? 'must hold keys of its own' : `must be ${issue.expected}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let here = value;
  for (const key of path)
    here = here !== null && typeof here === 'object' ? (here as Record<PropertyKey, unknown>)[key] : undefined;
  return here;
}
