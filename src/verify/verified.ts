/**
 * The only maker of `Verified`. `proofMaker` gives a verifier the power to say "this request is proven"; `seal` takes
 * such a proof and a delivery, and gives back the delivery with everything masked that proved it or could prove more.
 */
import type { Fields, RawDelivery, Verified } from '../model.ts';
import type { Proof } from './contract.ts';

/** Stands where a secret or a signature stood. */
export const mask = '•••';

/** Headers that carry credentials whoever sends them: never kept. */
export const alwaysMasked: readonly string[] = ['authorization', 'cookie', 'proxy-authorization'];

type Masked = { readonly headers: readonly string[]; readonly query: readonly string[] };

class MadeProof implements Proof {
  readonly source: string;
  readonly headers: readonly string[];
  readonly query: readonly string[];
  readonly secret: number;
  constructor(source: string, masked: Masked, secret: number) {
    this.source = source;
    this.headers = masked.headers;
    this.query = masked.query;
    this.secret = secret;
  }
}

/** For `verifier.ts` alone (`test/house` checks that nobody outside this room imports it). */
export function proofMaker(
  source: string,
  headers: readonly string[],
  query: readonly string[],
): (secret: number) => Proof {
  const masked = { headers: [...new Set([...headers, ...alwaysMasked])], query };
  return (secret) => new MadeProof(source, masked, secret);
}

/** Which of the source's secrets fitted. */
export function secretOf(proof: Proof | undefined): number {
  return proof instanceof MadeProof ? proof.secret : 0;
}

export function seal(proof: Proof, delivery: RawDelivery): Verified<RawDelivery> {
  if (!(proof instanceof MadeProof)) throw new TypeError('this proof was not made by a verifier');
  if (proof.source !== delivery.source) {
    throw new TypeError(`a proof for ${proof.source} says nothing about a delivery of ${delivery.source}`);
  }
  return {
    ...delivery,
    headers: maskFields(delivery.headers, proof.headers),
    query: maskFields(delivery.query, proof.query),
  } as Verified<RawDelivery>;
}

/** A copy with the values of these names masked. */
export function maskFields<T extends Fields>(fields: T, names: readonly string[]): T {
  // Spread, not assignment: a field called __proto__ stays a field.
  const copy: Record<string, unknown> = { ...fields };
  for (const name of names) if (Object.hasOwn(copy, name)) copy[name] = mask;
  return copy as T;
}
