/**
 * What the configuration has to know of a provider: which further keys its source.yaml takes, and where its secret comes
 * from. Given by whoever knows the providers; this room does not.
 */
import type { ProviderField } from '../model.ts';
import { shown } from './shown.ts';
import type { Rules } from './source-rules.ts';

export type KnownProvider = {
  readonly fields: readonly ProviderField[];
  /** `basic`: of the form user:password. `learned`: comes in a handshake, unless it stands there. `none`: there is none. */
  readonly secret: 'text' | 'basic' | 'learned' | 'none';
  /** A secret for sandbox mode where 64 hex digits will not do. */
  readonly sandboxSecret?: () => string;
};

/** Several values of one field: SNS topics, Pub/Sub audiences. More is somebody's list of everything. */
const valuesMax = 20;
const lengthMax = 4_000;

/** Values of the provider's own keys, as lists; problems are told through `rules`. */
export function readProviderFields(rules: Rules): Record<string, readonly string[]> {
  const { fields, options, tree, problem, warn } = rules;
  const values: Record<string, readonly string[]> = {};
  const provider = options.providers.get(`${fields.provider}`);
  for (const field of provider?.fields ?? []) {
    const { name } = field;
    if (!(name in fields)) {
      if (field.required) problem(tree.placeOfKey(['provider']), `${name} is missing: ${field.what}`);
      continue;
    }
    const given = fields[name];
    const isList = Array.isArray(given);
    const list: unknown[] = isList ? given : [given];
    const pathOf = (index: number) => (isList ? [name, `${index}`] : [name]);
    if (list.length === 0 || list.length > valuesMax) {
      problem(tree.placeOf([name]), `${name} must name one to ${valuesMax}`);
      continue;
    }
    for (const [index, value] of list.entries()) {
      const path = pathOf(index);
      if (tree.unfilled.has(path.join('.'))) continue;
      const wrong = wrongWith(value, field);
      if (wrong !== null) problem(tree.placeOf(path), `${name} ${wrong}`);
      else if (field.secret && !tree.filled.has(path.join('.'))) {
        warn(tree.placeOf(path), `a secret stands in the file: better as \${NAME}, from the environment or a file`);
      }
    }
    values[name] = list.filter((value): value is string => typeof value === 'string');
  }
  return values;
}

function wrongWith(value: unknown, { pattern, shape }: ProviderField): string | null {
  if (typeof value !== 'string' || value.trim() === '') return 'must be text: put it in quotes if it is a number';
  if (value.length > lengthMax) return `must be at most ${lengthMax} characters`;
  return pattern && !pattern.test(value) ? `must be ${shape}` : null;
}

/** `verify_token is only for …`, when another provider knows the key. */
export function otherProviderOf(key: string, { options }: Pick<Rules, 'options'>): string {
  const names = [...options.providers].filter(([, { fields }]) => fields.some(({ name }) => name === key));
  return names.length === 0 ? '' : `: ${shown(key)} is only for ${names.map(([name]) => name).join(', ')}`;
}
