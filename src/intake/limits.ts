/**
 * The two limits at the door, both by express-rate-limit:
 * - each address, over what it had refused, asked before anything of the request is read; good webhooks never count;
 * - each source, over its verified webhooks (`limits.accept`), so that a forger cannot use up a provider's share.
 * With a Redis they hold over all relays together (`SharedCounting`); while it is slow or gone each relay keeps them by itself.
 * Headers are written on refusals only: on every answer they were measured to halve the rate.
 */
import { createHash } from 'node:crypto';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import type { Clock } from '../clock.ts';
import type { Rate } from '../model.ts';
import { refuse } from './answers.ts';
import type { SharedCounting } from './shared-counting.ts';
import { SharedStore } from './shared-store.ts';
import { WindowStore } from './window-store.ts';

/** 50,000 addresses at about 100 bytes each; beyond, the oldest window is forgotten. */
const ADDRESSES_MAX = 50_000;
/** A whole network counts as one sender: what a customer of a hoster is usually given. */
const IPV6_PREFIX = 56;

export type Limiter = {
  /** Counts one request. False: it was one too many and has been answered 429. */
  admit(req: Request, res: Response): Promise<boolean>;
};

export type AddressLimiter = {
  /** True when this address has used up its refusals; the request has then been answered 429. */
  refuses(req: Request, res: Response): Promise<boolean>;
  /** Counts a refusal. */
  count(req: Request): void;
};

/** A limiter counts whole requests: `0.5/s` becomes 1 in 2 s, `2.5/s` becomes 5 in 2 s. */
export function wholeWindow(rate: Rate): { limit: number; windowMs: number } {
  if (rate.count < 1) return { limit: 1, windowMs: Math.ceil(rate.windowMs / rate.count) };
  for (let times = 1; times <= 60; times++) {
    const count = rate.count * times;
    if (Math.abs(count - Math.round(count)) < 1e-9)
      return { limit: Math.round(count), windowMs: rate.windowMs * times };
  }
  return { limit: Math.floor(rate.count), windowMs: rate.windowMs };
}

/** Draft-8 of the IETF's RateLimit fields, and `Retry-After`, both in whole seconds from now. */
function rateHeaders(it: { name: string; limit: number; windowMs: number; key: string; leftMs: number }) {
  const seconds = Math.max(1, Math.ceil(it.leftMs / 1000));
  const partition = createHash('sha256').update(it.key).digest('base64').slice(0, 16);
  return {
    'retry-after': seconds,
    ratelimit: `"${it.name}"; r=0; t=${seconds}`,
    'ratelimit-policy': `"${it.name}"; q=${it.limit}; w=${Math.ceil(it.windowMs / 1000)}; pk=:${partition}:`,
  };
}

type LimitOptions = {
  readonly rate: Rate;
  readonly clock: Clock;
  /** How relays count together; absent: this one is alone. */
  readonly shared?: SharedCounting | undefined;
};

type Limit = {
  /** The windows as this relay knows them; asking them costs no way to Redis. */
  readonly windows: WindowStore;
  readonly store: WindowStore | SharedStore;
  readonly limit: number;
  readonly windowMs: number;
};

function openLimit(name: string, keysMax: number, { rate, clock, shared }: LimitOptions): Limit {
  const { limit, windowMs } = wholeWindow(rate);
  const windows = new WindowStore({ name, windowMs, keysMax, clock });
  const store = shared ? new SharedStore({ counting: shared, windows, limit, clock }) : windows;
  return { windows, store, limit, windowMs };
}

function middleware(name: string, it: Limit, keyOf: (req: Request) => string): RequestHandler {
  const { windows, store, limit, windowMs } = it;
  return rateLimit({
    windowMs,
    limit,
    store,
    identifier: name,
    keyGenerator: keyOf,
    standardHeaders: false,
    legacyHeaders: false,
    // Its hints go to the console, which is not ours to write to, and are for who sets it up by trial.
    validate: false,
    handler: (req, res) => {
      const key = keyOf(req);
      refuse(res, 'limited', rateHeaders({ name, limit, windowMs, key, leftMs: windows.leftMs(key) }));
    },
  });
}

/** Runs the limiter as middleware; an error inside it lets the webhook pass: a limiter never costs one. */
async function passes(limiter: RequestHandler, req: Request, res: Response): Promise<boolean> {
  let passed = false;
  const next: NextFunction = () => {
    passed = true;
  };
  await limiter(req, res, next);
  return passed;
}

export function sourceLimiter(options: LimitOptions & { readonly source: string }): Limiter {
  const { source } = options;
  const limiter = middleware(source, openLimit(`source:${source}`, 1, options), () => source);
  return { admit: (req, res) => passes(limiter, req, res) };
}

/** Whom an address counts as. */
export function addressKey(address: string | undefined): string {
  return ipKeyGenerator(address ?? 'unknown', IPV6_PREFIX);
}

/**
 * Whether an address is over is known without asking Redis: each refusal brings back what all relays have counted. So a good webhook
 * never waits for it, and what an address may have too much is what other relays had refused it since, some milliseconds ago.
 */
export function addressLimiter(options: LimitOptions): AddressLimiter {
  const it = openLimit('address', ADDRESSES_MAX, options);
  const { windows, store, limit } = it;
  const keyOf = (req: Request) => addressKey(req.ip);
  const limiter = middleware('address', it, keyOf);
  return {
    refuses: async (req, res) => {
      if (windows.idle || windows.hits(keyOf(req)) < limit) return false;
      return !(await passes(limiter, req, res));
    },
    count: (req) => void store.increment(keyOf(req)),
  };
}
