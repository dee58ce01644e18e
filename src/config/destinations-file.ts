/**
 * Where events go: `destinations.yaml` in RELAY_MAPPINGS_DIR, which names destinations, or without it the one that the
 * environment describes. Every problem is told at once, with line and column; none repeats a value.
 *
 * A variable that is not set makes an optional key as if it were not there, and is a problem in a required one.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../errors.ts';
import { environment, lookupVariable } from './environment.ts';
import { webAddress } from './kinds.ts';
import { didYouMean } from './nearest.ts';
import { reportIssue } from './schema-problems.ts';
import { mixpanelUrls, type Settings } from './settings.ts';
import { DESTINATION_DEFAULT } from './source-rules.ts';
import { readYaml, type YamlTree } from './yaml-tree.ts';

export type ImportUse = 'auto' | 'always' | 'never';

export type MixpanelConfig = {
  readonly name: string;
  readonly type: 'mixpanel';
  readonly token: string;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly format: 'json' | 'form';
  readonly import: ImportUse;
  /** Whether `$identify`, `$create_alias` and `$merge` may be sent. */
  readonly identity: 'simplified' | 'original';
  /** For `/import`; null: the token alone. */
  readonly serviceAccount: { readonly user: string; readonly secret: string; readonly projectId: string } | null;
};

export type BloomreachConfig = {
  readonly name: string;
  readonly type: 'bloomreach';
  readonly baseUrl: string;
  readonly projectToken: string;
  readonly key: { readonly id: string; readonly secret: string } | { readonly publicToken: string };
  /** Which id a `distinct_id` becomes. */
  readonly customerIdType: string;
  /** Whether a mapping's `ip` may be sent as X-Forwarded-For. */
  readonly endUserAddress: boolean;
};

export type SandboxConfig = { readonly name: string; readonly type: 'sandbox' };

export type DestinationConfig = MixpanelConfig | BloomreachConfig | SandboxConfig;

export const DESTINATIONS_FILE = 'destinations.yaml';

/**
 * The destinations of these settings, with the variables of the environment. `names`: only what they are called matters
 * (`check` runs where the variables are not): one that is not set is no problem.
 */
export function destinationsOf(
  settings: Pick<Settings, 'mixpanel' | 'mappingsDir'>,
  use: 'all' | 'names' = 'all',
): readonly DestinationConfig[] {
  const file = join(settings.mappingsDir, DESTINATIONS_FILE);
  const lookup = (variable: string) => lookupVariable(variable, environment());
  const named = (variable: string) => lookup(variable) ?? 'https://not-set.example';
  return readDestinations({ settings, text: textOf(file), file, lookup: use === 'all' ? lookup : named });
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new UsageError([`${file} cannot be read (${code ?? 'error'})`]);
  }
}

/** Each has its own queue, connections and health; more is somebody's list of everything. */
const destinationsMax = 20;

const secretText = z.string().min(1, 'must not be empty').max(1_000, 'must be at most 1000 characters');
const idType = z.string().regex(/^[A-Za-z0-9_]{1,64}$/, 'must be the name of an id type, like registered');
const baseUrl = z.string().transform((text, context) => {
  const parsed = webAddress.parse(text);
  if (parsed.ok) return parsed.value;
  context.addIssue({ code: 'custom', message: parsed.problem });
  return z.NEVER;
});

/** A number to look at, but a name: Mixpanel needs it beside a service account. */
const projectId = z.preprocess((given) => (typeof given === 'number' ? String(given) : given), secretText);

const mixpanel = z.strictObject({
  type: z.literal('mixpanel'),
  token: secretText,
  region: z.enum(['us', 'eu', 'in']).default('us'),
  base_url: baseUrl.optional(),
  format: z.enum(['json', 'form']).default('json'),
  import: z.enum(['auto', 'always', 'never']).default('auto'),
  identity: z.enum(['simplified', 'original']).default('simplified'),
  service_account: z.strictObject({ user: secretText, secret: secretText, project_id: projectId }).optional(),
});

const bloomreach = z.strictObject({
  type: z.literal('bloomreach'),
  base_url: baseUrl,
  project_token: secretText,
  api_key_id: secretText.optional(),
  api_secret: secretText.optional(),
  public_token: secretText.optional(),
  customer_ids: z.union([idType, z.strictObject({ distinct_id: idType })]).default('registered'),
  end_user_address: z.boolean().default(false),
});

const sandbox = z.strictObject({ type: z.literal('sandbox') });

const types = { mixpanel, bloomreach, sandbox } as const;
const schema = z.strictObject({
  destinations: z.record(
    z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be named by small letters, digits and -'),
    z.discriminatedUnion('type', [mixpanel, bloomreach, sandbox]),
  ),
});

export type DestinationsOptions = {
  readonly settings: Pick<Settings, 'mixpanel'>;
  /** Text of the file; null: there is none. */
  readonly text: string | null;
  /** How the file is called in problems. */
  readonly file: string;
  readonly lookup: (variable: string) => string | undefined;
};

