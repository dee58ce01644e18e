/**
 * What no schema says of a source.yaml: keys that need or exclude each other, names that must exist. Looks at the values
 * as they stand in the file, so that these problems are told together with those of the schema.
 */
import { didYouMean } from './nearest.ts';
import type { KnownProvider } from './provider-rules.ts';
import { shown } from './shown.ts';
import { keysAt } from './source-schema.ts';
import type { Place, YamlTree } from './yaml-tree.ts';

type Say = (place: Place, message: string) => void;
type Fields = Readonly<Record<string, unknown>>;

/** The destination that the environment describes. */
export const DESTINATION_DEFAULT = 'mixpanel';

/** What a source may name. */
export type KnownNames = {
  /** What `trackrelay providers` lists, by name; `custom` is always one. */
  readonly providers: ReadonlyMap<string, KnownProvider>;
  /** Null: not checked. */
  readonly destinations: ReadonlySet<string> | null;
};

export type Rules = {
  readonly fields: Fields;
  readonly tree: YamlTree;
  readonly options: KnownNames;
  readonly problem: Say;
  readonly warn: Say;
};

/** The one custom scheme that believes everybody. */
const isUnverified = (fields: Fields) => isMap(fields.verify) && 'none' in fields.verify;

export function sourceRules(rules: Rules): void {
  providerRules(rules);
  secretRules(rules);
  destinationRules(rules);
  const { hmac } = isMap(rules.fields.verify) ? rules.fields.verify : {};
  if (isMap(hmac)) signedRules(hmac, rules);
}

function providerRules({ fields, tree, options, problem }: Rules): void {
  const { provider } = fields;
  if (provider !== 'custom') {
    for (const key of ['verify', 'delivery_id']) {
      if (key in fields) problem(tree.placeOfKey([key]), `${key} is only for \`provider: custom\``);
    }
    if (typeof provider !== 'string' || provider === '' || tree.unfilled.has('provider')) return;
    if (!options.providers.has(provider)) {
      const hint = didYouMean(provider, [...options.providers.keys(), 'custom']);
      problem(
        tree.placeOf(['provider']),
        `unknown provider${hint || ': `trackrelay providers` lists them, or write custom'}`,
      );
    }
    return;
  }
  const { verify } = fields;
  const kinds = isMap(verify) ? Object.keys(verify).filter((key) => keysAt.verify?.includes(key)) : [];
  if (!('verify' in fields) || (isMap(verify) && kinds.length !== 1)) {
    const one = `exactly one of ${keysAt.verify?.join(', ')}`;
    problem(
      tree.placeOfKey(['verify']),
      'verify' in fields ? `verify must hold ${one}` : `custom needs verify with ${one}`,
    );
  }
  const token = isMap(verify) ? verify.token : undefined;
  if (isMap(token) && 'header' in token === 'query' in token) {
    problem(tree.placeOfKey(['verify', 'token']), 'token needs either header or query');
  }
}

function secretRules({ fields, tree, options, problem, warn }: Rules): void {
  const given = ['secret', 'secrets'].filter((key) => key in fields);
  const provider = typeof fields.provider === 'string' ? fields.provider : '';
  const form = options.providers.get(provider)?.secret;
  const unverified = provider === 'custom' && isUnverified(fields);
  const needless = form === 'none' || unverified;
  if (given.length === 2)
    problem(tree.placeOfKey(['secrets']), 'secret and secrets cannot stand together: keep secrets');
  const known = provider === 'custom' || options.providers.has(provider);
  if (given.length === 0 && !needless && form !== 'learned' && known && !tree.unfilled.has('provider')) {
    problem(
      tree.placeOfKey(['provider']),
      `secret is missing: ${provider} proves itself with one; write it as \`secret: \${NAME}\``,
    );
  }
  for (const key of given) {
    if (needless) warn(tree.placeOfKey([key]), `${key} is not looked at: this source is not verified with one`);
    const values = key === 'secret' ? [fields.secret] : Array.isArray(fields.secrets) ? fields.secrets : [];
    for (const [index, value] of values.entries()) {
      const path = key === 'secret' ? [key] : [key, `${index}`];
      if (typeof value !== 'string' || value === '') continue;
      if (!tree.filled.has(path.join('.'))) {
        warn(tree.placeOf(path), `a secret stands in the file: better as \${NAME}, from the environment or a file`);
      }
      const basic = form === 'basic' || (isMap(fields.verify) && 'basic' in fields.verify);
      if (basic && !tree.unfilled.has(path.join('.')) && !/^[^:]+:./s.test(value)) {
        problem(tree.placeOf(path), 'the secret of basic must be user:password');
      }
    }
  }
  if (isUnverified(fields))
    warn(tree.placeOfKey(['verify', 'none']), 'anybody who knows the URL can send to this source');
}

