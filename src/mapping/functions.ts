/**
 * JSONata's own functions that can eat the evaluator in one call, where its `timeout` does not look: each with its bound
 * and the reason. One table; what is not in it is as JSONata made it. Only the evaluator uses this.
 */
import type jsonata from 'jsonata';
import type { PseudonymMarks } from './pseudonym.ts';

/** Characters a text function takes and gives. A webhook's longest texts are e-mails and diffs. */
export const TEXT_CHARACTERS_MAX = 262_144;
/** Characters of a number or date picture: each is worked through several times, and turned into a regular expression. */
export const PICTURE_CHARACTERS_MAX = 256;
/** Characters `$pad` may give: measured, `$pad("x", 5e8)` takes the heap down at once. */
export const PAD_WIDTH_MAX = 10_000;
/** Items `$distinct` compares, each with each: 3,000 take about 40 ms. */
export const DISTINCT_ITEMS_MAX = 3_000;

type Arguments = readonly unknown[];
type Row = {
  readonly parameters: 1 | 2 | 3 | 4;
  readonly reason: string;
  /** Throws when the call would be too much. */
  readonly check: (call: Arguments) => void;
};

class OutOfBounds extends Error {
  readonly code = 'R0001';
}

export function refuse(name: string, what: string): never {
  throw new OutOfBounds(`$${name}: ${what}`);
}

function textBound(name: string, ...places: number[]): Row['check'] {
  return (call) => {
    for (const place of places) {
      const text = call[place];
      if (typeof text === 'string' && text.length > TEXT_CHARACTERS_MAX) {
        refuse(name, `a text of ${text.length} characters is more than ${TEXT_CHARACTERS_MAX}`);
      }
    }
  };
}

function pictureBound(name: string, place: number): Row['check'] {
  return (call) => {
    const picture = call[place];
    if (typeof picture === 'string' && picture.length > PICTURE_CHARACTERS_MAX) {
      refuse(name, `a picture of ${picture.length} characters is more than ${PICTURE_CHARACTERS_MAX}`);
    }
  };
}

function both(first: Row['check'], second: Row['check']): Row['check'] {
  return (call) => {
    first(call);
    second(call);
  };
}

function padBound(call: Arguments): void {
  if (typeof call[1] === 'number' && !(Math.abs(call[1]) <= PAD_WIDTH_MAX)) {
    refuse('pad', `a width of ${call[1]} is more than ${PAD_WIDTH_MAX}`);
  }
}

function joinBound(call: Arguments): void {
  const [texts, separator] = call;
  if (!Array.isArray(texts)) return;
  let total = typeof separator === 'string' ? separator.length * texts.length : 0;
  for (const text of texts) total += typeof text === 'string' ? text.length : 0;
  if (total > TEXT_CHARACTERS_MAX)
    refuse('join', `a result of ${total} characters is more than ${TEXT_CHARACTERS_MAX}`);
}

/** Every match may be replaced by the whole replacement: the worst case is known before the work. */
function replaceBound(call: Arguments): void {
  const [text, pattern, replacement] = call;
  if (typeof text !== 'string' || typeof replacement !== 'string') return;
  const matches = typeof pattern === 'string' ? text.split(pattern, TEXT_CHARACTERS_MAX).length - 1 : 1;
  const total = text.length + matches * replacement.length;
  if (total > TEXT_CHARACTERS_MAX) {
    refuse('replace', `a result of up to ${total} characters is more than ${TEXT_CHARACTERS_MAX}`);
  }
}

function distinctBound(call: Arguments): void {
  if (Array.isArray(call[0]) && call[0].length > DISTINCT_ITEMS_MAX) {
    refuse('distinct', `${call[0].length} items are more than ${DISTINCT_ITEMS_MAX}`);
  }
}

const copies = 'copies the whole text in one step that no timeout can stop';
const splits = 'takes the whole text apart, one object a character';
const picture = 'the picture is worked through many times';

