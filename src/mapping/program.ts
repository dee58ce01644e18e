/**
 * What the two sides of the evaluator say to each other in words: programs, jobs, verdicts. No behaviour here,
 * but the limits that both sides keep.
 */
import { createHash } from 'node:crypto';
import type { BodyForm, Fields } from '../model.ts';

/** A mapping as it runs. Two mappings with the same text have the same revision. */
export type Program = { readonly revision: string; readonly text: string };

/** What a program is run on. `mapping`: outputs; `id`: one text, or none. */
export type Job = {
  readonly program: Program;
  readonly purpose: 'mapping' | 'id';
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Fields;
  /** What `$delivery` is bound to. */
  readonly delivery: Readonly<Record<string, string | null>>;
  /** How `body` is to be read; null: by its looks. */
  readonly contentType: string | null;
  /** What its provider says of its bodies. */
  readonly bodyForm: BodyForm;
  readonly body: Uint8Array;
  /** True: its pseudonyms are made with the key of cases. */
  readonly rehearsal: boolean;
};

export type FailureReason = 'mapping_error' | 'mapping_timeout' | 'mapping_crash' | 'mapping_output';

export type MapFailure = {
  readonly ok: false;
  readonly reason: FailureReason;
  /** Carries code and `line:column` when there are any. */
  readonly message: string;
  /** JSONata's own. */
  readonly code?: string;
  readonly line?: number;
  readonly column?: number;
};

export type MapResult =
  | {
      readonly ok: true;
      readonly outputs: readonly unknown[];
      readonly tookMicros: number;
      /** Bytes of the outputs' JSON: what they cost to hold. */
      readonly textBytes: number;
    }
  | MapFailure;

/** A mistake in a mapping's text; line and column count from 1. */
export type Diagnostic = {
  readonly code: string;
  readonly message: string;
  readonly line: number;
  readonly column: number;
  readonly token: string;
};

export type CompileResult = { readonly ok: true } | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** Contract §3: a delivery may give up to so many outputs. */
export const OUTPUTS_MAX = 10_000;
/** One mapping's text. Stedi takes 300 KB, AWS 5 KB; ours compiles in under 20 ms. */
export const EXPRESSION_BYTES_MAX = 32 * 1024;
/** The nodes of its syntax tree: one for about three characters. */
export const EXPRESSION_NODES_MAX = 12_000;
/** JSON text of everything one delivery becomes: Mixpanel takes 1 MB an event, and the relay has to hold it all. */
export const OUTPUT_BYTES_MAX = 8 * 1024 * 1024;
/** Bodies are at most 64 deep; what is built around them may be a little more. */
export const OUTPUT_DEPTH_MAX = 100;

export function programOf(text: string): Program {
  return { revision: createHash('sha256').update(text).digest('hex').slice(0, 12), text };
}
