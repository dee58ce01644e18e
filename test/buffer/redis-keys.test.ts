/** The names in Lua are those of keys.ts, and one file alone speaks to Redis. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keyNames, laneName, laneParts, seenKeyHash, shardOf } from '../../src/buffer/redis/keys.ts';
import { filesBelow, root } from '../house/source-tree.ts';

const folder = join(root, 'src/buffer/redis/lua');
const scripts = readdirSync(folder).map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));

describe('the keys of Redis', () => {
  it('are named in keys.ts, whatever script makes them', () => {
    const names = new Set<string>(Object.values(keyNames));
    const used = scripts.flatMap(({ name, text }) =>
      [...text.matchAll(/\bP \.\. '([a-z]+:?)/g)].map(([, key]) => ({ name, key: key ?? '' })),
    );
    expect(used.length).toBeGreaterThan(50);
    expect(used.filter(({ key }) => !names.has(key))).toEqual([]);
  });

  it('are reached through one file alone', () => {
    const strangers = filesBelow('src').filter(
      ({ path, imports }) => imports.includes('redis') && path !== 'src/buffer/redis/connection.ts',
    );
    expect(strangers.map(({ path }) => path)).toEqual([]);
  });

  it('tell lanes apart and are read back', () => {
    const parts = { destination: 'mix panel', route: 'profile', source: 'shop:1' };
    expect(laneParts(laneName(parts.destination, parts.route, parts.source))).toEqual(parts);
  });

  it('spread sources over the shards, the same ones each time, and all into one when there is one', () => {
    const sources = Array.from({ length: 400 }, (_, at) => `source-${at}`);
    const shards = sources.map((source) => shardOf(source, 4));
    for (const shard of [0, 1, 2, 3]) expect(shards.filter((one) => one === shard).length).toBeGreaterThan(60);
    expect(sources.map((source) => shardOf(source, 4))).toEqual(shards);
    expect(new Set(sources.map((source) => shardOf(source, 1)))).toEqual(new Set([0]));
  });

  it('tell keys of deliveries apart also where source and key run together', () => {
    expect(seenKeyHash('a', 'bc')).not.toBe(seenKeyHash('ab', 'c'));
    expect(seenKeyHash('a', 'bc')).toBe(seenKeyHash('a', 'bc'));
  });
});
