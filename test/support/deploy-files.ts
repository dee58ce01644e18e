/** What deployment files say, as far as tests hold it against the code: compose.yaml and deploy/kubernetes/. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { settingNames, settingRow } from '../../src/config/settings-table.ts';
import { root } from './program.ts';

export type ComposeService = {
  readonly image: string;
  readonly build?: unknown;
  readonly command?: readonly string[];
  readonly init?: boolean;
  readonly read_only?: boolean;
  readonly tmpfs?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
  readonly profiles?: readonly string[];
  readonly ports?: readonly string[];
  readonly expose?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
  readonly privileged?: boolean;
  readonly user?: string;
  readonly deploy?: { readonly replicas?: number };
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
};
export type ComposeFile = {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly networks?: Readonly<Record<string, { readonly internal?: boolean } | null>>;
  readonly secrets: Readonly<Record<string, unknown>>;
};

const read = (file: string) => readFileSync(join(root, file), 'utf8');

export function composeFile(): ComposeFile {
  return parse(read('compose.yaml'), { merge: true }) as ComposeFile;
}

/** The variables that the sample sources name. */
export const sourceSecrets = readdirSync(join(root, 'mappings'))
  .filter((name) => /^[a-z]/.test(name))
  .flatMap((source) =>
    [...read(`mappings/${source}/source.yaml`).matchAll(/^[a-z_]+: \$\{(\w+)\}/gm)].map(([, name]) => name as string),
  );

const secretSettings = settingNames.filter((name) => settingRow(name).secret);

/** Every variable that a deployment may give a relay. */
export const knownVariables: ReadonlySet<string> = new Set([
  ...settingNames,
  ...sourceSecrets,
  ...[...secretSettings, ...sourceSecrets].map((name) => `${name}_FILE`),
]);

/**
 * The environment as the relay's settings see it: secrets are mounted only where it is deployed, so what matters is that
 * one is given.
 */
export function settingsGiven(variables: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => {
      if (name.endsWith('_FILE')) return [name.slice(0, -'_FILE'.length), standIn(name)];
      return [name, isReference(value) ? standIn(name) : String(value)];
    }),
  );
}

/** Kubernetes' `valueFrom`, as test/support/manifests.ts writes it. */
function isReference(value: string): boolean {
  return String(value).startsWith('{"secretKeyRef"');
}

/** Something that passes for the secret of this name. */
function standIn(name: string): string {
  return name.startsWith('REDIS_URL') ? 'redis://redis:6379' : `given-for-${name.toLowerCase()}`;
}