/** Where a source goes that does not say it; null: it has to say it. */
export function defaultDestination(known: ReadonlySet<string> | null): string | null {
  if (known === null || known.has(DESTINATION_DEFAULT)) return DESTINATION_DEFAULT;
  const [only, ...others] = known;
  return only !== undefined && others.length === 0 ? only : null;
}

function destinationRules({ fields, tree, options, problem }: Rules): void {
  const { destination } = fields;
  const chosen = destination ?? defaultDestination(options.destinations);
  if (chosen === null) {
    const all = [...(options.destinations ?? [])].join(', ');
    problem(tree.placeOfKey(['provider']), `destination is missing: there are ${all}, and none is called mixpanel`);
  }
  const names = Array.isArray(chosen) ? chosen : [chosen];
  const seen = new Set<unknown>();
  for (const [index, name] of names.entries()) {
    const path = Array.isArray(destination) ? ['destination', `${index}`] : ['destination'];
    if (typeof name !== 'string' || tree.unfilled.has(path.join('.'))) continue;
    if (seen.has(name)) problem(tree.placeOf(path), 'this destination stands here twice');
    seen.add(name);
    if (options.destinations === null || options.destinations.has(name)) continue;
    const hint =
      didYouMean(name, options.destinations) || `: there is ${[...options.destinations].sort().join(', ') || 'none'}`;
    problem(
      tree.placeOf(path),
      `unknown destination${tree.filled.has(path.join('.')) ? '' : ` ${shown(name)}`}${hint}`,
    );
  }
}

const PARTS = ['body', 'timestamp', 'url', 'method'];

function signedRules(hmac: Fields, { tree, problem, warn }: Rules): void {
  const path = ['verify', 'hmac', 'signed'];
  const signed = hmac.signed ?? '{body}';
  if (typeof signed !== 'string' || tree.unfilled.has(path.join('.'))) return;
  const parts = [...signed.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1] as string);
  for (const part of parts) {
    if (PARTS.includes(part) || /^header:[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(part)) continue;
    const hint = didYouMean(part, PARTS) || ': there are {body} {timestamp} {url} {method} {header:NAME}';
    problem(
      tree.placeOf(path),
      `signed has an unknown part${tree.filled.has(path.join('.')) ? '' : ` ${shown(`{${part}}`)}`}${hint}`,
    );
  }
  if (parts.includes('timestamp') && !('timestamp' in hmac)) {
    problem(tree.placeOf(path), 'signed has {timestamp}, so `timestamp: { header: …, unit: … }` is needed');
  }
  if ('timestamp' in hmac && !parts.includes('timestamp')) {
    warn(
      tree.placeOfKey(['verify', 'hmac', 'timestamp']),
      'the timestamp is not signed: an old webhook can be sent again with a new one',
    );
  }
  if (!parts.includes('body'))
    warn(tree.placeOf(path), 'the signature does not cover {body}: it proves nothing about what was sent');
}

function isMap(value: unknown): value is Fields {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
