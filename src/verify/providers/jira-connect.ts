/**
 * Jira's webhooks to Connect apps carry a token that is bound to method, path and query (`qsh`), not to the body. The path
 * counts from the app's `baseUrl`. Tokens of the other kind, that are good for any URL, are none of a webhook.
 */
import { hash } from 'node:crypto';
import { type Checker, failed, type Preparation, passed } from '../checker.ts';
import { hmacKeys, readToken, signedByHs256, untimely, writeHs256 } from '../jwt.ts';
import { sameText, urlNeeded } from '../key-match.ts';
import type { Provider } from '../provider.ts';

/** Atlassian's libraries make them good for three minutes; how long Jira does is not written. */
const ageMs = 900_000;
const lifetimeSeconds = 180;

function prepare(preparation: Preparation): Checker {
  const { secrets, fields } = preparation;
  const keys = hmacKeys(secrets);
  const urlOf = urlNeeded(preparation);
  const base = fields.base_url?.[0] ?? '';
  return {
    check({ method, target, headers, query }, now) {
      const shown = headers.authorization ?? query.jwt;
      if (typeof shown !== 'string') return failed('the header authorization is missing, and the query has no one jwt');
      if (headers.authorization !== undefined && !/^jwt /i.test(shown)) return failed('authorization is no JWT');
      const token = readToken(headers.authorization === undefined ? shown : shown.slice(4));
      if (typeof token === 'string') return failed(token);
      const secret = signedByHs256(token, keys);
      if (secret === -1) return failed('the token is not signed with the shared secret by HS256');
      const { qsh } = token.claims;
      const same = typeof qsh === 'string' && sameText(qsh, queryHash(method, urlOf(target), base));
      if (!same) return failed('the token is for another request (qsh): another method, path, query or base_url');
      const wrong = untimely(token, now, preparation.toleranceMs ?? ageMs);
      return wrong === null ? passed(secret) : failed(wrong);
    },
    sign({ method, target }, now) {
      const iat = Math.floor(now / 1000);
      const claims = { iat, exp: iat + lifetimeSeconds, qsh: queryHash(method, urlOf(target), base) };
      return { target, headers: { authorization: `JWT ${writeHs256(claims, secrets[0] ?? '')}` } };
    },
    proofHeaders: ['authorization'],
    proofQuery: ['jwt'],
  };
}

/** https://developer.atlassian.com/cloud/bitbucket/query-string-hash/ */
function queryHash(method: string, url: string, base: string): string {
  const [address = '', ...queries] = url.split('?');
  const below = base !== '' && address.startsWith(base) ? address.slice(base.length) : null;
  const path = below ?? /^[a-z]+:\/\/[^/]*(.*)$/i.exec(address)?.[1] ?? '';
  const canonical = `/${path.replace(/^\/|\/$/g, '')}`.replaceAll('&', '%26');
  return hash('sha256', `${method}&${canonical}&${canonicalQuery(queries.join('?'))}`, 'hex');
}

/** By encoded name, then by encoded value; what came more than once is one parameter with commas. */
function canonicalQuery(query: string): string {
  const parameters = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === 'jwt') continue;
    const known = parameters.get(encoded(name));
    if (known) known.push(encoded(value));
    else parameters.set(encoded(name), [encoded(value)]);
  }
  const names = [...parameters.keys()].sort();
  return names.map((name) => `${name}=${parameters.get(name)?.sort().join(',')}`).join('&');
}

/** RFC 3986: nothing stands for itself but letters, digits and `-._~`. */
function encoded(text: string): string {
  const code = (one: string) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[!'()*]/g, code);
}

export const provider: Provider = {
  name: 'jira-connect',
  label: 'Jira (Connect app)',
  confidence: 'unconfirmed',
  docs: 'https://developer.atlassian.com/cloud/jira/platform/understanding-jwt-for-connect-apps/',
  secret: 'The sharedSecret that the `installed` callback brought, one for each site that installed the app.',
  register: 'modules → webhooks → url in the app descriptor.',
  fields: [
    {
      name: 'base_url',
      required: false,
      secret: false,
      pattern: /^https?:\/\/[^?#\s]+$/,
      shape: 'a URL without a query',
      what: 'the baseUrl of the app descriptor, when it has a path',
    },
  ],
  proof: {
    kind: 'own',
    proof: 'JWT (HS256) in the header authorization, or jwt in the query',
    signed: '{method}, path and query of {url}, as the claim qsh',
    toleranceMs: ageMs,
    prepare,
  },
  deliveryId: [[{ header: 'x-atlassian-webhook-identifier' }]],
  eventType: [[{ body: 'webhookEvent' }]],
  eventTime: { at: 'timestamp', form: 'ms' },
};
