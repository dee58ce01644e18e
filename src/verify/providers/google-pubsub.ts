/**
 * Google Pub/Sub pushes with an OpenID token of the service account you choose; the message is not part of it. Anybody with
 * a Google account can have a token made for any audience: only the service account tells yours from theirs.
 */
import { UsageError } from '../../errors.ts';
import { type Checker, failed, type Preparation, passed } from '../checker.ts';
import { readToken, signedByRs256, type Token, untimely } from '../jwt.ts';
import type { Provider } from '../provider.ts';
import { keptReader, readKeySet } from '../published-keys.ts';

const keysUrl = 'https://www.googleapis.com/oauth2/v3/certs';
/** Google changes its keys about once a week, and shows new ones before it uses them. */
const keysAgeMs = 6 * 3_600_000;
/** So soon the keys are not asked for again, whatever id a token names. */
const unknownKeyAgeMs = 60_000;
/** Tokens are good for an hour and used until they end; a minute for the clocks. */
const ageMs = 3_660_000;
const issuers: readonly unknown[] = ['https://accounts.google.com', 'accounts.google.com'];

function prepare({ fields, remote, toleranceMs, warnings }: Preparation): Checker {
  const read = keptReader(readKeySet);
  const audiences: readonly unknown[] = fields.audience ?? [];
  const accounts: readonly unknown[] = fields.service_account ?? [];
  if (accounts.length === 0) {
    warnings.push('anybody with a Google account can make a token for this audience: set `service_account`');
  }
  const stranger = ({ claims }: Token): string | null => {
    if (!issuers.includes(claims.iss)) return 'the token is not from accounts.google.com';
    if (!audiences.includes(claims.aud)) return 'the token is for another audience';
    if (accounts.length === 0) return null;
    const ours = accounts.includes(claims.email) && claims.email_verified === true;
    return ours ? null : 'the token is of another service account';
  };
  return {
    check({ headers }, now) {
      const shown = headers.authorization;
      if (shown === undefined || !/^bearer /i.test(shown))
        return failed('the header authorization is missing or not Bearer');
      const token = readToken(shown.slice(7));
      if (typeof token === 'string') return failed(token);
      const refused = stranger(token);
      if (refused !== null) return failed(refused);
      if (token.algorithm !== 'RS256' || token.keyId === null) return failed('the token is not signed by RS256');
      const keys = remote.get(keysUrl, keysAgeMs);
      const key = keys === null ? undefined : read(keys).get(token.keyId);
      if (key === undefined) {
        const fresh = remote.get(keysUrl, unknownKeyAgeMs) !== null;
        return {
          ok: false,
          reason: "Google's keys do not hold that of the token",
          ...(fresh ? {} : { wants: keysUrl }),
        };
      }
      if (!signedByRs256(token, key)) return failed('the token is not signed by Google');
      const wrong = untimely(token, now, toleranceMs ?? ageMs);
      return wrong === null ? passed() : failed(wrong);
    },
    sign: () => {
      throw new UsageError(['cannot sign: only Google has the key']);
    },
    proofHeaders: ['authorization'],
    proofQuery: [],
  };
}

export const provider: Provider = {
  name: 'google-pubsub',
  label: 'Google Pub/Sub',
  confidence: 'documented',
  docs: 'https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions',
  secret: 'There is none: Google signs with its own key. `audience` and `service_account` say whose pushes are taken.',
  register: 'The subscription → Delivery type Push → Endpoint URL, with Enable authentication.',
  secretFrom: 'none',
  fields: [
    {
      name: 'audience',
      required: true,
      secret: false,
      what: 'the Audience of the push subscription; left empty there, it is the URL',
    },
    {
      name: 'service_account',
      required: false,
      secret: false,
      pattern: /^[^@\s]+@[^@\s]+$/,
      shape: 'the e-mail address of a service account',
      what: 'the e-mail of the service account chosen under Enable authentication; without it, strangers can send',
    },
  ],
  proof: {
    kind: 'own',
    proof: 'OpenID token (RS256) in the header authorization',
    signed: null,
    toleranceMs: ageMs,
    prepare,
  },
  reaches: [{ host: /^www\.googleapis\.com$/, path: /^\/oauth2\/v3\/certs$/ }],
  deliveryId: [[{ body: 'subscription', optional: true }, { body: 'message.messageId' }]],
  eventType: [
    [{ body: 'message.attributes.eventType' }],
    [{ body: 'message.attributes.ce-type' }],
    [{ body: 'message.attributes.type' }],
  ],
  eventTime: { at: 'message.publishTime', form: 'ISO 8601' },
};
