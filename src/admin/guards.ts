/**
 * Who may speak to the private port. With a token: who has it. Without one, which is only possible on loopback: who asks
 * by a loopback name. A web page the operator happens to visit can make a browser send requests here (its own name made
 * to point to 127.0.0.1, or a plain cross-site form); Host and Origin tell such requests apart.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import { ProblemError } from './problems.ts';

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

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

/** The token is compared as a digest, in constant time: neither its letters nor its length show in the time taken. */
export function tokenGuard(token: string): RequestHandler {
  const right = digest(token);
  return (req, res, next) => {
    const given = /^Bearer +([\x21-\x7e]+) *$/i.exec(req.headers.authorization ?? '')?.[1];
    if (given !== undefined && timingSafeEqual(digest(given), right)) return next();
    const error = given === undefined ? '' : ', error="invalid_token"';
    res.set('www-authenticate', `Bearer realm="trackrelay"${error}`);
    throw new ProblemError('unauthorized');
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