export const boundedFunctions: Readonly<Record<string, Row>> = {
  pad: {
    parameters: 3,
    reason: 'one call can ask for any amount of memory',
    check: both(textBound('pad', 0, 2), padBound),
  },
  join: { parameters: 2, reason: 'the result is the sum of all texts', check: joinBound },
  replace: {
    parameters: 4,
    reason: 'the result can be text times replacement',
    check: both(textBound('replace', 0, 1, 2), replaceBound),
  },
  split: { parameters: 3, reason: 'a text of 5 MB took 1 s in spite of the timeout', check: textBound('split', 0) },
  match: { parameters: 3, reason: 'the work grows faster than the text', check: textBound('match', 0) },
  contains: { parameters: 2, reason: 'the work grows faster than the text', check: textBound('contains', 0, 1) },
  base64encode: { parameters: 1, reason: copies, check: textBound('base64encode', 0) },
  base64decode: { parameters: 1, reason: copies, check: textBound('base64decode', 0) },
  encodeUrl: { parameters: 1, reason: copies, check: textBound('encodeUrl', 0) },
  encodeUrlComponent: { parameters: 1, reason: copies, check: textBound('encodeUrlComponent', 0) },
  decodeUrl: { parameters: 1, reason: copies, check: textBound('decodeUrl', 0) },
  decodeUrlComponent: { parameters: 1, reason: copies, check: textBound('decodeUrlComponent', 0) },
  uppercase: { parameters: 1, reason: copies, check: textBound('uppercase', 0) },
  lowercase: { parameters: 1, reason: copies, check: textBound('lowercase', 0) },
  trim: { parameters: 1, reason: copies, check: textBound('trim', 0) },
  length: { parameters: 1, reason: splits, check: textBound('length', 0) },
  substring: { parameters: 3, reason: splits, check: textBound('substring', 0) },
  substringBefore: { parameters: 2, reason: copies, check: textBound('substringBefore', 0, 1) },
  substringAfter: { parameters: 2, reason: copies, check: textBound('substringAfter', 0, 1) },
  number: { parameters: 1, reason: copies, check: textBound('number', 0) },
  formatNumber: { parameters: 3, reason: picture, check: pictureBound('formatNumber', 1) },
  formatInteger: { parameters: 2, reason: picture, check: pictureBound('formatInteger', 1) },
  parseInteger: {
    parameters: 2,
    reason: picture,
    check: both(textBound('parseInteger', 0), pictureBound('parseInteger', 1)),
  },
  fromMillis: { parameters: 3, reason: picture, check: pictureBound('fromMillis', 1) },
  toMillis: {
    parameters: 2,
    reason: 'the picture becomes a regular expression',
    check: both(pictureBound('toMillis', 0), pictureBound('toMillis', 1)),
  },
  distinct: { parameters: 1, reason: 'compares each item with each', check: distinctBound },
};

/**
 * Arguments in which a function looks at single characters. A pseudonym is not known yet when the mapping runs (pseudonym.ts):
 * its first half, or its capitals, would be those of a mark, and others in every batch.
 */
const looksInto: Readonly<Record<string, readonly number[]>> = {
  ...{ substring: [0], substringBefore: [0, 1], substringAfter: [0, 1], split: [0, 1], pad: [2] },
  ...{ match: [0], contains: [0, 1], replace: [0, 1], uppercase: [0] },
  ...{ base64encode: [0], base64decode: [0], number: [0], parseInteger: [0, 1], toMillis: [0, 1] },
  ...{ formatNumber: [1], formatInteger: [1], fromMillis: [1] },
};

/** Not there at all: a text that becomes a program hides what it does from whoever reads the mapping. */
export const removedFunctions = ['eval'] as const;

type Definition = { _jsonata_function: true; implementation: (...call: unknown[]) => unknown; signature: unknown };

/** JSONata finds out the parameters of a function from its text (`$split(?, ",")`), so a rest parameter will not do. */
function bound(name: string, definition: Definition, row: Row, marks: PseudonymMarks): Definition {
  const original = definition.implementation;
  const { check } = row;
  const places = looksInto[name] ?? [];
  const run = (self: unknown, call: unknown[]) => {
    check(call);
    if (marks.available && places.some((place) => marks.isIn(call[place]))) {
      refuse(name, 'a pseudonym is made after the mapping has run: it can be passed on, not looked into');
    }
    return original.apply(self, call);
  };
  const implementations = {
    1: function (this: unknown, a: unknown) {
      return run(this, [a]);
    },
    2: function (this: unknown, a: unknown, b: unknown) {
      return run(this, [a, b]);
    },
    3: function (this: unknown, a: unknown, b: unknown, c: unknown) {
      return run(this, [a, b, c]);
    },
    4: function (this: unknown, a: unknown, b: unknown, c: unknown, d: unknown) {
      return run(this, [a, b, c, d]);
    },
  };
  return { ...definition, implementation: implementations[row.parameters] };
}

/** Made once at the start: the built-ins themselves can only be had by asking an expression for them. */
export async function loadBoundedFunctions(
  compile: typeof jsonata,
  marks: PseudonymMarks,
): Promise<ReadonlyMap<string, unknown>> {
  const functions = new Map<string, unknown>();
  for (const [name, row] of Object.entries(boundedFunctions)) {
    const definition = (await compile(`$${name}`).evaluate(null)) as Definition;
    if (definition?._jsonata_function !== true) throw new Error(`JSONata has no function $${name} to bound`);
    functions.set(name, bound(name, definition, row, marks));
  }
  for (const name of removedFunctions) functions.set(name, undefined);
  return functions;
}
