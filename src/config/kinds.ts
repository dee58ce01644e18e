/**
 * The kinds of value a setting or a source file may hold: how each is written, and its parser. A parser gives the
 * value, or a sentence that says what is allowed; it never throws and never repeats what it was given (it may be secret).
 */
import { isIP } from 'node:net';
import type { Rate } from '../model.ts';

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };
export type Kind<T> = { readonly written: string; readonly parse: (text: string) => Parsed<T> };

export const good = <T>(value: T): Parsed<T> => ({ ok: true, value });
export const bad = (problem: string): Parsed<never> => ({ ok: false, problem });

/** Longest delay a timer takes (2^31 - 1 ms, 24.8 days): a longer one would fire at once. */
const TIMER_MAX_MS = 2_147_483_647;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000 };

export function parseDuration(text: string): Parsed<number> {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)(ms|s|m|h)$/.exec(text);
  if (!match) return bad('must be a duration like 250ms, 2s, 5m or 72h');
  return good(Math.round(Number(match[1]) * (UNIT_MS[match[2] as string] as number)));
}

export function formatDuration(ms: number): string {
  for (const unit of ['h', 'm', 's'] as const) {
    const size = UNIT_MS[unit] as number;
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

export function duration(bounds: { readonly min: number; readonly max: number }): Kind<number> {
  return {
    written: 'duration',
    parse: (text) => {
      const parsed = parseDuration(text);
      if (!parsed.ok || (parsed.value >= bounds.min && parsed.value <= bounds.max)) return parsed;
      return bad(`must be from ${formatDuration(bounds.min)} to ${formatDuration(bounds.max)}`);
    },
  };
}

/** `1s-5s`: shortest and longest. */
export const durationRange: Kind<readonly [number, number]> = {
  written: 'two durations',
  parse: (text) => {
    const [low, high, ...rest] = text.split('-');
    const from = parseDuration(low ?? '');
    const to = parseDuration(high ?? '');
    if (!from.ok || !to.ok || rest.length > 0) return bad('must be two durations like 1s-5s');
    if (from.value > to.value) return bad('must begin with the shorter duration, like 1s-5s');
    if (to.value > TIMER_MAX_MS) return bad('must not be longer than 24 days');
    return good([from.value, to.value] as const);
  },
};

/**
 * `600/min`, `0.5/s`. The count is made whole, for limiters that count requests, and the window stretched or shrunk
 * so that the rate stays exactly as written: 0.5/s is one in two seconds. A window longer than a timer takes is cut to it.
 */
export function parseRate(text: string): Parsed<Rate> {
  const match = /^(\d{1,12}(?:\.\d{1,12})?)\/(s|min|h)$/.exec(text);
  const wanted = match ? Number(match[1]) : 0;
  if (!match || wanted <= 0) return bad('must be a positive number per s, min or h, like 600/min, 100/s or 0.5/s');
  const count = Math.max(1, Math.floor(wanted));
  const windowMs = Math.round(((UNIT_MS[match[2] as string] as number) * count) / wanted);
  return good({ count, windowMs: Math.min(TIMER_MAX_MS, windowMs) });
}

/** As it could have been written: `600/min`; one in two seconds is `1/2s`. */
export function formatRate({ count, windowMs }: Rate): string {
  const unit = ['s', 'min', 'h'].find((name) => UNIT_MS[name] === windowMs);
  return `${count}/${unit ?? formatDuration(windowMs)}`;
}

export const rate: Kind<Rate> = { written: 'rate', parse: parseRate };

export function wholeNumber(bounds: { readonly min: number; readonly max: number }, written = 'number'): Kind<number> {
  const allowed = `must be a whole number from ${bounds.min} to ${bounds.max}`;
  return {
    written,
    parse: (text) => {
      const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
      return value >= bounds.min && value <= bounds.max ? good(value) : bad(allowed);
    },
  };
}

export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return {
    written: words.map((word) => `\`${word}\``).join(', '),
    parse: (text) => {
      const found = words.find((word) => word === text);
      return found === undefined ? bad(`must be one of ${words.join(', ')}`) : good(found);
    },
  };
}

/** Goes into a header or a JSON body: visible ASCII, no blanks (a blank is nearly always a slip of the clipboard). */
export const token: Kind<string> = {
  written: 'text',
  parse: (text) =>
    /^[\x21-\x7e]{1,1000}$/.test(text)
      ? good(text)
      : bad('must be at most 1000 visible ASCII characters without blanks'),
};

export const folder: Kind<string> = {
  written: 'folder',
  parse: (text) => (text.includes('\0') || text.length > 4096 ? bad('must be the path of a folder') : good(text)),
};

/** An IP address or a host name. An IPv6 address may stand in brackets; they are taken off. */
export const host: Kind<string> = {
  written: 'address',
  parse: (text) => {
    const bare = /^\[.*\]$/.test(text) ? text.slice(1, -1) : text;
    const name = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;
    // All digits and dots but no address (1.2.3) would be read as something else by the resolver.
    const ok = isIP(bare) !== 0 || (bare === text && name.test(text) && !/^[\d.]+$/.test(text));
    return ok ? good(bare) : bad('must be an IP address or a host name, without a port');
  },
};

/** http or https, without what an address that is shown and joined with paths must not have. */
export const webAddress: Kind<string> = {
  written: 'URL',
  parse: (text) => {
    const url = URL.parse(text);
    if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:') || !/^https?:\/\//i.test(text)) {
      return bad('must be an http:// or https:// address');
    }
    if (url.username !== '' || url.password !== '') return bad('must not hold a user name or password');
    if (url.search !== '' || url.hash !== '') return bad('must not hold a query or fragment');
    return good(url.href.replace(/\/+$/, ''));
  },
};

/** Where Redis is; a user name and password may be in it, and a database number as its path. */
export const redisAddress: Kind<string> = {
  written: 'URL',
  parse: (text) => {
    const url = URL.parse(text);
    if (!url || !/^rediss?:$/.test(url.protocol) || url.hostname === '')
      return bad('must be a redis:// or rediss:// address');
    if (!/^\/?\d*$/.test(url.pathname)) return bad('may have the number of a database as its path, nothing else');
    if (!isEncoded(url.username + url.password))
      return bad('must have its user and password percent-encoded: a % in them is written %25');
    return good(text);
  },
};

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

export type TrustProxy = number | readonly string[];

/** Number of hops, or the networks the proxies are in. Believing everybody would let each sender choose its address. */
export const trustProxy: Kind<TrustProxy> = {
  written: 'hops or networks',
  parse: (text) => {
    if (/^\d+$/.test(text)) return Number(text) <= 32 ? good(Number(text)) : bad('must be at most 32 hops');
    if (/^true$/i.test(text))
      return bad(
        'must not be true: then every sender could choose the address it is counted by; give the number of proxies or their networks',
      );
    const networks = text.split(',').map((part) => part.trim());
    if (networks.length > 100) return bad('must be at most 100 networks');
    for (const network of networks) {
      const problem = networkProblem(network);
      if (problem !== undefined) return bad(problem);
    }
    return good(networks);
  },
};

function networkProblem(network: string): string | undefined {
  const [address = '', prefix, ...rest] = network.split('/');
  const family = address.includes('%') ? 0 : isIP(address);
  const bits = family === 4 ? 32 : 128;
  const right =
    family !== 0 && rest.length === 0 && (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits));
  if (!right) return 'must be a number of proxies, or networks like 10.0.0.0/8,192.168.1.7';
  return Number(prefix) === 0 ? 'must not trust every address (/0)' : undefined;
}
