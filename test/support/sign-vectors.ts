/**
 * Writes what the signers in `signers/` sign into `test/fixtures/vectors/`, beside what is published:
 *
 *   node test/support/sign-vectors.ts      writes what is new or changed (what holds chance only when it is new)
 *
 * `test/verify/signers.test.ts` checks that the files hold what the signers sign.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { MadeVector, Signers } from './signed-vector.ts';

const signersFolder = new URL('signers/', import.meta.url);
const fixtures = new URL('../fixtures/vectors/', import.meta.url);
const fileOf = (provider: string) => new URL(`${provider}.json`, fixtures);

/** Every vector that the signers make, by provider. */
export async function signedVectors(): Promise<ReadonlyMap<string, readonly MadeVector[]>> {
  const all = new Map<string, MadeVector[]>();
  for (const file of readdirSync(signersFolder).sort()) {
    const { signers } = (await import(new URL(file, signersFolder).href)) as { signers: Signers };
    for (const [provider, sign] of Object.entries(signers)) {
      all.set(provider, [...(all.get(provider) ?? []), ...(await sign())]);
    }
  }
  return all;
}

export function keptVectors(provider: string): readonly MadeVector[] {
  try {
    return JSON.parse(readFileSync(fileOf(provider), 'utf8')) as MadeVector[];
  } catch {
    return [];
  }
}

if (import.meta.main) {
  for (const [provider, signed] of await signedVectors()) {
    const kept = keptVectors(provider);
    const ids = new Set(signed.map(({ id }) => id));
    const fresh = signed.map((one) => (one.random ? (kept.find(({ id }) => id === one.id) ?? one) : one));
    const next = [...kept.filter(({ id }) => !ids.has(id)), ...fresh];
    if (!isDeepStrictEqual(next, kept)) writeFileSync(fileOf(provider), `${JSON.stringify(next, null, 2)}\n`);
  }
}
