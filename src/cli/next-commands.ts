/** What to type next about a dead letter: `dead show` and `explain` say the same. */
import type { DeadLetter } from '../model.ts';

export function nextCommands({ id, kind, reason, delivery }: DeadLetter): string[] {
  if (kind === 'mapping') return [`trackrelay explain ${delivery}`];
  if (reason !== 'invalid_event') return [`trackrelay dead retry ${id}`];
  // As it is it would break the same rule again.
  return [
    `once the mapping is mended: trackrelay replay ${delivery}`,
    `or mend it by hand: trackrelay dead show ${id} --json > one.json, then trackrelay dead retry ${id} --event one.json`,
  ];
}
