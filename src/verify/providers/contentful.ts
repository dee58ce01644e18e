/**
 * Contentful signs method, path, the headers it lists and the body, one beneath the other. Its query is escaped twice, as
 * its own library does it. That library takes 30 s by default, too few for whatever waits in a queue on the way.
 */
import querystring from 'node:querystring';
import { type Checker, failed, type Preparation, passed } from '../checker.ts';
import type { UnsignedRequest } from '../contract.ts';
import { fittingSecret, urlNeeded } from '../key-match.ts';
import { type Chunks, type Key, prepareKeys } from '../keys.ts';
import type { Provider } from '../provider.ts';
import { type Digest, defaultToleranceMs, utf8Key } from '../scheme.ts';
import { formatTime, outsideWindow, parseTime } from '../timestamp.ts';

const header = 'x-contentful-signature';
const list = 'x-contentful-signed-headers';
const time = 'x-contentful-timestamp';
const topic = 'x-contentful-topic';
/** Contentful's own are four; its users may add some. */
const namesMax = 40;
const digest: Digest = { algorithm: 'sha256', encoding: 'hex', key: utf8Key };

function prepare(preparation: Preparation): Checker {
  const { secrets, problems } = preparation;
  const keys = prepareKeys([digest], secrets, problems);
  const urlOf = urlNeeded(preparation);
  const toleranceMs = preparation.toleranceMs ?? defaultToleranceMs;
  if (secrets.some((secret) => secret !== '' && secret.length !== 64)) {
    problems.push('the secret is not the Signing Secret: that has 64 characters');
  }
  return {
    check(request, now) {
      const signature = request.headers[header];
      if (signature === undefined) return failed(`the header ${header} is missing`);
      const signedAt = parseTime(request.headers[time] ?? '', 'ms');
      if (signedAt === null) return failed(`the header ${time} is missing or no time in ms`);
      const message = canonical(request, urlOf(request.target));
      if (typeof message === 'string') return failed(message);
      const secret = fittingSecret(keys, [message], signature);
      if (secret === -1) return failed(`${header} does not fit: another secret, URL, or a changed body`);
      const outside = outsideWindow(signedAt, now, toleranceMs);
      return outside === null ? passed(secret) : failed(outside);
    },
    sign({ method, target, headers, body }, now) {
      const own = { ...headers, [time]: formatTime(now, 'ms') };
      const names = Object.keys(own).filter((name) => name.startsWith('x-contentful-') && name !== header);
      const all = { ...own, [list]: [...new Set([...names, list])].sort().join(',') };
      const message = canonical({ method, headers: all, body }, urlOf(target)) as Chunks;
      const signed = { [time]: all[time], [list]: all[list], [header]: (keys[0] as Key).sign(message) ?? '' };
      return { target, headers: signed };
    },
    proofHeaders: [header],
    proofQuery: [],
  };
}

/** A string says why there is none. */
function canonical({ method, headers, body }: Omit<UnsignedRequest, 'target'>, url: string): Chunks | string {
  const names = (headers[list] ?? '').split(',');
  if (names.length > namesMax) return `the header ${list} names more than ${namesMax}`;
  // Its own library always signs these two; without them anybody could give an old webhook a new time.
  if (!names.includes(list) || !names.includes(time)) return `the header ${list} does not name ${list} and ${time}`;
  if (new Set(names).size !== names.length) return `the header ${list} names one twice`;
  const missing = names.find((name) => !Object.hasOwn(headers, name));
  if (missing !== undefined) return `the header ${missing.slice(0, 80)} is signed but missing`;
  const values = names.map((name) => `${name}:${headers[name]?.trim()}`).join(';');
  const path = /^[a-z]+:\/\/[^/?#]*([^#]*)/i.exec(url)?.[1] ?? '';
  const [name = '', search = ''] = path.split('?');
  const escaped = encodeURI(search === '' ? name : `${name}?${querystring.escape(search)}`);
  return [`${method}\n${escaped}\n${values}\n`, body];
}

export const provider: Provider = {
  name: 'contentful',
  label: 'Contentful',
  confidence: 'vendor-sdk',
  docs: 'https://www.contentful.com/developers/docs/webhooks/request-verification/',
  secret:
    'The Signing Secret of the space (Settings → Webhooks → Settings → Enable request verification): 64 characters.',
  register: 'Settings → Webhooks → Add Webhook → URL; its path and query must equal those of `url` in source.yaml.',
  proof: {
    kind: 'own',
    proof: `HMAC-SHA256 in the header ${header}`,
    signed: `{method}, path and query of {url}, the headers that {header:${list}} names, {body}: a line each`,
    toleranceMs: defaultToleranceMs,
    prepare,
  },
  deliveryId: [
    [{ header: topic }, { body: 'sys.updatedAt', optional: true }, { body: 'sys.id' }, { content: true }],
    [{ header: topic }, { content: true }],
  ],
  eventType: [[{ header: topic }]],
  eventTime: { at: 'sys.updatedAt', form: 'ISO 8601' },
};
