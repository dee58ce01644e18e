/**
 * Sources that show the secret itself: a token in a header or the query, Basic, a key in the path, or nothing at all.
 * Both sides are hashed before they are compared, so that neither length nor content shows in the time it takes.
 */
import { Buffer } from 'node:buffer';
import { hash, timingSafeEqual } from 'node:crypto';
import { type Checked, type Checker, failed, lastFitting, type Preparation, passed } from './checker.ts';
import { decodeStrictly } from './keys.ts';
import { oneBytePerCharacter } from './message.ts';
import type { ProofForm } from './scheme.ts';

export type SharedSecretForm = Exclude<ProofForm, { kind: 'signature' | 'own' }>;

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
    case 'bearer':
      return bearer(first, fits);
    case 'authorization':
      return authorization(first, fits);
    case 'path_key':
      return pathKey(first, fits);
    case 'none':
      preparation.warnings.push('nothing is verified: anybody who knows its address can send to it');
      return {
        check: () => passed(),
        sign: ({ target }) => ({ target, headers: {} }),
        proofHeaders: [],
        proofQuery: [],
      };
  }
}

/** `otherwise`: why not, when none of the secrets is what was shown. */
type Fits = (shown: string | Uint8Array, otherwise: string) => Checked;

/** For proofs that come as a text; also for what providers declare beside the secret, such as Meta's verify token. */
export function secretMatcher(secrets: readonly string[]): Fits {
  const right = secrets.map((secret) => hash('sha256', secret, 'buffer'));
  return (shown, otherwise) => {
    const hashed = hash('sha256', shown, 'buffer');
    const secret = lastFitting(right, (one) => timingSafeEqual(hashed, one));
    return secret === -1 ? failed(otherwise) : passed(secret);
  };
}

function headerToken(header: string, secret: string, fits: Fits): Checker {
  return {
    check(request) {
      const shown = request.headers[header];
      if (typeof shown !== 'string') return failed(`the header ${header} is missing`);
      return fits(asSent(shown), `the token in the header ${header} is another one, or came twice`);
    },
    sign: ({ target }) => ({ target, headers: { [header]: oneBytePerCharacter(secret) } }),
    proofHeaders: [header],
    proofQuery: [],
  };
}

function queryToken(name: string, secret: string, fits: Fits): Checker {
  return {
    check(request) {
      const shown = Object.hasOwn(request.query, name) ? request.query[name] : undefined;
      if (shown === undefined) return failed(`the query field ${name} is missing`);
      if (typeof shown !== 'string') return failed(`the query field ${name} came twice`);
      return fits(shown, `the token in the query field ${name} is another one`);
    },
    sign({ target }) {
      const field = `${encodeURIComponent(name)}=${encodeURIComponent(secret)}`;
      return { target: `${target}${target.includes('?') ? '&' : '?'}${field}`, headers: {} };
    },
    proofHeaders: [],
    proofQuery: [name],
  };
}

const noAuthorization = 'the header authorization is missing';

function bearer(secret: string, fits: Fits): Checker {
  const field = 'access_token';
  const inQuery = queryToken(field, secret, fits);
  return {
    check(request, now) {
      const shown = request.headers.authorization;
      if (shown === undefined) {
        return Object.hasOwn(request.query, field) ? inQuery.check(request, now) : failed(noAuthorization);
      }
      if (shown.slice(0, 7).toLowerCase() !== 'bearer ') return failed('the header authorization is not Bearer');
      return fits(asSent(shown.slice(7)), 'the bearer token is another one');
    },
    sign: ({ target }) => ({ target, headers: { authorization: `Bearer ${oneBytePerCharacter(secret)}` } }),
    proofHeaders: ['authorization'],
    proofQuery: [field],
  };
}

function authorization(secret: string, fits: Fits): Checker {
  return {
    check(request) {
      const shown = request.headers.authorization;
      if (shown === undefined) return failed(noAuthorization);
      const scheme = shown.slice(0, shown.indexOf(' ') + 1).toLowerCase();
      const rest = shown.slice(scheme.length);
      const bytes = scheme === 'basic ' ? decodeStrictly(rest, 'base64') : scheme === 'bearer ' ? asSent(rest) : null;
      const whole = fits(asSent(shown), 'the header authorization holds something else');
      return bytes === null || whole.ok ? whole : fits(bytes, 'the header authorization holds something else');
    },
    sign: (request, now) => (secret.includes(':') ? basic(secret, fits) : bearer(secret, fits)).sign(request, now),
    proofHeaders: ['authorization'],
    proofQuery: [],
  };
}

function basic(secret: string, fits: Fits): Checker {
  return {
    check(request) {
      const shown = request.headers.authorization;
      if (typeof shown !== 'string') return failed(noAuthorization);
      if (shown.slice(0, 6).toLowerCase() !== 'basic ') return failed('the header authorization is not Basic');
      const bytes = decodeStrictly(shown.slice(6), 'base64');
      if (bytes === null) return failed('the header authorization is not base64');
      return fits(bytes, 'user or password are others');
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
      if (request.pathKey === null) return failed('the key at the end of the path is missing');
      return fits(request.pathKey, 'the key at the end of the path is another one');
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
