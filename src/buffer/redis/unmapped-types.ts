/** What falls through, as a list (promise 10). It is counted by fallen.lua, in the scripts that mark deliveries. */
import type { UnmappedType } from '../contract.ts';
import { rowsOf } from './reading-pages.ts';
import { script } from './script.ts';
import type { Shard } from './shard.ts';

const listScript = script('fallenlist', ['kinds'], { allowOom: true });

export async function unmappedTypes(shards: readonly Shard[], perSourceMax: number): Promise<readonly UnmappedType[]> {
  const replies = await Promise.all(shards.map((shard) => shard.call(listScript, [])));
  const sources = replies.flatMap(([flat]) =>
    rowsOf(flat, 2).map(([source, types]) => {
      const all = rowsOf(types, 2).map(([type, counts]) => readType(String(source), String(type), String(counts)));
      const seen = all.reduce((sum, one) => sum + seenOf(one), 0);
      all.sort((a, b) => seenOf(b) - seenOf(a) || ((a.type ?? '') < (b.type ?? '') ? -1 : 1));
      return { source: String(source), seen, types: all.slice(0, Math.max(0, perSourceMax)) };
    }),
  );
  sources.sort((a, b) => b.seen - a.seen || (a.source < b.source ? -1 : 1));
  return sources.flatMap(({ types }) => types);
}

function readType(source: string, type: string, counts: string): UnmappedType {
  const [skipped, failed, since, lastAt, lastDelivery] = JSON.parse(counts) as [number, number, number, number, string];
  return { source, type: type === '' ? null : type, skipped, failed, lastDelivery, lastAt, since };
}

function seenOf({ skipped, failed }: UnmappedType): number {
  return skipped + failed;
}
