/**
 * Events that change who is who: `$identify`, `$create_alias` and `$merge`. Only projects on the original identity merge obey them,
 * and `$merge` cannot be undone, so a destination must say `identity: original` before the relay sends any. What they name must
 * be two different people: a placeholder would merge everybody with everybody.
 */
import type { RuleViolation } from '../contract.ts';
import type { ImportUse } from './endpoint.ts';
import { broken, distinctIdViolation, type JsonRecord } from './rules.ts';

export type IdentityRules = {
  readonly identity: 'simplified' | 'original';
  /** `$merge` goes by `/import` alone. */
  readonly import: ImportUse;
};

export const SIMPLIFIED: IdentityRules = { identity: 'simplified', import: 'auto' };

const names = {
  $identify: ['$identified_id', '$anon_id'],
  $create_alias: ['distinct_id', 'alias'],
  $merge: ['$distinct_ids'],
} as const;

export function identityViolation(event: string, properties: JsonRecord, rules: IdentityRules): RuleViolation | null {
  if (!Object.hasOwn(names, event)) return null;
  if (rules.identity !== 'original') {
    const words =
      'changes identities in Mixpanel; the relay sends it only where the destination says "identity: original".';
    return broken('identity_event', `"${event}" ${words}`);
  }
  if (event === '$merge') return mergeViolation(properties.$distinct_ids, rules);
  const [one, other] = names[event as '$identify' | '$create_alias'];
  return (
    idViolation(properties[one], one) ??
    idViolation(properties[other], other) ??
    same(properties[one], properties[other])
  );
}

function mergeViolation(ids: unknown, rules: IdentityRules): RuleViolation | null {
  if (rules.import === 'never') {
    return broken('merge_needs_import', '"$merge" is only taken by /import, which this destination does not use.');
  }
  if (!Array.isArray(ids) || ids.length !== 2) {
    return broken('merge_ids', '"$merge" needs "$distinct_ids", a list of two ids.');
  }
  return idViolation(ids[0], '$distinct_ids') ?? idViolation(ids[1], '$distinct_ids') ?? same(ids[0], ids[1]);
}

function idViolation(id: unknown, name: string): RuleViolation | null {
  if (typeof id !== 'string' || id === '') {
    return broken('identity_id', `"${name}" must name somebody: a text that is not empty.`);
  }
  const violation = distinctIdViolation(id);
  return violation && broken('identity_id', violation.message.replace('distinct_id', name));
}

function same(one: unknown, other: unknown): RuleViolation | null {
  return one === other ? broken('identity_same', 'The two ids are the same: there is nothing to merge.') : null;
}
