/**
 * source.yaml into a Source (contract §3): every problem at once, each with its line and column. A variable that is not
 * set is no problem but closes the source. No message holds a value that could be a secret.
 */
import type { CustomVerification, Rate, Source } from '../model.ts';
import type { Diagnostic } from './diagnostic.ts';
import { didYouMean } from './nearest.ts';
import { otherProviderOf, readProviderFields } from './provider-rules.ts';
import { reportIssue } from './schema-problems.ts';
import { shown } from './shown.ts';
import { DESTINATION_DEFAULT, defaultDestination, type KnownNames, type Rules, sourceRules } from './source-rules.ts';
import { keysAt, type SourceFields, sourceSchema } from './source-schema.ts';
import { type Place, readYaml, type YamlTree } from './yaml-tree.ts';

export type SourceFileOptions = KnownNames & {
  /** The folder's name, which is the source's. */
  readonly name: string;
  /** How the file is called in problems. */
  readonly file: string;
  readonly lookup: (variable: string) => string | undefined;
};

export type ParsedSource =
  | { readonly ok: true; readonly source: Source; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly problems: readonly Diagnostic[] };

/** Contract §3: what one source may send unless it says otherwise. */
const ACCEPT_DEFAULT: Rate = { count: 60_000, windowMs: 60_000 };
const SOURCE_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

export function isSourceName(name: string): boolean {
  return SOURCE_NAME.test(name);
}

/** `delivery_id` is JSONata, where `${…}` groups. */
const VERBATIM = new Set(['delivery_id']);

export function parseSourceFile(text: string, options: SourceFileOptions): ParsedSource {
  const problems: Diagnostic[] = [];
  const warnings: Diagnostic[] = [];
  const report = (list: Diagnostic[]) => (place: Place, message: string) => {
    const { line, column } = place;
    list.push({ file: options.file, line, column, message });
  };
  const problem = report(problems);
  if (!isSourceName(options.name)) {
    problem({ line: 1, column: 1 }, `the folder's name ${shown(options.name)} must be small letters, digits and -`);
  }
  const tree = readYaml(text, { lookup: options.lookup, verbatim: VERBATIM });
  for (const complaint of tree.complaints) problem(complaint, complaint.message);
  if (tree.complaints.length > 0) return { ok: false, problems };
  if (tree.value === null || typeof tree.value !== 'object' || Array.isArray(tree.value)) {
    problem({ line: 1, column: 1 }, 'the file must hold keys and values, at least `provider: …`');
    return { ok: false, problems };
  }
  const written = tree.value as Record<string, unknown>;
  const rules = { fields: written, tree, options, problem, warn: report(warnings) };
  const parsed = sourceSchema.safeParse(withoutProviderFields(written, options));
  const hint = unknownKeyHint(rules);
  if (!parsed.success) for (const issue of parsed.error.issues) reportIssue(issue, [], { tree, problem, hint });
  sourceRules(rules);
  const ofProvider = readProviderFields(rules);
  if (problems.length > 0) return { ok: false, problems: problems.sort(byPlace) };
  const fields = parsed.success ? parsed.data : closedFields(tree);
  return { ok: true, source: sourceOf(fields, ofProvider, tree, options), warnings };
}

/** What is left is the same for every provider. */
function withoutProviderFields(written: Record<string, unknown>, { providers }: KnownNames): Record<string, unknown> {
  const known = providers.get(`${written.provider}`)?.fields ?? [];
  return Object.fromEntries(Object.entries(written).filter(([key]) => !known.some(({ name }) => name === key)));
}

function unknownKeyHint(rules: Rules): (at: string, key: string) => string {
  const ofProvider = rules.options.providers.get(`${rules.fields.provider}`)?.fields.map(({ name }) => name) ?? [];
  return (at, key) => {
    if (at !== '') return didYouMean(key, keysAt[at] ?? []);
    return otherProviderOf(key, rules) || didYouMean(key, [...(keysAt[''] ?? []), ...ofProvider]);
  };
}

function byPlace(a: Diagnostic, b: Diagnostic): number {
  return a.line - b.line || a.column - b.column;
}

/** A value is missing where a word is needed: the source is closed and nothing of it is used but its name. */
function closedFields(tree: YamlTree): SourceFields {
  const { provider } = tree.value as Record<string, unknown>;
  return { provider: typeof provider === 'string' ? provider : 'custom', keep: 'full' };
}

function sourceOf(
  fields: SourceFields,
  ofProvider: Source['fields'],
  tree: YamlTree,
  options: SourceFileOptions,
): Source {
  const secrets = fields.secrets ?? (fields.secret === undefined ? [] : [fields.secret]);
  const destinations = fields.destination ?? defaultDestination(options.destinations) ?? DESTINATION_DEFAULT;
  const closed = tree.missing.length > 0;
  return {
    name: options.name,
    provider: fields.provider,
    secrets: closed ? [] : secrets,
    missing: tree.missing,
    url: fields.url ?? null,
    toleranceMs: fields.tolerance ?? null,
    destinations: typeof destinations === 'string' ? [destinations] : destinations,
    keep: fields.keep,
    answer: fields.answer ?? null,
    ...(fields.weight === undefined ? null : { weight: fields.weight }),
    limits: { accept: fields.limits?.accept ?? ACCEPT_DEFAULT, forward: fields.limits?.forward ?? null },
    fields: closed ? {} : ofProvider,
    verify: verificationOf(fields.verify),
    deliveryId: fields.delivery_id ?? null,
  };
}

function verificationOf(verify: SourceFields['verify']): CustomVerification | null {
  if (verify?.hmac) return { kind: 'hmac', hmac: { ...verify.hmac, timestamp: verify.hmac.timestamp ?? null } };
  if (verify?.token?.header !== undefined) return { kind: 'token', header: verify.token.header };
  if (verify?.token?.query !== undefined) return { kind: 'token', query: verify.token.query };
  if (verify?.basic) return { kind: 'basic' };
  if (verify?.path_key) return { kind: 'path_key' };
  return verify?.none ? { kind: 'none' } : null;
}
