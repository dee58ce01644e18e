/**
 * The settings of a relay, read once from the environment. Every mistake is reported at once, each with the name, what
 * is allowed, and the nearest right word; a secret's value is never repeated.
 */
import { BlockList, isIP } from 'node:net';
import { UsageError } from '../errors.ts';
import type { Rate } from '../model.ts';
import { type Environment, readSecretFile, setText } from './environment.ts';
import type { Parsed, TrustProxy } from './kinds.ts';
import { didYouMean } from './nearest.ts';
import { type SettingName, settingNames, settingRow, type settingsTable } from './settings-table.ts';
import { shown } from './shown.ts';

export type Region = 'us' | 'eu' | 'in';
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export type Settings = {
  readonly mixpanel: {
    /** Null: the sandbox takes the destination's place. */
    readonly token: string | null;
    readonly region: Region;
    /** Without a slash at its end. */
    readonly apiUrl: string;
    readonly trackFormat: 'json' | 'form';
    /** When `/import` is used. */
    readonly import: 'auto' | 'always' | 'never';
  };
  readonly public: { readonly host: string; readonly port: number };
  readonly admin: {
    readonly host: string;
    readonly port: number;
    readonly token: string | null;
    /** May only read; not null only beside `token`. */
    readonly readToken: string | null;
  };
  /** Without a slash at its end. */
  readonly publicUrl: string | null;
  readonly mappingsDir: string;
  readonly dataDir: string;
  /** Null: the buffer is in `dataDir`. */
  readonly redis: {
    /** May hold a password. */
    readonly url: string;
    readonly shards: number;
    readonly durability: 'strict' | 'accept-loss';
  } | null;
  /** Null: mappings that call `$pseudonym` are refused. */
  readonly pseudonymKey: string | null;
  readonly trustProxy: TrustProxy;
  readonly bodyBytesMax: number;
  readonly refusedPerAddress: Rate;
  readonly bufferBytesMax: number;
  readonly keepDeliveriesMs: number;
  readonly giveUpAfterMs: number;
  readonly batch: { readonly eventsMax: number; readonly bytesMax: number; readonly lingerMs: number };
  readonly sendConcurrency: number;
  readonly retry: { readonly baseMs: number; readonly maxMs: number; readonly jitterMs: readonly [number, number] };
  readonly sendTimeoutMs: number;
  readonly logLevel: LogLevel;
};

/** Mixpanel's documented hosts, one for each place data may live. */
export const mixpanelUrls: Readonly<Record<Region, string>> = {
  us: 'https://api.mixpanel.com',
  eu: 'https://api-eu.mixpanel.com',
  in: 'https://api-in.mixpanel.com',
};

type Parses<Row> = Row extends { readonly kind: { readonly parse: (text: string) => Parsed<infer T> } } ? T : never;
type Value<Name extends SettingName> =
  | Parses<(typeof settingsTable)[Name]>
  | ((typeof settingsTable)[Name] extends { readonly default: string } ? never : null);
type Values = { readonly [Name in SettingName]: Value<Name> };

export function readSettings(env: Environment): Settings {
  const problems = [...unknownNames(env)];
  const values: Record<string, unknown> = {};
  for (const name of settingNames) {
    const read = readOne(env, name);
    if (read.ok) values[name] = read.value;
    else problems.push(read.problem);
  }
  // What did not parse is absent here; combinations look only at what is there.
  problems.push(...badCombinations(values as Partial<Values>));
  if (problems.length > 0) throw new UsageError(problems);
  return nested(values as Values);
}

export type Given =
  | { readonly from: 'default' | 'environment' | 'file'; readonly text: string | null }
  | { readonly from: 'problem'; readonly problem: string };

/** The text of a setting and where it came from, before it is parsed. */
export function givenText(env: Environment, name: SettingName): Given {
  const row = settingRow(name);
  const direct = setText(env, name);
  const path = row.secret ? setText(env, `${name}_FILE`) : undefined;
  if (direct !== undefined && path !== undefined) {
    return { from: 'problem', problem: `${name} and ${name}_FILE are both set: keep one.` };
  }
  if (path !== undefined) {
    const file = readSecretFile(path);
    if (file.ok) return { from: 'file', text: file.value };
    return { from: 'problem', problem: `${name}_FILE: the file ${shown(path)} ${file.problem}.` };
  }
  return direct === undefined ? { from: 'default', text: row.default ?? null } : { from: 'environment', text: direct };
}

function readOne(env: Environment, name: SettingName): Parsed<unknown> {
  const given = givenText(env, name);
  if (given.from === 'problem') return { ok: false, problem: given.problem };
  if (given.text === null) return { ok: true, value: null };
  const row = settingRow(name);
  const parsed = row.kind.parse(given.text);
  if (parsed.ok) return parsed;
  const value = row.secret ? 'a secret value' : shown(given.text);
  return { ok: false, problem: `${name} ${parsed.problem}; it is ${value}.${serviceLinkHint(given.text)}` };
}

/** Kubernetes sets RELAY_PORT=tcp://… in every pod beside a Service named `relay`. */
function serviceLinkHint(text: string): string {
  return /^(tcp|udp):\/\//.test(text)
    ? ' Kubernetes sets this for a Service named "relay": set enableServiceLinks: false in the pod, or name the Service otherwise.'
    : '';
}

