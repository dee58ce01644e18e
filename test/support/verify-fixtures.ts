/** Sources and requests for the tests of `verify/`. */
import { parseBody } from '../../src/body/parse.ts';
import type { Source } from '../../src/model.ts';
import type { RawRequest } from '../../src/verify/contract.ts';

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
    fields: {},
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
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return {
    method: 'POST',
    target: '/hooks/source',
    pathKey: null,
    query: {},
    headers,
    body: bytes,
    parsed: () => {
      const outcome = parseBody(bytes, headers['content-type']);
      return outcome.ok ? outcome.value : undefined;
    },
    ...more,
  };
}

/** The bytes with one bit turned. */
export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
