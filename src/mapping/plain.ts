/**
 * What an expression gave → JSON texts, one for each output, or why not. JSONata's results are null-prototype objects
 * that may hold functions, `__proto__` keys, the same large value ten thousand times, and text that is only promised
 * (a rope of 500 MB): so everything is walked and counted before it is written out.
 */
import { OUTPUT_BYTES_MAX, OUTPUT_DEPTH_MAX, OUTPUTS_MAX } from './program.ts';

export class NoEvent extends Error {}

const UNSAFE_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

type Budget = { bytes: number };

function spend(budget: Budget, bytes: number): void {
  budget.bytes -= bytes;
  if (budget.bytes < 0) throw new NoEvent(`The outputs are larger than ${OUTPUT_BYTES_MAX} bytes together`);
}

export function isFunction(value: unknown): boolean {
  if (typeof value === 'function') return true;
  if (typeof value !== 'object' || value === null) return false;
  const own = value as { _jsonata_lambda?: unknown; _jsonata_function?: unknown };
  return own._jsonata_lambda === true || own._jsonata_function === true;
}

/** A copy of plain values only; undefined and functions are left out, as JSON does. */
function plain(value: unknown, depth: number, budget: Budget): unknown {
  switch (typeof value) {
    case 'string':
      spend(budget, value.length + 3);
      return value;
    case 'number':
    case 'boolean':
      spend(budget, 8);
      return value;
    case 'object':
      break;
    default:
      return undefined;
  }
  if (value === null) return null;
  if (depth > OUTPUT_DEPTH_MAX) throw new NoEvent(`An output is nested deeper than ${OUTPUT_DEPTH_MAX}`);
  spend(budget, 8);
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (const item of value) items.push(isFunction(item) ? null : (plain(item, depth + 1, budget) ?? null));
    return items;
  }
  const copy: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined || UNSAFE_KEYS.has(key) || isFunction(member)) continue;
    spend(budget, key.length + 4);
    copy[key] = plain(member, depth + 1, budget);
  }
  return copy;
}

/** JSON texts of the outputs; none when the expression gave nothing, null or an empty list. */
export function outputTexts(result: unknown): string[] {
  if (result === undefined || result === null) return [];
  const outputs = Array.isArray(result) ? result : [result];
  if (outputs.length > OUTPUTS_MAX) {
    throw new NoEvent(`${outputs.length} outputs are more than the ${OUTPUTS_MAX} a delivery may give`);
  }
  const budget = { bytes: OUTPUT_BYTES_MAX };
  const texts: string[] = [];
  for (const output of outputs) {
    // `[paid ? {…} : null]` is how one says "perhaps" in JSONata.
    if (output === undefined || output === null) continue;
    if (typeof output !== 'object' || Array.isArray(output) || isFunction(output)) {
      const kind = Array.isArray(output) ? 'a list within the list' : isFunction(output) ? 'a function' : typeof output;
      throw new NoEvent(`An output must be an object, or a list of objects; this is ${kind}`);
    }
    texts.push(JSON.stringify(plain(output, 1, budget)));
  }
  return texts;
}