/** Throws UsageError with every problem. */
export function readDestinations(options: DestinationsOptions): readonly DestinationConfig[] {
  const { settings, text } = options;
  if (text === null) return [fromEnvironment(settings.mixpanel)];
  const problems: string[] = [];
  const problem = ({ line, column }: { line: number; column: number }, message: string) =>
    void problems.push(`${options.file}:${line}:${column} ${message}`);
  const tree = readYaml(text, { lookup: options.lookup, verbatim: new Set() });
  for (const complaint of tree.complaints) problem(complaint, complaint.message);
  const value = withoutUnset(tree, problem);
  const parsed = schema.safeParse(value);
  if (problems.length === 0 && !parsed.success) {
    for (const issue of parsed.error.issues) reportIssue(issue, [], { tree, problem, hint: hintFor(value) });
  }
  if (!parsed.success || problems.length > 0) throw new UsageError([...new Set(problems)]);
  const configs = Object.entries(parsed.data.destinations).map(([name, one]) => configOf(name, one));
  for (const config of configs) {
    if (typeof config === 'string') problems.push(`${options.file} ${config}`);
  }
  if (configs.length === 0) problems.push(`${options.file} names no destination`);
  if (configs.length > destinationsMax)
    problems.push(`${options.file} names more than ${destinationsMax} destinations`);
  if (problems.length > 0) throw new UsageError(problems);
  return configs.filter((config) => typeof config !== 'string');
}

function fromEnvironment(mixpanelSettings: Settings['mixpanel']): DestinationConfig {
  const name = DESTINATION_DEFAULT;
  const { token, apiUrl, trackFormat, import: use } = mixpanelSettings;
  if (token === null) return { name, type: 'sandbox' };
  return {
    ...{ name, type: 'mixpanel', token, baseUrl: apiUrl, format: trackFormat },
    ...{ import: use, identity: 'simplified', serviceAccount: null },
  };
}

type FileEntry = z.output<typeof schema>['destinations'][string];

/** A string says what is wrong. */
function configOf(name: string, entry: FileEntry): DestinationConfig | string {
  if (entry.type === 'sandbox') return { name, type: 'sandbox' };
  if (entry.type === 'mixpanel') {
    const { token, format, identity, region, service_account: account } = entry;
    const serviceAccount = account
      ? { user: account.user, secret: account.secret, projectId: account.project_id }
      : null;
    const address = entry.base_url ?? mixpanelUrls[region];
    return { name, type: 'mixpanel', token, baseUrl: address, format, import: entry.import, identity, serviceAccount };
  }
  const { api_key_id: id, api_secret: secret, public_token: publicToken, customer_ids: ids } = entry;
  const whole = id !== undefined && secret !== undefined;
  if (whole === (publicToken !== undefined) || (id === undefined) !== (secret === undefined)) {
    return `${name}: needs either api_key_id with api_secret, or public_token`;
  }
  return {
    ...{ name, type: 'bloomreach', baseUrl: entry.base_url, projectToken: entry.project_token },
    key: publicToken === undefined ? { id: `${id}`, secret: `${secret}` } : { publicToken },
    customerIdType: typeof ids === 'string' ? ids : ids.distinct_id,
    endUserAddress: entry.end_user_address,
  };
}

/** The values without what holds an unset variable; where that is needed, the variable is named. */
function withoutUnset(tree: YamlTree, problem: (place: { line: number; column: number }, message: string) => void) {
  const value = structuredClone(tree.value) as { destinations?: Record<string, Record<string, unknown>> } | null;
  for (const path of tree.unfilled) {
    const [top, name = '', key = '', inner] = path.split('.');
    const entry = value?.destinations?.[name];
    const shape = types[`${entry?.type}` as keyof typeof types]?.shape as Record<string, z.ZodType> | undefined;
    if (top === 'destinations' && inner === undefined && entry && shape?.[key]?.safeParse(undefined).success) {
      delete entry[key];
    } else {
      const names = tree.missing.join(', ');
      problem(tree.placeOf(path.split('.')), `${key || path} needs a variable that is not set (not set: ${names})`);
    }
  }
  return value;
}

function hintFor(value: unknown): (at: string, key: string) => string {
  return (at, key) => {
    if (at === '') return didYouMean(key, ['destinations']);
    const entry = (value as { destinations?: Record<string, { type?: unknown }> })?.destinations?.[
      at.split('.')[1] ?? ''
    ];
    const shape = types[`${entry?.type}` as keyof typeof types]?.shape;
    return didYouMean(key, Object.keys(shape ?? {}));
  };
}

/** Everything in it that nobody else may see. */
export function secretsOfDestination(config: DestinationConfig): readonly string[] {
  if (config.type === 'sandbox') return [];
  if (config.type === 'mixpanel') {
    return [config.token, ...(config.serviceAccount ? [config.serviceAccount.secret] : [])];
  }
  return 'secret' in config.key ? [config.key.secret] : [config.key.publicToken];
}
