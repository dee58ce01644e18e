/**
 * The settings: one row each. Parsing, `trackrelay config`, `--help` and README's table all come from here.
 * The default is written as the user would write it, and goes through the same parser.
 */
import {
  bad,
  duration,
  durationRange,
  folder,
  host,
  type Kind,
  oneOf,
  rate,
  redisAddress,
  token,
  trustProxy,
  webAddress,
  wholeNumber,
} from './kinds.ts';

export type SettingRow<T> = {
  readonly kind: Kind<T>;
  /** Undefined: unset means nothing, or what `unset` says. */
  readonly default?: string;
  /** What stands in place of a default. */
  readonly unset?: string;
  readonly meaning: string;
  /** Masked wherever it is shown, and readable from `NAME_FILE`. */
  readonly secret?: true;
};

const PORT = wholeNumber({ min: 0, max: 65_535 }, 'port');
/** A year: longer is a slip of the unit. */
const YEAR_MS = 8_760 * 3_600_000;
/** Bodies are held in memory while they are read and verified. */
const BODY_BYTES_LIMIT = 104_857_600;
/** Mixpanel takes at most 2,000 events and documents 2 MB as the smallest of its ceilings. */
const BATCH_EVENTS_LIMIT = 2_000;
const BATCH_BYTES_LIMIT = 2_000_000;
const DAY_MS = 86_400_000;
/** Each has two connections of every relay. */
const REDIS_SHARDS_LIMIT = 64;
/** Whoever guesses the key can try every e-mail address there is. */
const PSEUDONYM_KEY_CHARACTERS_MIN = 16;
const pseudonymKey: Kind<string> = {
  written: 'text',
  parse: (text) =>
    text.length < PSEUDONYM_KEY_CHARACTERS_MIN
      ? bad(`must be at least ${PSEUDONYM_KEY_CHARACTERS_MIN} characters, like those of \`openssl rand -hex 32\``)
      : token.parse(text),
};

