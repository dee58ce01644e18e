/** Sources, requests and published vectors for the tests of `verify/`. */
import { readFileSync } from 'node:fs';
import type { Source } from '../../src/model.ts';
import type { RawRequest } from '../../src/verify/contract.ts';

export type Vector = {
  readonly id: string;
  readonly provider: string;
  readonly valid: boolean;
  readonly secret: string;
  readonly method?: string;
  readonly url?: string;
  /** Unix seconds inside the tolerance. */
  readonly now?: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly spec: {
    readonly alg: 'sha1' | 'sha256' | 'sha512';
    readonly enc: 'hex' | 'base64' | 'base64url';
    readonly template: string;
    readonly secretEncoding: 'utf8' | 'base64' | 'hex';
    readonly header: string;
    readonly prefix?: string;
    readonly format?: string;
    readonly sep?: ',' | ';';
    readonly key?: string;
    readonly tsKey?: string;
  };
};

export const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../fixtures/verify-vectors.json', import.meta.url), 'utf8'),
);

/** A moment in 2023; every test that has no other reason uses it. */
export const now = 1_700_000_000_000;

export function sourceOf(provider: string, more: Partial<Source> = {}): Source {
  return {
    name: provider,
    provider,
    secrets: ['a secret of the test'],
    missing: [],
    url: null,
    toleranceMs: null,
    destinations: ['mixpanel'],
    keep: 'full',
    answer: null,
    limits: { accept: { count: 60_000, windowMs: 60_000 }, forward: null },
    verify: null,
    deliveryId: null,
    ...more,
  };
}

export function requestOf(
  body: string | Uint8Array,
  headers: RawRequest['headers'] = {},
  more: Partial<RawRequest> = {},
): RawRequest {
  return {
    method: 'POST',
    target: '/hooks/source',
    pathKey: null,
    query: {},
    headers,
    body: typeof body === 'string' ? Buffer.from(body) : body,
    ...more,
  };
}

/** The bytes with one bit turned. */
export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
