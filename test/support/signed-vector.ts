/** What a second implementation hands over: a vector, signed by code that knows nothing of `src/verify/`. */
import type { Vector } from './vectors.ts';

export type MadeVector = Omit<Vector, 'provider'> & {
  /** The signature holds chance (ECDSA): it is made once and then kept. */
  readonly random?: boolean;
};

/** By provider; called when the vectors are made or checked. */
export type Signers = Readonly<Record<string, () => readonly MadeVector[] | Promise<readonly MadeVector[]>>>;

export function made(id: string, more: Omit<MadeVector, 'id' | 'valid' | 'provenance' | 'from'> & Partial<MadeVector>) {
  const from = 'test/support/signers';
  return { id, valid: true, provenance: 'second-implementation', from, ...more } satisfies MadeVector;
}
