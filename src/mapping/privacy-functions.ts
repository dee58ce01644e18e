/**
 * Functions a mapping has beside JSONata's own, so that an event need not say who somebody is:
 *
 *   $pseudonym(value)         64 hex digits that stand for a text, number or boolean; nothing for null and the empty text
 *   $redact(object, paths)    a copy without what stands at these paths (redact.ts)
 *   $emailDomain(text)        `b.example` of `A@B.example` and of `Ann <a@b.example>`; nothing for what is no address
 *
 * Like JSONata's own they give nothing for nothing, take the context in place of a missing first argument, and can be
 * applied partially, past their signature: so each looks at its arguments itself.
 */
import type jsonata from 'jsonata';
import { refuse } from './functions.ts';
import { PSEUDONYM_CHARACTERS_MAX, PSEUDONYMS_MAX, type PseudonymMarks } from './pseudonym.ts';
import { redact } from './redact.ts';

type OwnFunction = {
  /** As JSONata writes it: with `-` the context takes the place of a missing argument. */
  readonly signature: string;
  /** Not with a rest parameter: JSONata reads the names of the parameters from its text. */
  readonly implementation: (first: unknown, second: unknown) => unknown;
};

function ownFunctions(marks: PseudonymMarks): Readonly<Record<string, OwnFunction>> {
  return {
    pseudonym: { signature: '<(nsbl)-:s>', implementation: (value: unknown) => pseudonym(value, marks) },
    redact: { signature: '<(oal)-a<s>:x>', implementation: (value: unknown, paths: unknown) => redact(value, paths) },
    emailDomain: { signature: '<x-:s>', implementation: (text: unknown) => emailDomain(text) },
  };
}

/** Made once at the start, as JSONata itself would make them. */
export async function loadOwnFunctions(
  compile: typeof jsonata,
  marks: PseudonymMarks,
): Promise<ReadonlyMap<string, unknown>> {
  const functions = new Map<string, unknown>();
  for (const [name, { signature, implementation }] of Object.entries(ownFunctions(marks))) {
    const asked = compile(`$${name}`);
    asked.registerFunction(name, implementation, signature);
    functions.set(name, await asked.evaluate(null));
  }
  return functions;
}

function pseudonym(value: unknown, marks: PseudonymMarks): string | undefined {
  // The empty text names nobody; its pseudonym would make one person of all who have no name.
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    refuse('pseudonym', 'only a text, a number or a boolean has a pseudonym');
  }
  const text = String(value);
  if (text.length > PSEUDONYM_CHARACTERS_MAX) {
    refuse('pseudonym', `a text of ${text.length} characters is more than ${PSEUDONYM_CHARACTERS_MAX}`);
  }
  if (marks.isIn(text)) refuse('pseudonym', 'a pseudonym has no pseudonym');
  return marks.markOf(text) ?? refuse('pseudonym', `a delivery may have ${PSEUDONYMS_MAX} of them, for 4 MiB of text`);
}

/** RFC 5321: 64 characters before the @, 254 in all; the rest is room for a name before it. */
const ADDRESS_CHARACTERS_MAX = 1_024;
const LOCAL_PART = /^(?:[^\s@<>()[\],;:"\\]{1,64}|"[^"\\]{1,62}")$/;
const DOMAIN_CHARACTERS_MAX = 253;
const LABEL = /^[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?$/u;

function emailDomain(text: unknown): string | undefined {
  if (typeof text !== 'string' || text.length > ADDRESS_CHARACTERS_MAX) return undefined;
  const trimmed = text.trim();
  const address = trimmed.endsWith('>') ? trimmed.slice(trimmed.lastIndexOf('<') + 1, -1) : trimmed;
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1).toLowerCase();
  const labels = domain.split('.');
  const isAddress =
    at !== -1 &&
    LOCAL_PART.test(address.slice(0, at)) &&
    domain.length <= DOMAIN_CHARACTERS_MAX &&
    labels.length > 1 &&
    labels.every((label) => LABEL.test(label));
  return isAddress ? domain : undefined;
}
