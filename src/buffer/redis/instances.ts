/**
 * What each relay on one Redis runs, in shard 0: told some times a minute, so that a relay whose mappings differ is found. Who is
 * heard of no more is gone by itself; one that ends takes its own away (close.lua).
 */
import type { Instance } from '../contract.ts';
import { rowsOf } from './reading-pages.ts';
import { script } from './script.ts';
import type { Shard } from './shard.ts';

/** Several times what a relay may take to tell again (wiring/other-relays.ts). */
const goneMs = 15_000;

const instancesScript = script('instances', [], { allowOom: true });

export async function noteInstance(shard: Shard, revisions: Instance): Promise<readonly Instance[]> {
  const rows = rowsOf(await shard.call(instancesScript, [String(goneMs), JSON.stringify([...revisions])]), 2);
  return rows.flatMap(([, text]) => {
    const read = instanceOf(String(text));
    return read ? [read] : [];
  });
}

/** Null: a relay of another version says it in another way. */
function instanceOf(text: string): Instance | null {
  try {
    const read: unknown = JSON.parse(text);
    const pairs =
      Array.isArray(read) && read.every((one) => Array.isArray(one) && one.every((part) => typeof part === 'string'));
    return pairs ? new Map(read as [string, string][]) : null;
  } catch {
    return null;
  }
}
