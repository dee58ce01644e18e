/**
 * Sources that show the secret itself: a token in a header or the query, Basic, a key in the path, or nothing at all.
 * Both sides are hashed before they are compared, so that neither length nor content shows in the time it takes.
 */
import { Buffer } from 'node:buffer';
import { hash, timingSafeEqual } from 'node:crypto';
import type { Checker, Preparation } from './checker.ts';
import { decodeStrictly } from './keys.ts';
import type { ProofForm } from './scheme.ts';

export type SharedSecretForm = Exclude<ProofForm, { kind: 'signature' }>;

export function prepareSharedSecret(form: SharedSecretForm, preparation: Preparation): Checker {
  const { secrets } = preparation;
  const fits = secretMatcher(secrets);
  const first = secrets[0] ?? '';
  switch (form.kind) {
    case 'token':
      return 'header' in form ? headerToken(form.header, first, fits) : queryToken(form.query, first, fits);
    case 'basic':
      if (secrets.some((secret) => !secret.includes(':')))
        preparation.problems.push('the secret is not of the form user:password');
      return basic(first, fits);
    case 'path_key':
      return pathKey(first, fits);
    case 'none':
      preparation.warnings.push('nothing is verified: anybody who knows its address can send to it');
      return { check: () => null, sign: ({ target }) => ({ target, headers: {} }), proofHeaders: [], proofQuery: [] };
  }
}

type Fits = (shown: string | Uint8Array) => boolean;

function secretMatcher(secrets: readonly string[]): Fits {
  const right = secrets.map((secret) => hash('sha256', secret, 'buffer'));
  return (shown) => {
    const hashed = hash('sha256', shown, 'buffer');
    let matched = false;
    for (const secret of right) matched = timingSafeEqual(hashed, secret) || matched;
    return matched;
  };
}

function headerToken(header: string, secret: string, fits: Fits): Checker {
  return {
    check(request) {
      const shown = request.headers[header];
      if (typeof shown !== 'string') return `the header ${header} is missing`;
      return fits(asSent(shown)) ? null : `the token in the header ${header} is another one, or came twice`;
    },
    sign: ({ target }) => ({ target, headers: { [header]: Buffer.from(secret, 'utf8').toString('latin1') } }),
    proofHeaders: [header],
    proofQuery: [],
  };
}

function queryToken(name: string, secret: string, fits: Fits): Checker {
  return {
    check(request) {
      const shown = Object.hasOwn(request.query, name) ? request.query[name] : undefined;
      if (shown === undefined) return `the query field ${name} is missing`;
      if (typeof shown !== 'string') return `the query field ${name} came twice`;
      return fits(shown) ? null : `the token in the query field ${name} is another one`;
    },
    sign({ target }) {
      const field = `${encodeURIComponent(name)}=${encodeURIComponent(secret)}`;
      return { target: `${target}${target.includes('?') ? '&' : '?'}${field}`, headers: {} };
    },
    proofHeaders: [],
    proofQuery: [name],
  };
}

function basic(secret: string, fits: Fits): Checker {
  return {
    check(request) {
      const shown = request.headers.authorization;
      if (typeof shown !== 'string') return 'the header authorization is missing';
      if (shown.slice(0, 6).toLowerCase() !== 'basic ') return 'the header authorization is not Basic';
      const bytes = decodeStrictly(shown.slice(6), 'base64');
      if (bytes === null) return 'the header authorization is not base64';
      return fits(bytes) ? null : 'user or password are others';
    },
    sign: ({ target }) => ({
      target,
      headers: { authorization: `Basic ${Buffer.from(secret, 'utf8').toString('base64')}` },
    }),
    proofHeaders: ['authorization'],
    proofQuery: [],
  };
}

function pathKey(secret: string, fits: Fits): Checker {
  return {
    check(request) {
      if (request.pathKey === null) return 'the key at the end of the path is missing';
      return fits(request.pathKey) ? null : 'the key at the end of the path is another one';
    },
    sign({ target }) {
      const query = target.indexOf('?');
      const path = query === -1 ? target : target.slice(0, query);
      const rest = query === -1 ? '' : target.slice(query);
      return { target: `${path.replace(/\/+$/, '')}/${encodeURIComponent(secret)}${rest}`, headers: {} };
    },
    proofHeaders: [],
    proofQuery: [],
  };
}

/** A header's bytes as sent: Node shows each as one character; a character wider than that never was in a header. */
function asSent(header: string): Uint8Array {
  const bytes = Buffer.from(header, 'latin1');
  return bytes.toString('latin1') === header ? bytes : Buffer.alloc(0);
}
