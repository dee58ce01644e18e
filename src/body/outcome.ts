/** What reading a body comes to: a value, or a refusal in the door's own codes. Never an exception. */
import type { RefusalCode } from '../errors.ts';

export type BodyRefusal = {
  readonly ok: false;
  readonly code: Extract<RefusalCode, 'malformed' | 'oversized' | 'unsupported_type'>;
  /** For the operator. */
  readonly reason: string;
};

export type Parsed = { readonly ok: true; readonly value: unknown } | BodyRefusal;

export function malformed(reason: string): BodyRefusal {
  return { ok: false, code: 'malformed', reason };
}

export function unsupported(reason: string): BodyRefusal {
  return { ok: false, code: 'unsupported_type', reason };
}
