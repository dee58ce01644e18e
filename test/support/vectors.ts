/**
 * Signed webhooks that somebody else signed, one file for each provider in `test/fixtures/vectors/`: published by the
 * vendor, made by its package, or by a second implementation (`sign-vectors.ts`) that shares no code with `src/verify/`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { parseSourceFile } from '../../src/config/source-file.ts';
import type { Source } from '../../src/model.ts';
import { knownProviders } from '../../src/wiring/known-providers.ts';

export type Vector = {
  readonly id: string;
  /** The file's name. */
  readonly provider: string;
  /** False: must be refused with 401. */
  readonly valid: boolean;
  readonly provenance: string;
  /** Where it is published, or what signed it. */
  readonly from: string;
  readonly note?: string;
  readonly secret?: string;
  /** Further keys of source.yaml. */
  readonly source?: Readonly<Record<string, unknown>>;
  readonly method?: string;
  /** As registered at the provider; its query is also the request's. */
  readonly url?: string;
  /** The key at the end of the path. */
  readonly path_key?: string;
  /** The request's query, when it is not that of `url`. */
  readonly query?: string;
  /** Unix seconds of a clock inside the window; absent: any time will do. */
  readonly now?: number;
  /** What the provider publishes, by URL. */
  readonly remote?: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For bodies that are not UTF-8. */
  readonly body_base64?: string;
  /** It is a handshake: answered, never kept. */
  readonly handshake?: boolean;
  /** Status and exact body of the answer, where the provider insists. */
  readonly status?: number;
  readonly answer?: string;
  /** Nothing binds the body to the proof (tokens, JWTs without a digest, keys in the path). */
  readonly body_unsigned?: boolean;
  /** Headers that are not signed though they are there. */
  readonly unsigned_headers?: readonly string[];
  /** Further headers that are signed, besides those that hold the proof. */
  readonly signed_headers?: readonly string[];
  /** Texts in the body that are signed or are the signature, where the body is not signed as a whole. */
  readonly signed_texts?: readonly string[];
  /** It signs no time, though its provider's other schemes do. */
  readonly untimed?: boolean;
  /** Turned about in every way, besides the first of its provider. */
  readonly turned?: boolean;
  /** Another secret of the same form, where changing a character of the secret makes none. */
  readonly other_secret?: string;
};

const folder = new URL('../fixtures/vectors/', import.meta.url);

export const vectors: readonly Vector[] = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .flatMap((file) => {
    const list = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Omit<Vector, 'provider'>[];
    return list.map((vector) => ({ ...vector, provider: file.replace('.json', '') }));
  });

export const bodyOf = (vector: Vector): Buffer =>
  vector.body_base64 === undefined ? Buffer.from(vector.body ?? '') : Buffer.from(vector.body_base64, 'base64');

/** A moment in 2023 for those that sign no time. */
export const clockOf = (vector: Vector): number => (vector.now ?? 1_700_000_000) * 1000;

/** The source as its source.yaml would make it: through the real reader. Throws when it does not load. */
export function sourceOfVector(vector: Vector, secrets: readonly string[] = secretsOf(vector)): Source {
  const fields = {
    provider: vector.provider,
    ...(secrets.length > 0 ? { secrets } : {}),
    ...(vector.url === undefined ? {} : { url: vector.url }),
    ...vector.source,
  };
  const name = vector.id.toLowerCase().replace(/[^a-z0-9-]/g, '-');
  const parsed = parseSourceFile(stringify(fields), {
    ...{ name, file: `${name}/source.yaml`, lookup: () => undefined },
    ...{ providers: knownProviders, destinations: null },
  });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join('; '));
  return parsed.source;
}

export function secretsOf({ secret }: Vector): readonly string[] {
  return secret === undefined ? [] : [secret];
}

/** Path and query it is posted to. */
export function targetOf(vector: Vector, source: string): string {
  const query = vector.query ?? (vector.url === undefined ? '' : new URL(vector.url).search.slice(1));
  const key = vector.path_key === undefined ? '' : `/${encodeURIComponent(vector.path_key)}`;
  return `/hooks/${source}${key}${query === '' ? '' : `?${query}`}`;
}
