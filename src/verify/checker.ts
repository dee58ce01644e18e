/** What each way of proving comes to, once its keys are ready: `signed.ts`, `shared-secret.ts` and some providers make these. */
import type { RawRequest, Signature, UnsignedRequest } from './contract.ts';
import type { RemoteTexts } from './remote-texts.ts';

export type Checked =
  /** `secret`: which of the source's secrets fitted; 0 when there are none. */
  | { readonly ok: true; readonly secret: number }
  /** Why not, for the operator: never a secret, never the right signature. `wants`: as in `Verdict`. */
  | { readonly ok: false; readonly reason: string; readonly wants?: string };

export type Checker = {
  /** Does not throw, whatever the request holds. */
  check(request: RawRequest, now: number): Checked;
  sign(request: UnsignedRequest, now: number): Signature;
  readonly proofHeaders: readonly string[];
  readonly proofQuery: readonly string[];
};

/** What a source brings along. Problems and warnings are collected, so that all are told at once. */
export type Preparation = {
  readonly secrets: readonly string[];
  /** The fields that the provider declares, by their names in source.yaml; those left out are empty. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
  /** null: neither `url` nor RELAY_PUBLIC_URL is set. */
  readonly urlOf: ((target: string) => string) | null;
  /** null: the scheme's own. */
  readonly toleranceMs: number | null;
  /** Keys that the provider publishes: what was fetched of them. */
  readonly remote: Pick<RemoteTexts, 'get'>;
  readonly problems: string[];
  readonly warnings: string[];
};

const fitted = Array.from({ length: 16 }, (_, secret): Checked => ({ ok: true, secret }));

export function passed(secret = 0): Checked {
  return fitted[secret] ?? { ok: true, secret };
}

export function failed(reason: string): Checked {
  return { ok: false, reason };
}

/** The index of the last thing that fits, all being looked at: the time it takes does not tell which. -1: none. */
export function lastFitting<T>(things: readonly T[], fits: (thing: T, index: number) => boolean): number {
  let found = -1;
  for (const [index, thing] of things.entries()) if (fits(thing, index)) found = index;
  return found;
}
