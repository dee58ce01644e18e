/**
 * Sandbox mode only (contract §3): a secret that is not set becomes a random one, kept in the data folder, so that
 * `npm start`, `demo` and `send` work at once and agree with each other, also after a restart.
 *
 * One file for each variable, `<data>/sandbox-secrets/NAME`, readable by its owner alone. It is written aside and then
 * linked to its name, which fails when the name is taken: of two processes that make one at once, both use the first.
 *
 * The random text is 64 hex digits: as it stands it is a good key in every form a source can ask for (text, hex,
 * base64 of 48 bytes, with or without `whsec_` before it) and needs no escaping in a path or query. Basic alone wants
 * a user before it.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../errors.ts';
import { readSecretFile } from './environment.ts';
import type { KnownProvider } from './provider-rules.ts';
import { readYaml } from './yaml-tree.ts';

export type Lookup = (variable: string) => string | undefined;

export type SandboxSecretsOptions = {
  /** RELAY_DATA_DIR. */
  readonly folder: string;
  /** Where a variable is looked for first: the environment. */
  readonly lookup: Lookup;
  /** What is known of the providers: a secret of a form of its own, further fields that are secrets. */
  readonly providers?: ReadonlyMap<string, KnownProvider>;
  /** False: only secrets that are already there are used. Default: true. */
  readonly create?: boolean;
};

export type SandboxSecrets = {
  /** The `lookup` to parse this source.yaml with: variables that stand in its secrets are never missing. */
  lookupFor(text: string): Lookup;
};

export function sandboxSecrets(options: SandboxSecretsOptions): SandboxSecrets {
  return {
    lookupFor(text) {
      const wanted = wantedSecrets(text, options);
      return (variable) => {
        const value = options.lookup(variable);
        if (value !== undefined || !wanted.names.has(variable)) return value;
        const secret = sandboxSecret(variable, { ...options, ...(wanted.make && { make: wanted.make }) });
        return secret !== undefined && wanted.basic && !secret.includes(':') ? `relay:${secret}` : secret;
      };
    },
  };
}

/** One secret that is not set, made or found. Undefined: there is none yet, and none was to be made. */
export function sandboxSecret(
  name: string,
  options: { readonly folder: string; readonly create?: boolean; readonly make?: () => string },
): string | undefined {
  const { folder, create = true, make = () => randomBytes(32).toString('hex') } = options;
  return keptSecret(join(folder, 'sandbox-secrets'), name, make, create);
}

type Wanted = {
  readonly names: ReadonlySet<string>;
  readonly basic: boolean;
  readonly make?: KnownProvider['sandboxSecret'];
};

/** Variables without a value that stand in a secret and nowhere else: a random URL would help nobody. */
function wantedSecrets(text: string, { lookup, providers }: SandboxSecretsOptions): Wanted {
  const missing = readYaml(text, { lookup, verbatim: new Set() }).missing;
  if (missing.length === 0) return { names: new Set(), basic: false };
  // Parsed once more with marks in place of values, to see where each ends up.
  const marked = readYaml(text, {
    lookup: (name) => (missing.includes(name) ? markOf(name) : lookup(name)),
    verbatim: new Set(),
  });
  const fields = (marked.value ?? {}) as Record<string, unknown>;
  const provider = providers?.get(`${fields.provider}`);
  const secretKeys = ['secret', 'secrets', ...(provider?.fields ?? []).flatMap((one) => (one.secret ? one.name : []))];
  const [inside, outside] = [true, false].map((isSecret) =>
    JSON.stringify(Object.entries(fields).filter(([key]) => secretKeys.includes(key) === isSecret)),
  ) as [string, string];
  const names = missing.filter((name) => inside.includes(markOf(name)) && !outside.includes(markOf(name)));
  const verify = fields.verify as Record<string, unknown> | null | undefined;
  const byBasic = typeof verify === 'object' && verify !== null && 'basic' in verify;
  const basic = byBasic || provider?.secret === 'basic';
  return { names: new Set(names), basic, ...(provider?.sandboxSecret && { make: provider.sandboxSecret }) };
}

/** The guillemets are no part of a variable's name, so that no mark is the beginning of another. */
function markOf(name: string): string {
  return `«${name}»`;
}

function keptSecret(folder: string, name: string, make: () => string, create: boolean): string | undefined {
  const path = join(folder, name);
  const kept = readSecretFile(path);
  if (kept.ok) return kept.value;
  if (kept.problem !== 'does not exist') throw new UsageError([`the sandbox secret ${path} ${kept.problem}`], 1);
  if (!create) return undefined;
  makeSecret(folder, path, make());
  // Read again: another process may have been first.
  const made = readSecretFile(path);
  if (!made.ok) throw new UsageError([`the sandbox secret ${path} ${made.problem}`], 1);
  return made.value;
}

function makeSecret(folder: string, path: string, secret: string): void {
  const aside = `${path}.${process.pid}-${randomBytes(6).toString('hex')}`;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(aside, `${secret}\n`, { mode: 0o600, flag: 'wx', flush: true });
    linkSync(aside, path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EEXIST') throw new UsageError([`cannot keep a sandbox secret as ${path} (${code ?? 'error'})`], 1);
  } finally {
    rmSync(aside, { force: true });
  }
}
