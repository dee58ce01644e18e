/**
 * HubSpot signs in three ways and says in its headers which: v3 is an HMAC over method, URL, body and time; v1 and v2
 * are plain hashes that begin with the secret, without a time. Where v3 is there it decides alone.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { UsageError } from '../../errors.ts';
import { type Checked, type Checker, failed, lastFitting, type Preparation, passed } from '../checker.ts';
import type { RawRequest } from '../contract.ts';
import { fittingSecret } from '../key-match.ts';
import { decodeStrictly, type Key, prepareKeys } from '../keys.ts';
import { oneBytePerCharacter, urlMissing } from '../message.ts';
import type { Provider } from '../provider.ts';
import { type Digest, defaultToleranceMs, utf8Key } from '../scheme.ts';
import { formatTime, outsideWindow, parseTime } from '../timestamp.ts';

const newest = 'x-hubspot-signature-v3';
const time = 'x-hubspot-request-timestamp';
const older = 'x-hubspot-signature';
const digest: Digest = { algorithm: 'sha256', encoding: 'base64', key: utf8Key };

function prepare(preparation: Preparation): Checker {
  const keys = prepareKeys([digest], preparation.secrets, preparation.problems);
  const { urlOf } = preparation;
  if (urlOf === null) preparation.warnings.push(`only v1 can be checked: ${urlMissing}`);
  const toleranceMs = preparation.toleranceMs ?? defaultToleranceMs;
  return {
    check(request, now) {
      const signature = request.headers[newest];
      const url = urlOf?.(request.target) ?? null;
      if (signature === undefined) return checkOlder(request, url, preparation.secrets);
      if (url === null) return failed(urlMissing);
      const shown = request.headers[time] ?? '';
      const signedAt = parseTime(shown, 'ms');
      if (signedAt === null) return failed(`the header ${time} is missing or no time in ms`);
      const messages = [...new Set([decoded(url), url])].map((one) => newestMessage(request, one, shown));
      const secret = fittingSecret(keys, messages, signature);
      if (secret === -1) return failed(`${newest} does not fit: another client secret, or the URL is not ${url}`);
      const outside = outsideWindow(signedAt, now, toleranceMs);
      return outside === null ? passed(secret) : failed(outside);
    },
    sign(request, now) {
      if (urlOf === null) throw new UsageError([`cannot sign: ${urlMissing}`]);
      const shown = formatTime(now, 'ms');
      const message = newestMessage(request, decoded(urlOf(request.target)), shown);
      const headers = { [time]: shown, [newest]: (keys[0] as Key).sign(message) ?? '' };
      return { target: request.target, headers };
    },
    proofHeaders: [newest, older],
    proofQuery: [],
  };
}

function newestMessage({ method, body }: Pick<RawRequest, 'method' | 'body'>, url: string, shown: string) {
  return [oneBytePerCharacter(method + url), body, shown];
}

/** The vendor's list (see `docs`): these are signed decoded, all others as they stand. */
const decodedOnes = /%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/gi;

function decoded(url: string): string {
  return url.replace(decodedOnes, (one) => String.fromCharCode(Number.parseInt(one.slice(1), 16)));
}

function checkOlder({ method, headers, body }: RawRequest, url: string | null, secrets: readonly string[]): Checked {
  const signature = headers[older];
  if (signature === undefined) return failed(`the header ${newest} is missing, and ${older} too`);
  const version = headers['x-hubspot-signature-version'];
  if (version !== 'v1' && version !== 'v2') return failed('x-hubspot-signature-version is neither v1 nor v2');
  if (version === 'v2' && url === null) return failed(urlMissing);
  // v1 signs the body alone: of a GET that is nothing.
  if (version === 'v1' && method !== 'POST') return failed('a signature of version v1 says nothing of this method');
  const bytes = decodeStrictly(signature, 'hex');
  if (bytes?.length !== 32) return failed(`${older} is no SHA-256 in hex`);
  const secret = lastFitting(secrets, (one) => {
    const hashed = createHash('sha256').update(one);
    if (version === 'v2') hashed.update(method + url);
    return timingSafeEqual(hashed.update(body).digest(), bytes);
  });
  return secret === -1 ? failed(`${older} (${version}) does not fit: another client secret or URL`) : passed(secret);
}

export const provider: Provider = {
  name: 'hubspot',
  label: 'HubSpot',
  confidence: 'documented',
  docs: 'https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation',
  secret: "The app's Client secret (the app → Auth).",
  register: 'The app → Webhooks → Target URL; it must equal `url` in source.yaml.',
  proof: {
    kind: 'own',
    proof: `HMAC-SHA256 in the header ${newest}, or SHA-256 in ${older}`,
    signed: `{method}{url}{body}{header:${time}}`,
    toleranceMs: defaultToleranceMs,
    prepare,
  },
  urlOptional: true,
  batch: '',
  // `attemptNumber` in the body grows with each try, and `eventId` alone is not promised to be unique.
  deliveryId: [[{ each: ['eventId', 'subscriptionId', 'occurredAt', 'objectId', 'propertyName', 'propertyValue'] }]],
  eventType: [[{ item: 'subscriptionType' }]],
  eventTime: { at: 'occurredAt', form: 'ms' },
  methods: ['GET'],
};