export const settingsTable = {
  MIXPANEL_TOKEN: {
    kind: token,
    secret: true,
    meaning: 'Project token of the default destination `mixpanel`. Unset: the built-in sandbox takes its place.',
  },
  MIXPANEL_REGION: {
    kind: oneOf('us', 'eu', 'in'),
    default: 'us',
    meaning: 'Where the project lives.',
  },
  MIXPANEL_API_URL: {
    kind: webAddress,
    unset: 'by region',
    meaning: 'Another base URL of Mixpanel: a proxy, a test double.',
  },
  MIXPANEL_TRACK_FORMAT: {
    kind: oneOf('json', 'form'),
    default: 'json',
    meaning: 'How batches are sent: as JSON, or as `data=` in a form.',
  },
  MIXPANEL_IMPORT: {
    kind: oneOf('auto', 'always', 'never'),
    default: 'auto',
    meaning:
      'When events go to `/import`: those too old for `/track` (`auto`), all of them, for an answer about each (`always`), or none: too old is then a dead letter.',
  },
  RELAY_HOST: { kind: host, default: '0.0.0.0', meaning: 'Address of the public listener: webhooks and probes.' },
  RELAY_PORT: { kind: PORT, default: '8080', meaning: 'Port of the public listener; 0 takes a free one.' },
  RELAY_ADMIN_HOST: {
    kind: host,
    default: '127.0.0.1',
    meaning: 'Address of the private listener: console, API, metrics, detailed health.',
  },
  RELAY_ADMIN_PORT: { kind: PORT, default: '8081', meaning: 'Port of the private listener; 0 takes a free one.' },
  RELAY_ADMIN_TOKEN: {
    kind: token,
    secret: true,
    meaning: 'Bearer token of the private listener; required unless it is bound to loopback.',
  },
  RELAY_ADMIN_READ_TOKEN: {
    kind: token,
    secret: true,
    meaning: 'A second bearer token of the private listener, which may only read; goes with RELAY_ADMIN_TOKEN.',
  },
  RELAY_PUBLIC_URL: {
    kind: webAddress,
    meaning: 'What providers see, like `https://hooks.example.com`: for showing URLs and for signatures over the URL.',
  },
  RELAY_MAPPINGS_DIR: { kind: folder, default: './mappings', meaning: 'Where the folders of the sources are.' },
  RELAY_DATA_DIR: { kind: folder, default: './data', meaning: 'Where accepted webhooks and waiting events are kept.' },
  REDIS_URL: {
    kind: redisAddress,
    secret: true,
    meaning:
      'Redis 7 or newer that several relays share (`rediss://` over TLS; `NODE_EXTRA_CA_CERTS` names an authority of your own): buffer, limits and repeats are kept there, and RELAY_DATA_DIR holds nothing that matters.',
  },
  RELAY_REDIS_SHARDS: {
    kind: wholeNumber({ min: 1, max: REDIS_SHARDS_LIMIT }),
    default: '1',
    meaning:
      'Parts that the buffer in Redis is kept in, each in a slot of its own of a cluster. The same for all relays.',
  },
  RELAY_REDIS_DURABILITY: {
    kind: oneOf('strict', 'accept-loss'),
    default: 'strict',
    meaning:
      '`accept-loss` starts on a Redis that may lose what it was given (no append-only file, not synced, or evicting), and warns for ever.',
  },
  RELAY_PSEUDONYM_KEY: {
    kind: pseudonymKey,
    secret: true,
    meaning: 'Key of the mapping function `$pseudonym`, 16 characters or more. Another key makes other pseudonyms.',
  },
  RELAY_TRUST_PROXY: {
    kind: trustProxy,
    default: '0',
    meaning: 'Number of proxies in front, or the networks they are in (`10.0.0.0/8,192.168.1.7`).',
  },
  RELAY_MAX_BODY_BYTES: {
    kind: wholeNumber({ min: 1, max: BODY_BYTES_LIMIT }, 'bytes'),
    default: '1048576',
    meaning: 'Largest body of a webhook; a larger one gets 413.',
  },
  RELAY_REFUSED_PER_ADDRESS: {
    kind: rate,
    default: '600/min',
    meaning: 'Refused requests one address may cause before it gets 429 without being read.',
  },
  RELAY_BUFFER_MAX_BYTES: {
    kind: wholeNumber({ min: 1, max: Number.MAX_SAFE_INTEGER }, 'bytes'),
    default: '1073741824',
    meaning: 'Bound of everything kept; settled history gives way first, full of waiting work the relay answers 503.',
  },
  RELAY_KEEP_DELIVERIES: {
    kind: duration({ min: 1_000, max: YEAR_MS }),
    default: '72h',
    meaning: 'How long accepted webhooks stay, for replay and to know repeats.',
  },
  RELAY_GIVE_UP_AFTER: {
    kind: duration({ min: 1_000, max: YEAR_MS }),
    default: '72h',
    meaning: 'Age at which an event that cannot be delivered becomes a dead letter.',
  },
  RELAY_BATCH_MAX_EVENTS: {
    kind: wholeNumber({ min: 1, max: BATCH_EVENTS_LIMIT }),
    default: '2000',
    meaning: 'Most events in one request.',
  },
  RELAY_BATCH_MAX_BYTES: {
    kind: wholeNumber({ min: 1, max: BATCH_BYTES_LIMIT }, 'bytes'),
    default: '1900000',
    meaning: 'Most bytes in one request, before compression.',
  },
  RELAY_BATCH_LINGER: {
    kind: duration({ min: 0, max: 3_600_000 }),
    default: '250ms',
    meaning: 'How long a batch that is not full waits for more.',
  },
  RELAY_SEND_CONCURRENCY: {
    kind: wholeNumber({ min: 1, max: 1_000 }),
    default: '10',
    meaning: 'Requests in flight to one destination.',
  },
  RELAY_RETRY_BASE: {
    kind: duration({ min: 1, max: DAY_MS }),
    default: '2s',
    meaning: 'First wait before a batch is sent again; doubles each time.',
  },
  RELAY_RETRY_MAX: { kind: duration({ min: 1, max: DAY_MS }), default: '60s', meaning: 'Longest such wait.' },
  RELAY_RETRY_JITTER: { kind: durationRange, default: '1s-5s', meaning: 'Chance added to each wait.' },
  RELAY_SEND_TIMEOUT: {
    kind: duration({ min: 1, max: 3_600_000 }),
    default: '30s',
    meaning: 'How long a destination may take to answer.',
  },
  RELAY_LOG_LEVEL: {
    kind: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    default: 'info',
    meaning: 'Least important line that is logged.',
  },
} as const satisfies Record<string, SettingRow<unknown>>;

export type SettingName = keyof typeof settingsTable;
export const settingNames = Object.keys(settingsTable) as readonly SettingName[];

/** The row of a setting, seen without its value's type. */
export function settingRow(name: SettingName): SettingRow<unknown> {
  return settingsTable[name];
}

/** `--help`: one line a setting. */
export function settingsHelp(): string {
  const width = Math.max(...settingNames.map((name) => name.length));
  return settingNames
    .map((name) => `  ${name.padEnd(width)}  ${settingRow(name).meaning}${helpDefault(name)}`)
    .join('\n');
}

function helpDefault(name: SettingName): string {
  const { default: value, unset } = settingRow(name);
  return value === undefined && unset === undefined ? '' : ` [${value ?? unset}]`;
}

/** README's table. */
export function settingsMarkdown(): string {
  const lines = settingNames.map((name) => {
    const row = settingRow(name);
    const fallback = row.default === undefined ? (row.unset ?? '–') : `\`${row.default}\``;
    const meaning = row.secret ? `${row.meaning} Also as \`${name}_FILE\`.` : row.meaning;
    return `| \`${name}\` | ${fallback} | ${meaning} |`;
  });
  return ['| name | default | meaning |', '|---|---|---|', ...lines].join('\n');
}
