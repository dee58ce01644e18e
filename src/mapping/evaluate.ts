/**
 * Compiling and evaluating, inside the evaluator. The library's own guard rails (`timeout`, `stack`, `sequence`) stop
 * what they can, with a good message; what they cannot (a backtracking expression, a memory bomb) the relay stops from
 * outside (`lane.ts`).
 */
import jsonata from 'jsonata';
import { parseBody } from '../body/parse.ts';
import type { BodyForm, Fields } from '../model.ts';
import { removedFunctions } from './functions.ts';
import { NoEvent, outputTexts } from './plain.ts';
import { diagnosticOf } from './positions.ts';
import {
  type CompileResult,
  type Diagnostic,
  EXPRESSION_BYTES_MAX,
  EXPRESSION_NODES_MAX,
  type MapFailure,
  OUTPUTS_MAX,
} from './program.ts';

/**
 * Milliseconds on a core that JSONata may loop before it stops itself, within the 300 of contract §7. Not less: 10,000 outputs of five
 * fields, which a delivery may give, take 170 on a busy machine.
 */
const TIMEOUT_MS = 230;
/** Evaluations within evaluations. A deep but sane mapping needs about 40. */
const STACK_MAX = 200;

export type Expression = jsonata.Expression;
export type BoundedFunctions = ReadonlyMap<string, unknown>;

/** One delivery as the evaluator gets it. */
export type Evaluation = {
  readonly purpose: 'mapping' | 'id';
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Fields;
  readonly delivery: Readonly<Record<string, string | null>>;
  readonly contentType: string | null;
  readonly bodyForm: BodyForm;
  readonly body: Uint8Array;
};

export function compileExpression(text: string, functions: BoundedFunctions): Expression {
  const expression = jsonata(text, { timeout: TIMEOUT_MS, stack: STACK_MAX, sequence: OUTPUTS_MAX });
  for (const [name, definition] of functions) expression.assign(name, definition);
  return expression;
}

/** Everything that is wrong with a text, before it ever runs. `pseudonyms`: the relay has a key for them. */
export function checkExpression(text: string, pseudonyms: boolean): CompileResult {
  const bytes = Buffer.byteLength(text);
  if (bytes > EXPRESSION_BYTES_MAX) {
    return refused('too_long', `The mapping has ${bytes} bytes; ${EXPRESSION_BYTES_MAX} is the most`);
  }
  let tree: unknown;
  try {
    tree = jsonata(text).ast();
  } catch (error) {
    const { placed, ...diagnostic } = diagnosticOf(text, error);
    return { ok: false, diagnostics: [placed ? diagnostic : { ...diagnostic, ...endOf(text) }] };
  }
  const walk: Walk = { nodes: 0, diagnostics: [], text, pseudonyms };
  inspect(tree, walk);
  if (walk.nodes > EXPRESSION_NODES_MAX) {
    return refused('too_long', `The mapping has ${walk.nodes} parts; ${EXPRESSION_NODES_MAX} is the most`);
  }
  return walk.diagnostics.length === 0 ? { ok: true } : { ok: false, diagnostics: walk.diagnostics };
}

function refused(code: string, message: string): CompileResult {
  return { ok: false, diagnostics: [{ code, message, line: 1, column: 1, token: '' }] };
}

function endOf(text: string): { line: number; column: number } {
  const lines = text.split('\n');
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}

type Walk = {
  nodes: number;
  readonly diagnostics: Diagnostic[];
  readonly text: string;
  readonly pseudonyms: boolean;
};

function inspect(node: unknown, walk: Walk): void {
  if (node === null || typeof node !== 'object') return;
  if (walk.nodes > EXPRESSION_NODES_MAX) return;
  if (Array.isArray(node)) {
    for (const item of node) inspect(item, walk);
    return;
  }
  const { type, value, position } = node as { type?: unknown; value?: unknown; position?: unknown };
  if (typeof type === 'string') walk.nodes++;
  const unavailable = type === 'variable' ? unavailableFunction(value, walk) : null;
  if (unavailable !== null) {
    const { placed: _, ...diagnostic } = diagnosticOf(walk.text, { ...unavailable, position, token: value });
    walk.diagnostics.push(diagnostic);
  }
  for (const member of Object.values(node)) inspect(member, walk);
}

function unavailableFunction(name: unknown, walk: Walk): { code: string; message: string } | null {
  if ((removedFunctions as readonly unknown[]).includes(name)) {
    return { code: 'removed', message: `$${name} is not available: a text must not become a program` };
  }
  if (name !== 'pseudonym' || walk.pseudonyms) return null;
  return { code: 'no_key', message: '$pseudonym needs a key: set RELAY_PSEUDONYM_KEY' };
}

export type Evaluated = { readonly ok: true; readonly texts: readonly string[] } | MapFailure;

/** Never throws. `texts` are JSON: outputs, or with purpose `id` one string or nothing. */
export async function evaluateOne(expression: Expression, text: string, on: Evaluation): Promise<Evaluated> {
  // The door has accepted this body; a text/plain one it took only because its provider sends JSON that way.
  const parsed = parseBody(on.body, on.contentType ?? undefined, {
    plainTextIsJson: true,
    emptyIsNull: true,
    ...on.bodyForm,
  });
  if (!parsed.ok && on.body.length > 0) {
    return { ok: false, reason: 'mapping_error', message: `The body cannot be read: ${parsed.reason}` };
  }
  const input = parsed.ok ? parsed.value : null;
  try {
    const bindings = { headers: on.headers, query: on.query, delivery: on.delivery };
    const result: unknown = await expression.evaluate(input, bindings);
    return { ok: true, texts: on.purpose === 'id' ? idTexts(result) : outputTexts(result) };
  } catch (error) {
    return failureOf(text, error);
  }
}

function idTexts(result: unknown): string[] {
  if (typeof result === 'string' && result !== '') return [JSON.stringify(result)];
  return typeof result === 'number' && Number.isFinite(result) ? [JSON.stringify(String(result))] : [];
}

const reasonOfCode: Readonly<Record<string, MapFailure['reason']>> = {
  D1012: 'mapping_timeout',
  // More items in one list than a delivery may give outputs.
  D2014: 'mapping_output',
  D2015: 'mapping_output',
};

function failureOf(text: string, error: unknown): MapFailure {
  if (error instanceof NoEvent) return { ok: false, reason: 'mapping_output', message: error.message };
  const { code, message, line, column, placed } = diagnosticOf(text, error);
  const reason = reasonOfCode[code] ?? 'mapping_error';
  const prefix = code === 'error' ? '' : `${code} `;
  const own = code === 'error' ? {} : { code };
  return placed
    ? { ok: false, reason, message: `${prefix}at ${line}:${column}: ${message}`, ...own, line, column }
    : { ok: false, reason, message: `${prefix.trimEnd()}${prefix === '' ? '' : ': '}${message}`, ...own };
}
