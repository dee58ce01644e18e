/** What each way of proving comes to, once its keys are ready: `signed.ts` and `shared-secret.ts` make these. */
import type { RawRequest, Signature, UnsignedRequest } from './contract.ts';

export type Checker = {
  /** null: proven. Otherwise why not, for the operator: never a secret, never the right signature. Does not throw. */
  check(request: RawRequest, now: number): string | null;
  sign(request: UnsignedRequest, now: number): Signature;
  readonly proofHeaders: readonly string[];
  readonly proofQuery: readonly string[];
};

/** What a source brings along. Problems and warnings are collected, so that all are told at once. */
export type Preparation = {
  readonly secrets: readonly string[];
  /** null: neither `url` nor RELAY_PUBLIC_URL is set. */
  readonly urlOf: ((target: string) => string) | null;
  /** null: the scheme's own. */
  readonly toleranceMs: number | null;
  readonly problems: string[];
  readonly warnings: string[];
};
