/**
 * Who may speak to the private port. With a token: who has it, or the second one, which may only read. Without one, which
 * is only possible on loopback: who asks by a loopback name. A web page the operator happens to visit can make a browser
 * send requests here (its own name made to point to 127.0.0.1, or a plain cross-site form); Host and Origin tell such
 * requests apart.
 *
 * Wrong tokens are counted by address. An address that brought too many is answered slowly, not shut out: each of its
 * tokens waits a second to be looked at, and the right one then passes. Behind one proxy all have one address, and a
 * stranger must not lock the operator out with twenty requests; a guesser gets at most 20 looks a second all the same.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import type { Clock } from '../clock.ts';
import { ProblemError } from './problems.ts';
import { setCaller } from './router.ts';

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Wrong tokens of one address in a window; it knows addresses only, never what was tried. */
export type Attempts = {
  readonly wrong: (address: string) => void;
  /** Milliseconds until this address may try at once again; 0: it may. */
  readonly overMs: (address: string) => number;
};

export type TokenGuardOptions = {
  readonly clock: Clock;
  /** Null: everybody who gets here may do everything. */
  readonly token: string | null;
  /** May only read; null: there is none. */
  readonly readToken: string | null;
  readonly attempts: Attempts;
};

/** How long a token of an address that guessed too often waits to be looked at, and how many may wait: 20 looks a second in all. */
const SLOW_MS = 1_000;
const SLOW_MAX = 20;

export function hostGuard(): RequestHandler {
  return (req, _res, next) => {
    if (!LOOPBACK_HOST.test(req.headers.host ?? '')) {
      throw new ProblemError('foreign_host', 'Ask by localhost or 127.0.0.1, or set RELAY_ADMIN_TOKEN.');
    }
    next();
  };
}

/** Requests that change something must not come from the page of another site. */
export function originGuard(): RequestHandler {
  return (req, _res, next) => {
    if (!READING.has(req.method) && isForeign(req)) throw new ProblemError('foreign_origin');
    next();
  };
}

/** Made by the page of another site. */
export function isForeign({ headers }: Pick<Request, 'headers'>): boolean {
  const { origin, host } = headers;
  const foreignSite = /^(cross-site|same-site)$/i.test(String(headers['sec-fetch-site'] ?? ''));
  // `Origin: null` (a sandboxed frame, a file) has no host and is foreign too.
  return foreignSite || (origin !== undefined && URL.parse(origin)?.host !== host?.toLowerCase());
}

/** Tokens are compared as digests, in constant time: neither their letters nor their length show in the time taken. */
export function tokenGuard({ clock, token, readToken, attempts }: TokenGuardOptions): RequestHandler {
  const full = token === null ? null : digest(token);
  const read = readToken === null ? null : digest(readToken);
  let slow = 0;

  return async (req, res, next) => {
    const address = req.socket.remoteAddress ?? 'unknown';
    if (full === null) {
      setCaller(res, { access: 'full', by: `no token, ${address}` });
      return next();
    }
    const given = /^Bearer +([\x21-\x7e]+) *$/i.exec(req.headers.authorization ?? '')?.[1];
    if (given === undefined) {
      res.set('www-authenticate', 'Bearer realm="trackrelay"');
      throw new ProblemError('unauthorized');
    }
    const overMs = attempts.overMs(address);
    if (overMs > 0) {
      if (slow >= SLOW_MAX) throw tooMany(overMs);
      slow += 1;
      await clock.wait(SLOW_MS);
      slow -= 1;
    }
    const shown = digest(given);
    // Both are always compared, so that the time does not tell which it was.
    const [isFull, isRead] = [timingSafeEqual(shown, full), read !== null && timingSafeEqual(shown, read)];
    if (isFull || isRead) {
      setCaller(
        res,
        isFull
          ? { access: 'full', by: `RELAY_ADMIN_TOKEN, ${address}` }
          : { access: 'read', by: `RELAY_ADMIN_READ_TOKEN, ${address}` },
      );
      return next();
    }
    attempts.wrong(address);
    if (overMs > 0) throw tooMany(overMs);
    res.set('www-authenticate', 'Bearer realm="trackrelay", error="invalid_token"');
    throw new ProblemError('unauthorized');
  };
}

function tooMany(overMs: number): ProblemError {
  const seconds = Math.max(1, Math.ceil(overMs / 1_000));
  return new ProblemError(
    'too_many_attempts',
    `Wrong tokens of this address are counted; wait ${seconds} s.`,
    {},
    seconds,
  );
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