function* unknownNames(env: Environment): Generator<string> {
  const known = new Set<string>(settingNames);
  for (const name of settingNames) if (settingRow(name).secret) known.add(`${name}_FILE`);
  for (const name of Object.keys(env).sort()) {
    if (setText(env, name) === undefined || known.has(name)) continue;
    const bare = name.replace(/_FILE$/, '');
    if (name.startsWith('RELAY_')) {
      yield known.has(bare)
        ? `${name} is no setting: ${bare} is no secret, so it cannot come from a file.`
        : `${name} is no setting${didYouMean(name, known)}.${serviceLinkHint(env[name] ?? '')}`;
    }
  }
}

function* badCombinations(values: Partial<Values>): Generator<string> {
  const { RELAY_ADMIN_HOST: adminHost, RELAY_HOST: host } = values;
  if (adminHost !== undefined && values.RELAY_ADMIN_TOKEN === null && !isLoopback(adminHost)) {
    yield `RELAY_ADMIN_HOST is ${adminHost}, which others can reach: set RELAY_ADMIN_TOKEN, or keep it on 127.0.0.1.`;
  }
  const { RELAY_ADMIN_TOKEN: adminToken, RELAY_ADMIN_READ_TOKEN: readToken } = values;
  if (readToken != null && adminToken === null) {
    yield 'RELAY_ADMIN_READ_TOKEN is set without RELAY_ADMIN_TOKEN, so that anybody on this machine may do everything: set both.';
  }
  if (readToken != null && readToken === adminToken) {
    yield 'RELAY_ADMIN_READ_TOKEN is the same as RELAY_ADMIN_TOKEN: it may only read, so it must be another one.';
  }
  const port = values.RELAY_PORT;
  const wildcard = (name: string | undefined) => name === '0.0.0.0' || name === '::';
  if (port !== undefined && port !== 0 && port === values.RELAY_ADMIN_PORT) {
    if (host === adminHost || wildcard(host) || wildcard(adminHost)) {
      yield `RELAY_PORT and RELAY_ADMIN_PORT are both ${port}: the public and the private listener need a port each.`;
    }
  }
  const { REDIS_URL: redis, RELAY_REDIS_SHARDS: shards, RELAY_REDIS_DURABILITY: durability } = values;
  const redisMeant = (shards ?? 1) !== 1 || (durability ?? 'strict') !== 'strict';
  if (redis === null && redisMeant) {
    yield 'RELAY_REDIS_SHARDS or RELAY_REDIS_DURABILITY is set without REDIS_URL: the buffer would be in RELAY_DATA_DIR all the same.';
  }
  const { RELAY_RETRY_BASE: base, RELAY_RETRY_MAX: max } = values;
  if (base !== undefined && max !== undefined && base > max) {
    yield 'RELAY_RETRY_BASE is longer than RELAY_RETRY_MAX.';
  }
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Only this machine can reach it. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return loopback.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

function nested(values: Values): Settings {
  return {
    mixpanel: {
      token: values.MIXPANEL_TOKEN,
      region: values.MIXPANEL_REGION,
      apiUrl: values.MIXPANEL_API_URL ?? mixpanelUrls[values.MIXPANEL_REGION],
      trackFormat: values.MIXPANEL_TRACK_FORMAT,
      import: values.MIXPANEL_IMPORT,
    },
    public: { host: values.RELAY_HOST, port: values.RELAY_PORT },
    admin: {
      host: values.RELAY_ADMIN_HOST,
      port: values.RELAY_ADMIN_PORT,
      token: values.RELAY_ADMIN_TOKEN,
      readToken: values.RELAY_ADMIN_READ_TOKEN,
    },
    publicUrl: values.RELAY_PUBLIC_URL,
    mappingsDir: values.RELAY_MAPPINGS_DIR,
    dataDir: values.RELAY_DATA_DIR,
    redis:
      values.REDIS_URL === null
        ? null
        : { url: values.REDIS_URL, shards: values.RELAY_REDIS_SHARDS, durability: values.RELAY_REDIS_DURABILITY },
    pseudonymKey: values.RELAY_PSEUDONYM_KEY,
    trustProxy: values.RELAY_TRUST_PROXY,
    bodyBytesMax: values.RELAY_MAX_BODY_BYTES,
    refusedPerAddress: values.RELAY_REFUSED_PER_ADDRESS,
    bufferBytesMax: values.RELAY_BUFFER_MAX_BYTES,
    keepDeliveriesMs: values.RELAY_KEEP_DELIVERIES,
    giveUpAfterMs: values.RELAY_GIVE_UP_AFTER,
    batch: {
      eventsMax: values.RELAY_BATCH_MAX_EVENTS,
      bytesMax: values.RELAY_BATCH_MAX_BYTES,
      lingerMs: values.RELAY_BATCH_LINGER,
    },
    sendConcurrency: values.RELAY_SEND_CONCURRENCY,
    retry: { baseMs: values.RELAY_RETRY_BASE, maxMs: values.RELAY_RETRY_MAX, jitterMs: values.RELAY_RETRY_JITTER },
    sendTimeoutMs: values.RELAY_SEND_TIMEOUT,
    logLevel: values.RELAY_LOG_LEVEL,
  };
}
